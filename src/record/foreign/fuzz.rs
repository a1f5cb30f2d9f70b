//! Logs of twenty libraries, broken at random: whatever stands in a log becomes records that every reader takes, and what was
//! put into them is still there. A few hundred logs in `make test`, ten minutes of them in `make soak`.

use std::time::{Duration, Instant};

use regex::Regex;

use super::{Clock, Form, Input, Open, Origin, Said, Spot, Understood, written};
use crate::record::decode::{MAX_LINE, Place, decode};
use crate::record::{Body, Lane, LaneKind};
use crate::seeds::seeds;

const SOAKING: Duration = Duration::from_secs(600);

/// More logs than any soak comes to.
const MOST: u64 = 1 << 40;

/// As the libraries themselves wrote it, told by tests/foreign/story.py, one after the other.
const FORMS: &str = include_str!("../../../tests/foreign/forms.log");

/// What forms and numbers are told by.
const TOKENS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "\n",
    "\r\n",
    " ",
    "=",
    "\u{feff}",
    "\0",
    "\u{1b}[31m",
    "\\u0000",
    "null",
    "1e999",
    "-1",
    "18446744073709551616",
    "\"origin\":[1,2,3,4,5],",
    "\"time\":",
    "Traceback (most recent call last):\n",
    "2262-04-11 23:47:16,999999999",
    "\u{2028}",
];

struct Log {
    random: fastrand::Rng,
    bytes: Vec<u8>,
}

impl Log {
    fn new(seed: u64) -> Log {
        let mut log = Log { random: fastrand::Rng::with_seed(seed), bytes: Vec::new() };
        let lines: Vec<&str> = FORMS.split_inclusive('\n').collect();
        for _ in 0..log.random.usize(1..4) {
            let from = log.random.usize(..lines.len());
            let until = lines.len().min(from + log.random.usize(1..12));
            log.bytes.extend_from_slice(lines[from..until].concat().as_bytes());
        }
        log.mark(seed);
        for _ in 0..log.random.usize(..12) {
            log.harm();
        }
        log
    }

    /// Puts into some of the objects what must not be lost.
    fn mark(&mut self, seed: u64) {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        let marked = |line: &str| line.replacen('{', &format!("{{\"zz_mark\":\"zzm{seed}\","), 1);
        let lines = text.split_inclusive('\n');
        let lines = lines.map(|line| if line.starts_with("{\"") { marked(line) } else { line.to_owned() });
        self.bytes = lines.collect::<String>().into_bytes();
    }

    fn harm(&mut self) {
        let place = self.random.usize(..=self.bytes.len());
        let end = self.bytes.len().min(place + self.random.usize(..200));
        match self.random.u8(..7) {
            0 if place < self.bytes.len() => self.bytes[place] ^= 1 << self.random.u8(..8),
            1 => drop(self.bytes.drain(place..end)),
            2 => {
                let piece = self.bytes[place..end].to_vec();
                let to = self.random.usize(..=self.bytes.len());
                self.bytes.splice(to..to, piece);
            }
            3 => {
                let many = if self.random.u8(..40) == 0 { 400_000 } else { self.random.usize(1..3000) };
                let byte = *self.random.choice(b"x\"{[ \xff=").unwrap_or(&b'x');
                self.bytes.splice(place..place, vec![byte; many]);
            }
            _ => {
                let token = *self.random.choice(&TOKENS).unwrap_or(&"");
                self.bytes.splice(place..place, token.bytes());
            }
        }
    }

    fn form(&mut self) -> Form {
        let inputs = [Input::Auto, Input::Auto, Input::Auto, Input::Json, Input::Logfmt, Input::Text, Input::Logq];
        let input = *self.random.choice(&inputs).unwrap_or(&Input::Auto);
        let pattern =
            if self.random.u8(..10) == 0 { Regex::new(r"^(?P<time>\S+ \S+) (?P<level>[A-Z]+)").ok() } else { None };
        let near = *self.random.choice(&[0, i64::MIN, i64::MAX, 1_800_000_000_000_000_000]).unwrap_or(&0);
        let mut form = Form::new(input, pattern, Clock { zone: None, near });
        form.look_at(&self.bytes[..self.random.usize(..=self.bytes.len())]);
        form
    }
}

/// What lies between the lines that begin a record.
fn blocks(form: &Form, bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut open = Open::Nothing;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let (begins, then) = form.step(open, line.strip_suffix(b"\n").unwrap_or(line));
        match blocks.last_mut() {
            Some(last) if !begins => last.extend_from_slice(line),
            _ => blocks.push(line.to_vec()),
        }
        open = then;
    }
    blocks
}

/// The lines that a block becomes.
fn lines_of(form: &Form, block: &[u8]) -> Vec<(String, Vec<u8>)> {
    let origin = Origin { file: 1, offset: 2, len: 3, index: 4, print: 5 };
    let lane = Lane { kind: LaneKind::File, number: 1 };
    let spot = Spot { proc: "4-abcdef", pid: 4, lane, seq: 5, ts: 0, origin };
    let line_of = |mut said: Said| {
        let mut line = Vec::new();
        said.shorten_names();
        said.write(&spot, &mut line);
        ("4-abcdef".to_owned(), line)
    };
    match form.understand(block) {
        Understood::Said(said) => said.into_iter().map(line_of).collect(),
        Understood::Text(said) => vec![line_of(*said)],
        Understood::Own(own) => {
            let mut line = Vec::new();
            own.write(origin, &mut line);
            vec![(own.proc, line)]
        }
    }
}

fn check(seed: u64) {
    let mut log = Log::new(seed);
    let form = log.form();
    for block in blocks(&form, &log.bytes) {
        let lines = lines_of(&form, &block);
        let mut all = String::new();
        for (proc, line) in &lines {
            let text = line.strip_suffix(b"\n").expect("a line");
            let place = Place { proc: proc.as_str().into(), process: Some(1), part: 1, offset: 0 };
            let record = decode(text, &place);
            let is_record =
                !matches!(record.body, Body::Malformed(_)) && line.len() <= MAX_LINE && !text.contains(&b'\n');
            assert!(is_record && written(text).is_some(), "seed {seed}: {}", String::from_utf8_lossy(text));
            all.push_str(&String::from_utf8_lossy(text));
        }
        assert!(!lines.is_empty(), "seed {seed}: nothing of {}", String::from_utf8_lossy(&block));
        let mark = format!("zzm{seed}");
        // Of what is too long for a line the end is cut, and that is said.
        let is_cut = all.contains("\"cut\":");
        // Of two values of one key JSON keeps the last: asked for is the mark only where nothing else has its key.
        let text = String::from_utf8_lossy(&block);
        let whole = text.matches(&format!("\"zz_mark\":\"{mark}\"")).count();
        let had = whole > 0 && whole == text.matches("zz_mark").count();
        assert!(!had || is_cut || all.contains(&mark), "seed {seed}: {}\n{all}", String::from_utf8_lossy(&block));
    }
}

#[test]
fn whatever_stands_in_a_log_becomes_records() {
    let (begun, is_soak) = (Instant::now(), std::env::var_os("LOGQ_SOAK").is_some());
    let mut logs = 0;
    for seed in seeds(400, MOST).take_while(|_| !is_soak || begun.elapsed() < SOAKING) {
        // A panic says which log it was.
        let outcome = std::panic::catch_unwind(|| check(seed));
        assert!(outcome.is_ok(), "LOGQ_SEED={seed}");
        logs += 1;
    }
    println!("{logs} logs in {:.0} s", begun.elapsed().as_secs_f64());
}
