//! Every command on spools whose lines and files no writer should leave behind: no records, torn, foreign, unreadable, or
//! changed while they are read. Bad input is counted and shown, and the rest is answered. Not for whole records that say
//! what cannot be: `bad_records`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::handmade::{RUN, Spool, Writer, shop, shop_of};
use crate::harness::{Case, Said, assert_has};

/// What is asked of every such spool.
pub const COMMANDS: &[&[&str]] = &[
    &[],
    &["runs"],
    &["threads"],
    &["timeline"],
    &["timeline", "--all", "--events", "-n", "0"],
    &["timeline", "--thread", "1"],
    &["timeline", "--thread", "worker-*"],
    &["why", "1.t1@2"],
    &["why", "1.t2@3", "--all"],
    &["search"],
    &["search", "ev:malformed"],
    &["search", "stock", "-C", "2"],
    &["search", "--count"],
    &["search", "--top", "logger"],
    &["collect"],
];

/// Every command, before and after the run was indexed, for people and for programs. What each said of a spool that is
/// bad is for the caller to judge; here: it answers, and it does not panic.
pub fn answers(case: &Case) -> Vec<(String, Said)> {
    let mut said = Vec::new();
    for round in ["scanned", "indexed"] {
        for command in COMMANDS {
            let for_programs = [command, &["--format", "json"][..]].concat();
            let has_format = !command.is_empty() && command[0] != "collect";
            for arguments in [command.to_vec(), for_programs].iter().take(if has_format { 2 } else { 1 }) {
                let name = format!("{round}: logq {}", arguments.join(" "));
                said.push((name, case.logq(arguments)));
            }
        }
    }
    for (name, said) in &said {
        assert!(!said.err.contains("panicked"), "{name}\n{}", said.err);
        assert!(matches!(said.code, Some(0..=3)), "{name}: {:?}\n{}\n{}", said.code, said.out, said.err);
        if name.ends_with("json") {
            let document = name.contains(" why ");
            let lines = if document { vec![said.out.as_str()] } else { said.out.lines().collect() };
            for line in lines.iter().filter(|line| !line.is_empty()) {
                assert!(serde_json::from_str::<Value>(line).is_ok(), "{name}: no JSON: {line}");
            }
        }
    }
    said
}

/// A spool in which the shop's records are whole: every answer about them is there, whatever else is.
pub fn check_shop_is_answered(case: &Case) {
    for (name, said) in answers(case) {
        let may_find_nothing = name.contains("ev:malformed");
        assert!(said.code == Some(0) || may_find_nothing && said.code == Some(1), "{name}\n{}\n{}", said.out, said.err);
        let wanted = match name.split("logq ").last().expect("a command") {
            "threads" => &["worker-1", "worker-2"][..],
            "timeline" | "timeline --all --events -n 0" => &["the shop opens", "out of stock", "the shop closes"],
            "why 1.t2@3 --all" => &["out of stock", "the shop opens"],
            _ => continue,
        };
        assert_has(&said.out, wanted);
    }
}

