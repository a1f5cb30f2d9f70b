//! The timeline of one lane, and what there is in a run: with an index they are what they are without, and what they do not need is
//! not read for them.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::handmade::{Spool, Writer};
use crate::harness::Case;
use crate::story;

const RECORDS: u64 = 4_000;

fn parts(spool: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(spool).expect("a spool").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).collect()
}

#[test]
fn with_an_index_it_says_the_same_and_reads_only_what_it_needs() {
    for seed in 1..3 {
        let case = Case::new();
        let spool = case.store().join("runs/20261122-170000-abcd/spool");
        story::write(&spool, RECORDS, seed).expect("written");
        let lanes = case.json(&["threads"]);
        let address =
            |lane: &serde_json::Value| format!("{}.{}", lane["process"], lane["lane"].as_str().expect("a lane"));
        let chosen: Vec<String> = lanes.iter().step_by(lanes.len() / 3).map(address).chain(["1.t1".into()]).collect();
        let asked = |lane: &str| {
            let kind =
                if lane.rsplit('.').next().is_some_and(|own| own.starts_with('a')) { "--task" } else { "--thread" };
            let text = case.logq(&["timeline", kind, lane]);
            let json = case.logq(&["timeline", kind, lane, "-n", "0", "--events", "--format", "json"]);
            assert_eq!((text.code, json.code), (Some(0), Some(0)), "{lane}: {}", text.err);
            text.out + &json.out + &text.err
        };
        let overview = || {
            let asked = [&["threads"][..], &["threads", "--format", "json"], &["runs"], &["runs", "--format", "json"]];
            asked.map(|arguments| case.logq(arguments)).map(|said| said.out + &said.err)
        };
        let scanned: Vec<String> = chosen.iter().map(|lane| asked(lane)).collect();
        let all = overview();
        assert_eq!(case.logq(&["collect"]).code, Some(0));
        assert_eq!(overview(), all, "seed {seed}");
        for (lane, scanned) in chosen.iter().zip(&scanned) {
            assert_eq!(asked(lane), *scanned, "{lane} of seed {seed}");
        }
        // What nobody needs for these lanes is no longer there.
        let is_others = |line: &str| {
            let of_chosen = |lane: &String| {
                let own = lane.rsplit('.').next().unwrap_or(lane);
                line.contains(&format!(r#""lane":"{own}","#))
            };
            line.contains(r#""level":"INFO""#) && !line.contains(r#""hb"#) && !chosen.iter().any(of_chosen)
        };
        let mut removed = 0;
        for part in parts(&spool) {
            let text = fs::read_to_string(&part).expect("read");
            let blank = |line: &str| if is_others(line) { "x".repeat(line.len()) } else { line.to_owned() };
            let lines: Vec<String> = text.lines().map(blank).collect();
            removed += lines.iter().filter(|line| line.starts_with('x')).count();
            fs::write(&part, lines.join("\n") + "\n").expect("written");
        }
        assert!(removed > RECORDS as usize / 8, "{removed}");
        for (lane, scanned) in chosen.iter().zip(&scanned) {
            assert_eq!(asked(lane), *scanned, "{lane} of seed {seed}, others gone");
        }
        assert_eq!(overview(), all, "seed {seed}, others gone");
    }
}

#[test]
fn what_is_missing_is_said_with_an_index_too() {
    let case = Case::new();
    let spool = case.store().join("runs/20261122-170000-abcd/spool");
    story::write(&spool, RECORDS, 3).expect("written");
    let mut parts = parts(&spool);
    parts.sort();
    // One process ended without a word, in the midst of a line; of another some records are gone.
    let (last, first) = (parts.pop().expect("a part"), parts.remove(0));
    let text = fs::read_to_string(&last).expect("read");
    fs::write(&last, &text[..text.len() * 2 / 3]).expect("written");
    let text = fs::read_to_string(&first).expect("read");
    let kept = text.lines().enumerate().filter(|(place, _)| !(500..520).contains(place));
    fs::write(&first, kept.map(|(_, line)| format!("{line}\n")).collect::<String>()).expect("written");
    let overview = || {
        let asked = [&["threads"][..], &["threads", "--format", "json"], &["runs"]];
        asked.map(|arguments| case.logq(arguments)).map(|said| said.out + &said.err)
    };
    let scanned = overview();
    assert!(scanned[0].contains("missing: "), "{}", scanned[0]);
    assert_eq!(case.logq(&["collect"]).code, Some(0));
    assert_eq!(overview(), scanned);
}

/// What is wrong with the order of records, and what a diagnosis could not look at, is for those to tell that need it.
#[test]
fn with_an_index_or_without_nothing_else_is_missing() {
    let case = Case::new();
    let spool = Spool::new(&case);
    let (mut hen, mut egg) = (Writer::new("4242-aaaaaa", 100), Writer::new("4243-bbbbbb", 100));
    let mut lines = vec![
        hen.begin(1),
        hen.line("t5", 1, json!({"hb": ["t6@1"], "level": "INFO", "logger": "shop", "msg": "hen"})),
        hen.line("t6", 1, json!({"hb": ["t5@1"], "level": "INFO", "logger": "shop", "msg": "egg"})),
    ];
    let nest = json!({"ev": "nest", "obj": "lock:2", "held": ["lock:1"]});
    lines.extend((2..2200).map(|seq| hen.line("t5", seq, nest.clone())));
    lines.push(hen.exit(2));
    spool.lines("4242-aaaaaa", &lines);
    spool.lines("4243-bbbbbb", &[egg.begin(2), egg.exit(2)]);
    let overview = || [&["threads"][..], &["runs"]].map(|asked| case.logq(asked)).map(|said| said.out + &said.err);
    let scanned = overview();
    assert_eq!(case.logq(&["collect"]).code, Some(0));
    assert_eq!(overview(), scanned);
    assert!(!scanned[0].contains("missing"), "{}", scanned[0]);
}
