//! Logs of other systems, written by their own libraries in the test, collected and asked.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Case, python, pythons};

/// What a library's form lets through.
#[derive(Clone, Copy)]
struct Tells {
    level: bool,
    logger: bool,
    thread: bool,
    order: bool,
}

const ALL: Tells = Tells { level: true, logger: true, thread: true, order: true };

/// Has a library tell the story of `tests/foreign/story.py` under that Python; the log.
fn told_by(case: &Case, python: &str, library: &str) -> std::path::PathBuf {
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/story.py");
    let log = case.path().join(format!("{library}.log"));
    let told = Command::new(python).arg(story).arg(library).arg(&log).env("TZ", "UTC").output().expect("Python");
    assert!(told.status.success(), "{library}: {}", String::from_utf8_lossy(&told.stderr));
    log
}

#[test]
fn what_the_real_libraries_write_is_understood() {
    let text = Tells { order: false, ..ALL };
    let without_thread = Tells { thread: false, ..text };
    let libraries = [
        ("python-json-logger", ALL),
        ("python-json-logger-bare", Tells { level: false, logger: false, thread: false, order: true }),
        ("structlog", ALL),
        ("structlog-logfmt", ALL),
        ("structlog-console", Tells { thread: false, ..ALL }),
        ("loguru", Tells { logger: false, ..ALL }),
        ("loguru-text", Tells { logger: false, ..without_thread }),
        ("ecs", ALL),
        ("opentelemetry", Tells { thread: false, logger: false, ..ALL }),
        ("opentelemetry-pretty", Tells { thread: false, logger: false, ..ALL }),
        ("text-dashes", without_thread),
        ("text-thread", text),
        ("text-brackets", text),
        ("text-plain", without_thread),
        ("text-place", Tells { logger: false, ..without_thread }),
        ("text-celery", Tells { logger: false, ..without_thread }),
        ("text-basic", without_thread),
        ("text-bars", text),
        ("text-short", Tells { level: false, logger: false, ..without_thread }),
        ("text-level_first", Tells { thread: false, ..text }),
    ];
    let case = Case::new();
    // Each by one of the Pythons.
    for ((library, tells), python) in libraries.into_iter().zip(pythons().iter().cycle()) {
        check(&case, python, library, tells);
    }
}

fn check(case: &Case, python: &str, library: &str, tells: Tells) {
    let log = told_by(case, python, library);
    let said = case.logq(&["collect", &log.to_string_lossy(), "--run", library]).ended(0);
    assert!(
        said.out.contains("4 records from 1 file"),
        "{library}: {}{}",
        said.out,
        fs::read_to_string(&log).unwrap_or_default()
    );
    assert!(!said.out.contains("kept as text"), "{library}: {}", said.out);
    let records = case.json(&["search", "--run", library, "NOT ev:*"]);
    let messages: Vec<&str> = records.iter().filter_map(|record| record["msg"].as_str()).collect();
    assert_eq!(messages, ["the shop opens", "stock is low", "order failed", "the shop closes"], "{library}");
    for (record, level) in records.iter().zip(["INFO", "WARNING", "ERROR", "DEBUG"]) {
        let expected = if tells.level { level } else { "NOTSET" };
        assert_eq!(record["level"], expected, "{library}: {record}");
        assert_eq!(record["logger"] == "shop.orders", tells.logger, "{library}: {record}");
    }
    let failed = &records[2];
    assert_eq!(failed["exc"]["type"], "ValueError", "{library}: {failed}");
    assert_eq!(failed["exc"]["msg"], "no item 77", "{library}: {failed}");
    let frames = failed["exc"]["stack"].as_array().expect("a stack");
    assert!(frames.iter().any(|frame| frame["func"] == "work" && frame["line"] == 33), "{library}: {failed}");
    if tells.thread {
        assert_ne!(records[0]["lane"], failed["lane"], "{library}");
        assert_eq!((&records[1]["lane"], &failed["thread"]), (&failed["lane"], &"worker-1".into()), "{library}");
        let threads = case.logq(&["threads", "--run", library]).ended(0);
        assert!(threads.out.contains("worker-1") && threads.out.contains("ordered by clock only"), "{}", threads.out);
    }
    if tells.order {
        let found = case.logq(&["search", "--run", library, "--count", "order_id:8812"]).ended(0);
        assert_eq!(found.out.trim(), "2", "{library}");
    }
    let id = failed["id"].as_str().expect("an id");
    assert!(case.logq(&["why", id, "--run", library]).ended(0).out.contains("ordered by clock only"), "{library}");
    assert!(case.logq(&["timeline", "--run", library]).ended(0).out.contains("stock is low"), "{library}");
    let verdict = case.logq(&["diagnose", "--run", library]).ended(0);
    assert!(verdict.out.contains("ordered by clock only"), "{library}: {}", verdict.out);
    // What was collected is there whatever becomes of the file; nothing is taken twice.
    fs::remove_file(&log).expect("removed");
    assert_eq!(case.json(&["search", "--run", library, "failed"]).len(), 1, "{library}");
}

