//! Every command on spools that no writer should leave behind. Bad input is counted and shown, the rest is answered, and
//! nothing that a program wrote reaches the terminal as it is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::handmade::{RUN, Spool, Writer, shop, shop_of};
use crate::harness::{Case, Said, assert_has};

const COMMANDS: &[&[&str]] = &[
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
fn answers(case: &Case) -> Vec<(String, Said)> {
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
fn check_shop_is_answered(case: &Case) {
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

/// What a terminal acts on: C0 other than line breaks and tabs, DEL, C1, and marks that turn the direction of writing.
const ACTIVE: &str = "A\u{1b}[2J\u{1b}]0;title\u{7}B\u{9b}31mC\rD\u{8}\u{7f}E\u{202e}F\u{0}G\u{85}\u{2028}H";

fn is_active(character: char) -> bool {
    (character.is_control() && !"\n\t".contains(character)) || "\u{202e}\u{2028}".contains(character)
}

#[test]
fn nothing_a_program_wrote_reaches_the_terminal_as_it_is() {
    let case = Case::new();
    let spool = Spool::new(&case);
    let mut writer = Writer::new("4242-aaaaaa", 0);
    let site = json!([ACTIVE, 41, ACTIVE]);
    let exc = json!({
        "type": ACTIVE, "msg": ACTIVE, "stack": [{"file": ACTIVE, "line": 1, "func": ACTIVE, "code": ACTIVE}],
        "cause": {"type": ACTIVE, "msg": ACTIVE},
    });
    let mut extra = serde_json::Map::new();
    extra.insert(ACTIVE.to_owned(), json!(ACTIVE));
    extra.insert("list".to_owned(), json!([ACTIVE, {ACTIVE: ACTIVE}]));
    let begin = json!({
        "ev": "proc", "n": 1, "how": ACTIVE, "name": ACTIVE, "thread": ACTIVE, "argv": [ACTIVE, ACTIVE],
        "python": ACTIVE, "host": ACTIVE, "run": ACTIVE, "logq": ACTIVE,
    });
    let log = json!({
        "level": ACTIVE, "logger": ACTIVE, "msg": ACTIVE, "tpl": ACTIVE, "thread": ACTIVE, "task": ACTIVE,
        "file": ACTIVE, "line": 7, "func": ACTIVE, "exc": exc, "stack": ACTIVE, "extra": extra, "hb": ["t1@1|queue:2"],
    });
    let error = json!({"level": "ERROR", "levelno": 40, "logger": ACTIVE, "msg": ACTIVE, "exc": exc, ACTIVE: ACTIVE});
    let lines = [
        writer.line("t1", 1, begin),
        writer.line("t1", 2, json!({"ev": "obj", "obj": "queue:2", "kind": ACTIVE, "name": ACTIVE, "site": site})),
        writer.line("t1", 3, json!({"ev": ACTIVE, "key": ACTIVE, "site": site})),
        writer.line("t1", 4, json!({"ev": "child", "child_pid": 7, "name": ACTIVE, "argv": [ACTIVE], "site": site})),
        writer.line("t1", 5, json!({"ev": "reap", "child_pid": 7, "child_proc": ACTIVE, "rc": 3})),
        writer.line("t1", 6, json!({"ev": "note", "what": ACTIVE, "target": ACTIVE, "obj": ACTIVE, "site": site})),
        writer.line("t1", 7, json!({"ev": "lost", "n": 3, "why": ACTIVE})),
        writer.line("t2", 1, json!({
            "ev": "lane", "kind": ACTIVE, "name": ACTIVE, "fn": ACTIVE, "from": "t1@1", "site": site, "loop": ACTIVE,
        })),
        writer.line("t2", 2, log),
        writer.line("t2", 3, error),
        writer.line("t2", 4, json!({"ev": "wait", "obj": ACTIVE, "on": ACTIVE, "owner": ACTIVE, "stack": [site]})),
        writer.line("t2", 5, json!({"ev": "got", "obj": ACTIVE, "res": ACTIVE})),
        writer.line("t2", 6, json!({"ev": "send", "obj": ACTIVE, "via": ACTIVE})),
        writer.line("t2", 7, json!({
            "ev": "exc", "where": ACTIVE, "type": ACTIVE, "msg": ACTIVE, "hook": ACTIVE,
            "stack": [{"file": ACTIVE, "line": 1, "func": ACTIVE, "code": ACTIVE}],
        })),
        writer.line("t2", 8, json!({"ev": "end", "how": "exc", "exc": {"type": ACTIVE, "msg": ACTIVE}})),
        writer.line("t3", 1, json!({"ev": "end", "how": ACTIVE, "exc": ACTIVE})),
        writer.line("t4", 1, json!({"ev": "exc", "type": ACTIVE, "msg": ACTIVE})),
        writer.line("t1", 8, json!({
            "ev": "exit", "rc": 0, "how": ACTIVE,
            "unretrieved": [{"obj": ACTIVE, "lane": ACTIVE, "site": site, "exc": {"type": ACTIVE, "msg": ACTIVE}}],
            "folded": [{"site": site, "fn": ACTIVE, "n": 2}],
        })),
        // Not escaped in the file: it is no JSON then, and what is kept of it is shown.
        format!("{{\"msg\": \"{ACTIVE}\"}}").replace('\n', " "),
    ];
    // JSON may hold what is no ASCII as it is, so the same once more without escapes for it.
    spool.lines("4242-aaaaaa", &lines);
    for name in ["\u{1b}[31mred", "\u{9b}31mred\u{202e}"] {
        fs::write(spool.path.join(name), "").expect("a file");
    }
    let check = |name: &str, said: &Said| {
        for (stream, text) in [("stdout", &said.out), ("stderr", &said.err)] {
            let found: Vec<&str> = text.lines().filter(|line| line.contains(is_active)).collect();
            assert!(found.is_empty(), "{name}, {stream}: {found:?}");
        }
    };
    let whys = ["1.t2@2", "1.t2@3", "1.t2@7", "1.t1@6", "1.t4@1", "1.t3@1"];
    for (name, said) in answers(&case) {
        check(&name, &said);
    }
    // Where colours go through, so would what else begins with an escape.
    let own = regex::Regex::new("\x1b\\[[0-9;]*m").expect("a rule");
    for command in COMMANDS.iter().filter(|command| !command.is_empty()) {
        let coloured = case.logq(&[command, &["--color", "always"][..]].concat());
        let plain = |text: &str| own.replace_all(text, "").into_owned();
        check(&command.join(" "), &Said { out: plain(&coloured.out), err: plain(&coloured.err), code: coloured.code });
    }
    for id in whys {
        for arguments in [&["why", id, "--all"][..], &["why", id, "--all", "--format", "json"]] {
            check(id, &case.logq(arguments).ended(0));
        }
    }
    // Bad questions are quoted, and what there is instead is listed.
    for arguments in [
        &["timeline", "--thread", ACTIVE][..],
        &["threads", "--process", ACTIVE],
        &["why", ACTIVE],
        &["search", ACTIVE],
        &["search", "nofield:1"],
        &["threads", "--run", ACTIVE],
        &["timeline", "-l", ACTIVE],
        &["timeline", "--since", ACTIVE],
        &["threads", "--dir", ACTIVE],
    ] {
        let harmless: Vec<String> = arguments.iter().map(|word| word.replace('\0', "")).collect();
        let words: Vec<&str> = harmless.iter().map(String::as_str).collect();
        let said = case.logq(&words);
        assert!(!said.err.contains("panicked"), "{}", said.err);
        check(&format!("{words:?}"), &said);
    }
}

#[test]
fn gaps_and_stamps_to_nowhere_are_said() {
    let case = Case::new();
    let spool = Spool::new(&case);
    shop(&spool);
    let mut writer = Writer::new("4300-bbbbbb", 300);
    let mut lost = writer.log("t2", 9, "INFO", "after a gap");
    lost = lost.replace("\"lane\"", "\"hb\":[\"t7@3\",\"9999-zzzzzz/t1@5\",\"t2@400\"],\"lane\"");
    spool.lines("4300-bbbbbb", &[writer.begin(2), writer.thread("t2", "gappy", "t9@9"), lost]);
    check_shop_is_answered(&case);
    let said = case.logq(&["threads"]).ended(0);
    assert_has(&said.out, &["7 records of 2.t2 gappy are missing", "stamps point to records that are not there"]);
    case.logq(&["why", "2.t2@9"]).ended(0);
}

#[test]
fn a_circle_of_stamps_ends() {
    let case = Case::new();
    let spool = Spool::new(&case);
    shop(&spool);
    let mut writer = Writer::new("4300-bbbbbb", 300);
    let circle = |line: String, stamp: &str| line.replace("\"lane\"", &format!("\"hb\":[\"{stamp}\"],\"lane\""));
    let lines = [
        writer.begin(2),
        writer.thread("t2", "hen", "t3@1"),
        writer.thread("t3", "egg", "t2@1"),
        writer.thread("t4", "own cause", "t4@1"),
        circle(writer.log("t2", 2, "INFO", "hen speaks"), "t3@2"),
        circle(writer.log("t3", 2, "INFO", "egg speaks"), "t2@2"),
        circle(writer.log("t4", 2, "INFO", "I know what comes"), "t4@3"),
        writer.log("t4", 3, "INFO", "came"),
    ];
    spool.lines("4300-bbbbbb", &lines);
    check_shop_is_answered(&case);
    for id in ["2.t2@2", "2.t3@2", "2.t4@2", "2.t4@3"] {
        for format in ["text", "json"] {
            case.logq(&["why", id, "--all", "--format", format]).ended(0);
        }
    }
    assert_has(&case.logq(&["timeline", "--process", "2"]).ended(0).out, &["hen speaks", "egg speaks", "came"]);
}

#[test]
fn two_processes_with_one_number_are_both_shown() {
    let case = Case::new();
    let spool = Spool::new(&case);
    shop(&spool);
    let mut writer = Writer::new("4300-bbbbbb", 300);
    spool.lines("4300-bbbbbb", &[writer.begin(1), writer.log("t1", 2, "INFO", "I am number one too")]);
    for (name, said) in answers(&case) {
        let fine = said.code == Some(0) || name.contains("ev:malformed");
        assert!(fine, "{name}\n{}\n{}", said.out, said.err);
    }
    let all = case.logq(&["timeline", "--all"]).ended(0);
    assert_has(&all.out, &["I am number one too", "the shop closes"]);
    assert_has(&case.logq(&["why", "4300-bbbbbb/t1@2"]).ended(0).out, &["I am number one too"]);
}

#[test]
fn a_number_said_twice_in_a_lane_is_counted() {
    let case = Case::new();
    let spool = Spool::new(&case);
    let mut writer = shop(&spool);
    spool.lines("4242-aaaaaa", &[writer.log("t2", 2, "INFO", "the same number again")]);
    check_shop_is_answered(&case);
    assert_has(&case.logq(&["threads"]).ended(0).out, &["1 numbers of 1.t2 worker-1 occur twice"]);
}
