//! Every command on records that are whole, and say what no program should: text that a terminal acts on, stamps that
//! lead nowhere or in a circle, numbers given twice. All of it is said, none of it reaches the terminal as it is, and the
//! rest is answered. Not for lines and files that are no records: `bad_input`.

use std::fs;

use serde_json::json;

use crate::bad_input::{COMMANDS, answers, check_shop_is_answered};
use crate::handmade::{Spool, Writer, shop};
use crate::harness::{Case, Said, assert_has};

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