#[test]
fn bunyan_and_pino_are_understood() {
    // Written by pino 10.4.0 and bunyan 2.0.5 themselves, see tests/foreign/node.md.
    for name in ["pino", "bunyan"] {
        let case = Case::new();
        let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(format!("{name}.log"));
        case.logq(&["collect", &log.to_string_lossy()]).ended(0);
        let records = case.json(&["search", "--run", name, "NOT ev:*"]);
        let told: Vec<String> = records.iter().map(|record| format!("{} {}", record["level"], record["msg"])).collect();
        let expected = [
            "\"INFO\" \"the shop opens\"",
            "\"WARNING\" \"stock is low\"",
            "\"ERROR\" \"order failed\"",
            "\"CRITICAL\" \"the shop closes\"",
        ];
        assert_eq!(told, expected, "{name}");
        assert_eq!(
            (&records[2]["exc"]["type"], &records[2]["exc"]["msg"]),
            (&"TypeError".into(), &"no item 77".into())
        );
        assert_eq!(records[1]["extra"]["order_id"], 8812);
        assert_eq!((&records[0]["logger"], &records[0]["pid"]), (&"shop".into(), &22672.into()));
        assert!(records[0]["ts"].as_str().expect("a time").starts_with("2026-11-23T05:48:58."), "{}", records[0]);
    }
}

#[test]
fn a_file_is_collected_once_and_goes_on_where_it_was_left() {
    let case = Case::new();
    let log = case.write("app.jsonl", "{\"msg\":\"one\"}\nnot json\n{\"msg\":\"half");
    let said = case.logq(&["collect", "app.jsonl"]).ended(0);
    assert!(said.out.contains("run app: 2 records") && said.out.contains("kept as text"), "{}", said.out);
    fs::write(&log, "{\"msg\":\"one\"}\nnot json\n{\"msg\":\"half a line\"}\n").expect("written");
    case.logq(&["collect", "app.jsonl"]).ended(0);
    let said = case.logq(&["collect", "app.jsonl"]).ended(0);
    assert!(said.out.contains("run app: 0 records"), "{}", said.out);
    let records = case.json(&["search", "--run", "app", "NOT ev:*"]);
    let messages: Vec<&str> = records.iter().filter_map(|record| record["msg"].as_str()).collect();
    assert_eq!(messages, ["one", "not json", "half a line"]);
    // The same name elsewhere is another log.
    case.write("other/app.jsonl", "{\"msg\":\"two\"}\n");
    assert!(case.logq(&["collect", "other/app.jsonl"]).ended(0).out.contains("run app-2: 1 records"));
}

#[test]
fn what_may_be_lost_of_a_log_is_said() {
    let case = Case::new();
    case.write("app.jsonl", "{\"msg\":\"one\"}\n{\"msg\":\"two\"}\n");
    case.logq(&["collect", "app.jsonl"]).ended(0);
    case.write("app.jsonl", "{\"msg\":\"three\"}\n");
    let said = case.logq(&["collect", "app.jsonl"]).ended(0);
    assert!(said.out.contains("before all that was in it may have been read"), "{}", said.out);
    assert_eq!(case.logq(&["search", "--run", "app", "--count", "NOT ev:*"]).ended(0).out.trim(), "3");
    let verdict = case.logq(&["diagnose", "--run", "app"]).ended(0);
    assert!(verdict.out.contains("app.jsonl was cut or removed once"), "{}", verdict.out);
}

#[test]
fn a_recorded_run_takes_no_foreign_log() {
    let case = Case::new();
    let program = case.write("prog.py", "print(1)\n");
    case.run_python(&python(), &program);
    case.write("app.log", "x\n");
    let said = case.logq(&["collect", "app.log", "--run", &case.run_name()]).ended(2);
    assert!(said.err.contains("need a run of their own"), "{}", said.err);
    let said = case.logq(&["collect", "app.log", "--pattern", "(x"]).ended(2);
    assert!(said.err.contains("--pattern"), "{}", said.err);
    case.logq(&["collect", "nowhere.log"]).ended(3);
}

