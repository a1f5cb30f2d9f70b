//! Real spools, damaged at random: bytes changed, lines dropped, doubled and swapped, files cut. Every reader answers or says
//! why not, and nothing becomes certain by it that was not, unless the answer names what is missing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::harness::{Case, Said, pythons};

/// What is asked of every damaged spool, as text and as JSON.
const QUESTIONS: &[&[&str]] = &[
    &["diagnose"],
    &["why", "1.t1@2"],
    &["why", "1.t2@2", "--all"],
    &["why", "1.t1@1", "--forward"],
    &["timeline", "--all", "--with-causes", "-n", "0"],
    &["timeline", "--around", "1.t1@2"],
    &["threads"],
    &["stats"],
    &["diff"],
    &["search", "level>=info", "-C", "1"],
];

/// One thing that happens to one file of a spool; places are fractions of what there is.
#[derive(Debug, Clone)]
enum Harm {
    Flip { at: f64, bits: u8 },
    Cut { at: f64 },
    Drop { line: f64 },
    Double { line: f64 },
    Swap { line: f64, with: f64 },
}

fn harm() -> impl Strategy<Value = (f64, Harm)> {
    let place = || 0.0..1.0_f64;
    let kinds = prop_oneof![
        4 => (place(), 1_u8..).prop_map(|(at, bits)| Harm::Flip { at, bits }),
        1 => place().prop_map(|at| Harm::Cut { at }),
        3 => place().prop_map(|line| Harm::Drop { line }),
        1 => place().prop_map(|line| Harm::Double { line }),
        1 => (place(), place()).prop_map(|(line, with)| Harm::Swap { line, with }),
    ];
    (place(), kinds)
}

fn at(fraction: f64, of: usize) -> usize {
    ((fraction * of as f64) as usize).min(of.saturating_sub(1))
}

impl Harm {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match *self {
            Harm::Flip { at: place, bits } => {
                let place = at(place, bytes.len());
                bytes[place] ^= bits;
            }
            Harm::Cut { at: place } => bytes.truncate(at(place, bytes.len())),
            Harm::Drop { line } => Harm::change_lines(bytes, |lines| drop(lines.remove(at(line, lines.len())))),
            Harm::Double { line } => Harm::change_lines(bytes, |lines| {
                let line = lines[at(line, lines.len())].clone();
                lines.push(line);
            }),
            Harm::Swap { line, with } => Harm::change_lines(bytes, |lines| {
                let count = lines.len();
                lines.swap(at(line, count), at(with, count));
            }),
        }
    }

    fn change_lines(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
        let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        change(&mut lines);
        *bytes = lines.concat();
    }
}

/// A recorded run: the files of its spool, by name, and what was certain of it.
struct Original {
    sample: String,
    run: String,
    files: Vec<(PathBuf, Vec<u8>)>,
    certain: BTreeSet<String>,
}

fn record(sample: &str) -> Original {
    let case = Case::new();
    let program = format!("{}/samples/{sample}/program.py", env!("CARGO_MANIFEST_DIR"));
    case.logq(&["run", "--timeout", "8s", "--", &pythons()[0], &program]);
    let run = case.run_name();
    let mut files: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(spool_of(&case, &run))
        .expect("a spool")
        .map(|entry| entry.expect("a file").path())
        .map(|path| (path.file_name().expect("a name").into(), fs::read(&path).expect("its bytes")))
        .collect();
    files.sort();
    let told = case.json(&["diagnose"]);
    Original { sample: sample.to_owned(), run, files, certain: certain(&told[0]) }
}

fn spool_of(case: &Case, run: &str) -> PathBuf {
    case.store().join("runs").join(run).join("spool")
}

/// Kinds of the faults that are certain and name nothing that is missing.
fn certain(diagnosis: &Value) -> BTreeSet<String> {
    let findings = diagnosis["findings"].as_array().expect("findings");
    let named = findings.iter().any(|finding| finding["kind"] == "data-missing");
    let sure = findings.iter().filter(|finding| finding["class"] == "fault" && finding["certainty"] == "certain");
    let sure = sure.filter(|finding| !named && finding["missing"].as_array().is_some_and(Vec::is_empty));
    sure.map(|finding| finding["kind"].as_str().expect("a kind").to_owned()).collect()
}

/// Writes the run again, damaged, and asks everything of it.
fn check(original: &Original, harms: &[(f64, Harm)]) {
    let case = Case::new();
    let mut files: Vec<(&Path, Vec<u8>)> =
        original.files.iter().map(|(name, bytes)| (name.as_path(), bytes.clone())).collect();
    let written: Vec<usize> = (0..files.len()).filter(|file| !files[*file].1.is_empty()).collect();
    for (file, harm) in harms {
        harm.apply(&mut files[written[at(*file, written.len())]].1);
    }
    let spool = spool_of(&case, &original.run);
    fs::create_dir_all(&spool).expect("a spool");
    for (name, bytes) in &files {
        fs::write(spool.join(name), bytes).expect("a file");
    }
    for question in QUESTIONS {
        // A run beside itself: what the two readings make of the damage is the same.
        let runs = if question[0] == "diff" { vec![original.run.as_str(); 2] } else { Vec::new() };
        for format in ["text", "json"] {
            let arguments = [question, &runs[..], &["--format", format]].concat();
            let said = case.logq(&arguments);
            let context = || format!("{}: logq {}\n{harms:?}\n{}", original.sample, arguments.join(" "), said.err);
            assert!(!said.err.contains("panicked"), "{}", context());
            assert!(matches!(said.code, Some(0..=3)), "{:?} {}", said.code, context());
            if format == "json" {
                let values = documents(&said);
                assert!(values.is_some(), "no JSON: {}\n{}", said.out, context());
                if let ("diagnose", Some(told)) = (question[0], values.unwrap_or_default().first()) {
                    let new: Vec<String> = certain(told).difference(&original.certain).cloned().collect();
                    assert!(new.is_empty(), "{new:?} became certain: {}\n{}", said.out, context());
                }
            }
        }
    }
}

/// One document, or one a line.
fn documents(said: &Said) -> Option<Vec<Value>> {
    let whole = serde_json::from_str(&said.out).ok().map(|value| vec![value]);
    whole.or_else(|| said.out.lines().map(|line| serde_json::from_str(line).ok()).collect())
}

#[test]
fn spools_that_were_damaged_at_random_are_answered() {
    let soak = std::env::var_os("LOGQ_SOAK").is_some();
    let (samples, cases): (&[&str], u32) = if soak {
        let all = &["deadlock", "lost_wakeup", "pool_exhausted", "killed_worker", "task_exception", "lock_order"];
        (&[&["healthy", "producer_consumer", "asyncio_tasks", "thread_exception"][..], all].concat(), 60)
    } else {
        (&["producer_consumer", "deadlock", "thread_exception"], 3)
    };
    for sample in samples {
        let original = record(sample);
        // Nothing is kept of a failure but the seed that it prints: `record` makes a new run each time.
        let config =
            ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() };
        let harms = proptest::collection::vec(harm(), 1..5);
        TestRunner::new(config)
            .run(&harms, |harms| {
                check(&original, &harms);
                Ok(())
            })
            .unwrap_or_else(|failure| panic!("{sample}: {failure}"));
    }
}