/// Lines that are no records, one of each sort, between good ones.
fn bad_lines() -> Vec<(&'static str, Vec<u8>)> {
    let good = Writer::new("4242-aaaaaa", 500).log("t2", 9, "INFO", "good");
    let with = |key: &str, value: &str| {
        let mut record: Value = serde_json::from_str(&good).expect("a record");
        record[key] = serde_json::from_str(value).expect("a value");
        record.to_string().into_bytes()
    };
    let mut deep = "[".repeat(100_000);
    deep.push_str(&"]".repeat(100_000));
    vec![
        ("not JSON", b"Traceback (most recent call last):".to_vec()),
        ("blanks", b"   \t ".to_vec()),
        ("cut", good.as_bytes()[..good.len() / 2].to_vec()),
        ("NULs", vec![0; 4096]),
        ("a NUL inside", good.replace("good", "go\0od").into_bytes()),
        ("invalid UTF-8", [&good.as_bytes()[..good.len() - 2], b"\xff\xfe\"}"].concat()),
        ("half a surrogate", good.replace("good", "\\ud800").into_bytes()),
        ("a list", b"[1,2,3]".to_vec()),
        ("a number", b"17".to_vec()),
        ("null", b"null".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("two records on one line", [good.as_bytes(), good.as_bytes()].concat()),
        ("deeply nested", deep.into_bytes()),
        ("number for string", with("msg", "17")),
        ("object for string", with("logger", "{}")),
        ("string for number", with("seq", "\"17\"")),
        ("negative number", with("seq", "-1")),
        ("a fraction", with("seq", "1.5")),
        ("a huge number", with("seq", "1e300")),
        ("zero", with("seq", "0")),
        ("no time", with("ts", "\"yesterday\"")),
        ("a time that is none", with("ts", "\"2026-13-45T25:61:61Z\"")),
        ("no lane", with("lane", "\"thread three\"")),
        ("stamps that are none", with("hb", "[\"nonsense\"]")),
        ("a string for stamps", with("hb", "\"t1@1\"")),
        ("an exception that is none", with("exc", "[1]")),
        ("an event with bad keys", with("ev", "7")),
        ("a string for a pid", with("pid", "\"4242\"")),
    ]
}

#[test]
fn lines_that_are_no_records_are_counted_and_the_rest_is_answered() {
    let case = Case::new();
    let spool = Spool::new(&case);
    shop(&spool);
    let bad = bad_lines();
    for (_, line) in &bad {
        spool.raw("4242-aaaaaa.1.jsonl", line);
        spool.raw("4242-aaaaaa.1.jsonl", b"\n");
    }
    let mut writer = Writer::new("4242-aaaaaa", 900);
    spool.lines("4242-aaaaaa", &[writer.log("t1", 5, "INFO", "after all that")]);
    check_shop_is_answered(&case);
    assert_has(&case.logq(&["timeline", "-n", "0"]).out, &["after all that"]);
    // Each is shown on its own, with what it was and why it is no record.
    let malformed = case.json(&["search", "ev:malformed", "-n", "0"]);
    assert_eq!(malformed.len(), bad.len(), "{malformed:#?}");
    for record in &malformed {
        assert!(record["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{record}");
        assert!(record["id"].is_string() && record["bytes"].is_number() && record["text"].is_string(), "{record}");
    }
    let threads = case.logq(&["threads"]).ended(0);
    assert_has(&threads.out, &[&format!("{} lines of process 1 are no records", bad.len())]);
}

#[test]
fn each_bad_line_alone_leaves_the_rest_whole() {
    for (what, line) in bad_lines() {
        let case = Case::new();
        let spool = Spool::new(&case);
        spool.raw("4242-aaaaaa.1.jsonl", &[line.as_slice(), b"\n"].concat());
        shop(&spool);
        let said = case.logq(&["timeline"]).ended(0);
        assert!(said.out.contains("the shop closes"), "{what}: {}", said.out);
        assert_eq!(case.json(&["search", "ev:malformed"]).len(), 1, "{what}");
    }
}

#[test]
fn a_line_of_five_megabytes_is_no_record_and_no_harm() {
    let case = Case::new();
    let spool = Spool::new(&case);
    spool.raw("4242-aaaaaa.1.jsonl", &[vec![b'x'; 5 << 20], b"\n".to_vec()].concat());
    shop(&spool);
    check_shop_is_answered(&case);
    let malformed = case.json(&["search", "ev:malformed"]);
    assert_eq!(malformed.len(), 1);
    assert_eq!(malformed[0]["bytes"], 5 << 20);
}

#[test]
fn a_torn_last_line_of_a_dead_process_is_said() {
    let case = Case::new();
    let spool = Spool::new(&case);
    let mut writer = shop(&spool);
    let torn = writer.log("t1", 5, "INFO", "never finished");
    spool.raw("4242-aaaaaa.1.jsonl", &torn.as_bytes()[..torn.len() - 10]);
    check_shop_is_answered(&case);
    for arguments in [&["threads"][..], &["search"]] {
        let said = case.logq(arguments).ended(0);
        assert_has(&format!("{}{}", said.out, said.err), &["the last line was torn"]);
    }
    assert!(!case.logq(&["timeline"]).out.contains("never finished"));
}

#[test]
fn files_that_are_none_of_ours_are_left_alone_and_named() {
    let case = Case::new();
    let spool = Spool::new(&case);
    shop(&spool);
    fs::create_dir(spool.path.join("a folder")).expect("a folder");
    fs::create_dir(spool.path.join("4243-bbbbbb.1.jsonl")).expect("a folder");
    for name in ["notes.txt", "core", "4242-aaaaaa.2.jsonl~", "\u{1b}[31mred.jsonl", "x.jsonl"] {
        fs::write(spool.path.join(name), "not ours").expect("a file");
    }
    std::os::unix::fs::symlink("/nowhere", spool.path.join("4244-cccccc.1.jsonl")).expect("a link");
    check_shop_is_answered(&case);
}

#[test]
fn a_spool_of_nothing_is_an_empty_run() {
    let case = Case::new();
    let spool = Spool::new(&case);
    answers(&case);
    spool.raw("4242-aaaaaa.1.jsonl", b"");
    answers(&case);
    spool.raw("4242-aaaaaa.1.jsonl", b"\n\n\n");
    answers(&case);
    spool.raw("4242-aaaaaa.1.jsonl", &[0; 100]);
    answers(&case);
}

#[test]
fn a_run_that_may_not_be_written_to_is_read() {
    let case = Case::new();
    let spool = Spool::new(&case);
    shop(&spool);
    let folders = [spool.path.clone(), case.store().join("runs").join(RUN), case.store()];
    let chmod = |mode: u32| {
        for folder in &folders {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).expect("a mode");
        }
    };
    chmod(0o500);
    let means_nothing = fs::write(spool.path.join("probe"), "").is_ok();
    for (name, said) in answers(&case) {
        let may_fail = name.contains("collect") && !means_nothing || name.contains("ev:malformed");
        assert!(said.code == Some(0) || may_fail, "{name}\n{}\n{}", said.out, said.err);
    }
    chmod(0o700);
    if means_nothing {
        eprintln!("skipped: modes mean nothing to this user (root), so nothing was refused");
        return;
    }
    chmod(0o000);
    for (name, said) in answers(&case) {
        assert!(name.ends_with("logq ") || said.code == Some(3), "{name}\n{}\n{}", said.out, said.err);
    }
    chmod(0o700);
}

#[test]
fn parts_that_vanish_or_are_replaced_are_no_end() {
    let case = Case::new();
    let spool = Spool::new(&case);
    shop(&spool);
    shop_of(&spool, "4300-bbbbbb", 2);
    case.logq(&["collect"]).ended(0);
    // Replaced by another file of the same name, which no writer does. Readers of files show it; those who asked the
    // index say that it knows another file.
    let part = spool.path.join("4300-bbbbbb.1.jsonl");
    fs::remove_file(&part).expect("removed");
    let mut writer = Writer::new("4300-bbbbbb", 300);
    spool.lines("4300-bbbbbb", &[writer.begin(2), writer.log("t1", 2, "INFO", "another text")]);
    assert_has(&case.logq(&["timeline"]).ended(0).out, &["another text"]);
    assert_has(&case.logq(&["search", "another"]).err, &["4300-bbbbbb.1.jsonl", "were indexed"]);
    check_shop_is_answered(&case);
    // Cut to the half of a line, then gone.
    let size = fs::metadata(&part).expect("there").len();
    fs::File::options().write(true).open(&part).expect("opened").set_len(size - 20).expect("cut");
    check_shop_is_answered(&case);
    fs::remove_file(&part).expect("removed");
    check_shop_is_answered(&case);
}

#[test]
fn parts_may_change_while_they_are_read() {
    let case = Case::new();
    let spool = Spool::new(&case);
    shop(&spool);
    let part = spool.path.join("4300-bbbbbb.1.jsonl");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = Writer::new("4300-bbbbbb", 300);
            let begin = writer.begin(2);
            let mut seq = 1;
            while !done.load(Ordering::Relaxed) {
                let mut lines = vec![begin.clone()];
                for _ in 0..200 {
                    seq += 1;
                    lines.push(writer.log("t1", seq, "INFO", "comes and goes"));
                }
                match seq / 200 % 3 {
                    0 => spool.lines("4300-bbbbbb", &lines),
                    1 => fs::write(&part, lines.join("\n")).expect("replaced"),
                    _ => drop(fs::remove_file(&part)),
                }
            }
        });
        let _stop = StopAtEnd(&done);
        answers(&case);
        let shop = case.logq(&["timeline", "--process", "1"]).ended(0);
        assert_has(&shop.out, &["the shop opens", "out of stock", "the shop closes"]);
    });
}

/// Ends the other thread also when a check fails.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