#[test]
fn a_store_is_not_collected_into_itself() {
    let case = Case::new();
    case.write("app.log", "2026-11-23 05:48:52,1 INFO shop.a first\n");
    for _ in 0..3 {
        let said = case.logq(&["collect", ".", "--dir", "store", "--run", "all-logs"]).ended(0);
        assert!(said.out.contains("from 1 file"), "{}", said.out);
    }
    assert_eq!(case.logq(&["search", "--dir", "store", "--count", "first"]).ended(0).out.trim(), "1");
    let said = case.logq(&["collect", "store/runs", "--dir", "store"]).ended(2);
    assert!(said.err.contains("lies in the store"), "{}", said.err);
}

#[test]
fn a_log_is_followed_through_its_rotation() {
    let case = Case::new();
    let log = case.write("logs/app.log", "2026-11-23 05:48:52,1 INFO shop.a first\n");
    let _following = case.start(&["collect", "logs", "--follow", "--run", "followed"]);
    let count = |query: &str, expected: &str| {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let said = case.logq(&["search", "--run", "followed", "--count", query]);
            if said.out.trim() == expected {
                return;
            }
            assert!(Instant::now() < end, "{query}: {} {}", said.out, said.err);
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    count("first", "1");
    fs::rename(&log, case.path().join("logs/app.log.1")).expect("renamed");
    case.write("logs/app.log", "2026-11-23 05:48:53,1 INFO shop.a second\n");
    case.write("logs/new/other.log", "{\"message\":\"third\"}\n");
    count("second", "1");
    count("third", "1");
    count("first", "1");
}

#[test]
fn hostile_files_are_bounded_and_harmless() {
    let case = Case::new();
    let deep = format!("{{\"msg\":\"deep\",\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let wide: Vec<String> = (0..50_000).map(|n| format!("\"k{n}\":1")).collect();
    let mut text = format!("{deep}\n{{\"msg\":\"wide\",{}}}\n", wide.join(","));
    text.push_str("{\"msg\":\"\\u001b]0;title\\u0007\\u001b[2J\"}\n");
    text.push_str(&format!("{{\"file\":\"/etc/passwd\",\"msg\":\"{}\"}}\n", "long ".repeat(1_000_000)));
    text.push_str("{\"msg\":\"last\"}\n");
    let log = case.write("bad.log", &text);
    let mut bytes = fs::read(&log).expect("read");
    bytes.splice(0..0, b"\xff\xfe\0\0 not text\n".iter().copied());
    fs::write(&log, bytes).expect("written");
    case.logq(&["collect", "bad.log"]).ended(0);
    let shown = case.logq(&["search", "--run", "bad", "NOT ev:*"]).ended(0);
    assert!(!shown.out.contains('\u{1b}') && !shown.out.contains('\u{7}'));
    assert_eq!(case.logq(&["search", "--run", "bad", "--count", "NOT ev:*"]).ended(0).out.trim(), "6");
    assert_eq!(case.json(&["search", "--run", "bad", "wide"])[0]["extra"]["k7"], 1);
    let longest = walk(&case.store()).into_iter().filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
    for part in longest {
        let text = fs::read(part).expect("a part");
        assert!(text.split(|byte| *byte == b'\n').all(|line| line.len() <= 1 << 20));
    }
}

#[cfg(unix)]
#[test]
fn what_is_collected_is_its_users_alone() {
    use std::os::unix::fs::PermissionsExt;

    let case = Case::new();
    case.write("app.log", "2026-11-23 05:48:52,1 INFO shop.a first\n");
    case.logq(&["collect", "app.log"]).ended(0);
    for path in walk(&case.store()) {
        let about = fs::symlink_metadata(&path).expect("there");
        let expected = if about.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(about.permissions().mode() & 0o777, expected, "{}", path.display());
    }
    // A link in the spool leads nowhere: what lies behind it is not written to.
    let spool = case.store().join("runs/app/spool");
    let part = walk(&spool).into_iter().find(|path| path.is_file()).expect("a part");
    let victim = case.write("victim", "mine\n");
    fs::remove_file(&part).expect("removed");
    std::os::unix::fs::symlink(&victim, &part).expect("a link");
    case.write("app.log", "2026-11-23 05:48:52,1 INFO shop.a first\n2026-11-23 05:48:53,1 INFO shop.a second\n");
    case.logq(&["collect", "app.log"]);
    assert_eq!(fs::read_to_string(&victim).expect("read"), "mine\n");
}

fn walk(path: &Path) -> Vec<std::path::PathBuf> {
    let mut all = vec![path.to_owned()];
    if fs::symlink_metadata(path).is_ok_and(|about| about.is_dir()) {
        for entry in fs::read_dir(path).expect("a directory") {
            all.extend(walk(&entry.expect("an entry").path()));
        }
    }
    all
}
