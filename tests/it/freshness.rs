//! How soon a line that a program has written is shown to somebody who waits for it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::time::{Duration, Instant};

use crate::harness::Case;

const LINES: usize = 40;

#[test]
fn a_line_is_shown_within_a_tenth_of_a_second() {
    let case = Case::new();
    let spool = case.store().join("runs/20261122-171503-abcd/spool");
    fs::create_dir_all(&spool).expect("a spool");
    fs::write(spool.join("1.claim"), "42-aaaaaa\n").expect("a claim");
    let mut options = File::options();
    let mut part = options.create(true).append(true).open(spool.join("42-aaaaaa.1.jsonl")).expect("a part");
    let mut write = |seq: usize| {
        let line = format!(
            r#"{{"ts":"2026-11-22T17:15:03.{seq:09}Z","mono":{seq},"proc":"42-aaaaaa","pid":42,"lane":"t1","seq":{seq},"level":"INFO","logger":"shop","msg":"order {seq} taken"}}"#
        );
        part.write_all(format!("{line}\n").as_bytes()).expect("written");
    };
    write(1);
    let mut following = case.start(&["search", "-F", "--format", "json"]);
    let mut shown = BufReader::new(following.0.stdout.take().expect("its stdout"));
    let mut wait_for = |seq: usize| {
        let mut line = String::new();
        shown.read_line(&mut line).expect("a line");
        assert!(line.contains(&format!("order {seq} taken")), "{line}");
    };
    wait_for(1);
    let mut waits: Vec<Duration> = (2..2 + LINES)
        .map(|seq| {
            let written = Instant::now();
            write(seq);
            wait_for(seq);
            written.elapsed()
        })
        .collect();
    waits.sort_unstable();
    // Other programs may keep ours from the processor now and then; whoever looks only every so often is late every time.
    assert!(waits[LINES / 4] < Duration::from_millis(100), "{waits:?}");
}
