//! The two halves of logq against each other and against Python: one list of names, a host program that does not notice,
//! and whatever a program logs read back as it was.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use logq::record::EventKind;
use regex::Regex;
use serde_json::Value;

use crate::harness::{Case, Said, assert_has, python, pythons};

/// Python on our package as it lies in the repository, without logq's boot.
fn with_package(python: &str, code: &str) -> Said {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("python-handler/src");
    let mut command = Command::new(python);
    command.args(["-c", code]).env("PYTHONPATH", package).env("PYTHONDONTWRITEBYTECODE", "1");
    Said::of(command.output().expect("Python runs")).ended(0)
}

#[test]
fn both_sides_know_the_same_events() {
    let said = with_package(&python(), "from logq.events import EVENTS; print(*sorted(EVENTS), sep='\\n')");
    let handlers: BTreeSet<&str> = said.out.lines().collect();
    let ours: BTreeSet<&str> = EventKind::ALL.iter().map(|(_, name)| *name).collect();
    assert_eq!(handlers, ours);
}

/// Told from its sources: what stands first in each call of `event`, and what lines are begun with.
#[test]
fn the_handler_writes_no_other_events() {
    let code = r#"
import ast, pathlib, re, logq
for path in sorted(pathlib.Path(logq.__file__).parent.rglob("*.py")):
    source = path.read_text()
    print(*re.findall(r'"ev":"(\w+)"', source), sep="\n")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", None)) == "event":
            if isinstance(node.args[0], ast.Constant):
                print(node.args[0].value)
"#;
    let said = with_package(&python(), code);
    let written: BTreeSet<&str> = said.out.lines().filter(|name| !name.is_empty()).collect();
    let known: BTreeSet<&str> = EventKind::ALL.iter().map(|(_, name)| *name).collect();
    let unknown: Vec<&&str> = written.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for name in ["proc", "lane", "end", "exit", "child", "reap", "obj", "send", "recv", "exc", "sync", "lost"] {
        assert!(written.contains(name), "nothing writes {name}, or this test no longer sees it: {written:?}");
    }
}

/// Without logq and under it: the same exit code and the same words, on both streams.
fn check_unnoticed(code: &str) -> Vec<Case> {
    let check = |python: String| {
        let case = Case::new();
        let program = case.write("program.py", code);
        let mut plain = Command::new(&python);
        plain.arg(&program).current_dir(case.path()).stdin(Stdio::null()).env_remove("PYTHONPATH");
        let plain = Said::of(plain.env("PYTHONDONTWRITEBYTECODE", "1").output().expect("Python runs"));
        let under = case.run_python(&python, &program);
        assert_eq!(under.out, plain.out, "{python}");
        assert_eq!(under.of_program(), plain.err, "{python}");
        assert_eq!(under.code, plain.code, "{python}");
        assert_has(under.verdict(), &["log record"]);
        case
    };
    pythons().into_iter().map(check).collect()
}

/// What was recorded as logged: lane and message.
fn logged(case: &Case) -> Vec<(String, String)> {
    let records = case.json(&["search", "level:*"]);
    let pair = |record: &Value| {
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        (text("lane"), text("msg"))
    };
    records.iter().map(pair).collect()
}

#[test]
fn basic_config_works_as_without_logq() {
    for case in check_unnoticed(
        r#"
import logging
print(logging.root.handlers, logging.root.level, logging.lastResort.level)
logging.warning("before there is a handler, to stderr by the last resort or basicConfig")
print([type(handler).__name__ for handler in logging.root.handlers])
logging.basicConfig(format="%(levelname)s|%(name)s|%(message)s|%(threadName)s", level=logging.INFO, force=True)
log = logging.getLogger("shop.orders")
log.debug("below the level")
log.info("order %d", 8812, extra={"order_id": 8812})
log.setLevel(logging.ERROR)
log.warning("below the logger's own level")
print(log.isEnabledFor(logging.WARNING), log.hasHandlers(), log.handlers, log.propagate)
logging.disable(logging.ERROR)
log.error("disabled")
print(sorted(name for name in logging.Logger.manager.loggerDict))
"#,
    ) {
        let texts: Vec<String> = logged(&case).into_iter().map(|(_, msg)| msg).collect();
        assert_eq!(texts.len(), 2, "what the program's levels keep back is not recorded: {texts:?}");
        assert_eq!(texts[1], "order 8812");
    }
}

#[test]
fn dict_config_works_as_without_logq() {
    for case in check_unnoticed(
        r#"
import logging, logging.config
early = logging.getLogger("early")
early.warning("before the configuration")
logging.config.dictConfig({
    "version": 1,
    "disable_existing_loggers": True,
    "formatters": {"short": {"format": "%(levelname)s %(message)s"}},
    "handlers": {
        "err": {"class": "logging.StreamHandler", "formatter": "short", "stream": "ext://sys.stderr"},
        "file": {"class": "logging.FileHandler", "formatter": "short", "filename": "program.log", "mode": "w"},
    },
    "root": {"handlers": ["err"], "level": "INFO"},
    "loggers": {"shop": {"handlers": ["file"], "level": "DEBUG", "propagate": False}},
})
early.warning("disabled by the configuration")
logging.getLogger("shop").debug("into the file")
logging.getLogger("other").info("onto stderr")
logging.shutdown()
print(open("program.log").read(), end="")
print([type(handler).__name__ for handler in logging.root.handlers])
"#,
    ) {
        let texts: Vec<String> = logged(&case).into_iter().map(|(_, msg)| msg).collect();
        assert_eq!(texts, ["before the configuration", "into the file", "onto stderr"]);
    }
}

#[test]
fn a_queue_handler_works_and_the_record_is_of_the_lane_that_logged_it() {
    for case in check_unnoticed(
        r#"
import logging, logging.handlers, queue, sys, threading
records = queue.SimpleQueue()
stream = logging.StreamHandler(sys.stdout)
stream.setFormatter(logging.Formatter("%(threadName)s %(message)s"))
listener = logging.handlers.QueueListener(records, stream)
listener.start()
root = logging.getLogger()
root.addHandler(logging.handlers.QueueHandler(records))
root.setLevel(logging.INFO)
thread = threading.Thread(target=lambda: root.info("from the %s", "worker"), name="worker")
thread.start()
thread.join()
root.info("from main")
listener.stop()
"#,
    ) {
        let workers = case.json(&["threads", "--thread", "worker"]);
        let worker = workers[0]["lane"].as_str().expect("a lane").to_owned();
        let wanted = [(worker, "from the worker".to_owned()), ("t1".to_owned(), "from main".to_owned())];
        assert_eq!(logged(&case), wanted, "each once, in the lane that logged it");
    }
}

#[test]
fn filters_factories_and_adapters_work_as_without_logq() {
    for case in check_unnoticed(
        r#"
import logging, sys
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s %(who)s")
make = logging.getLogRecordFactory()
def factory(*args, **kwargs):
    record = make(*args, **kwargs)
    record.who = "ann"
    return record
logging.setLogRecordFactory(factory)
class Hide(logging.Filter):
    def filter(self, record):
        return "secret" not in record.getMessage()
log = logging.getLogger("shop")
log.addFilter(Hide())
log.info("seen")
log.info("a secret")
logging.LoggerAdapter(log, {"order": 7}).info("adapted")
class Own(logging.Logger):
    def makeRecord(self, *args, **kwargs):
        record = super().makeRecord(*args, **kwargs)
        record.msg = "[own] " + record.msg
        return record
logging.setLoggerClass(Own)
logging.getLogger("own").info("by a class of its own")
print(logging.getLogger("own").__class__.__name__)
"#,
    ) {
        let texts: Vec<String> = logged(&case).into_iter().map(|(_, msg)| msg).collect();
        assert_eq!(texts, ["seen", "adapted", "[own] by a class of its own"]);
        assert_eq!(case.json(&["search", "who:ann"]).len(), 3);
    }
}

#[test]
fn levels_of_the_programs_own_have_their_place_among_the_usual_ones() {
    for case in check_unnoticed(
        r#"
import logging
logging.basicConfig(level=1)
logging.addLevelName(35, "AUDIT")
logging.addLevelName(5, "TRACE")
logging.log(35, "above a warning")
logging.log(5, "below all")
logging.log(33, "without a name")
logging.info("usual")
"#,
    ) {
        let texts = |arguments: &[&str]| -> Vec<String> {
            let records = case.json(&[&["search", "level:*"], arguments].concat());
            records.iter().map(|record| record["msg"].as_str().expect("text").to_owned()).collect()
        };
        assert_eq!(texts(&["-l", "warning"]), ["above a warning", "without a name"]);
        assert_eq!(texts(&["level<info"]), ["below all"]);
    }
}

/// Whatever a program logs becomes a record that the other side reads: no line is malformed, no number is missing.
#[test]
fn whatever_is_logged_is_read_back() {
    for python in pythons() {
        let case = Case::new();
        let program = case.write(
            "program.py",
            r#"
import datetime, decimal, logging, os, threading, uuid
logging.basicConfig(level=1, stream=open(os.devnull, "w"))
log = logging.getLogger("odd")
texts = ["", " ", "a\nb\r\n\tc", "\0\x01\x1b[31m\x7f\x9b", "\ud800 \udcff half", "\U0001f600 \u2028 \ufeff", "\\u0041", '"', "x" * 70_000, "%d %s"]
for text in texts:
    log.info(text)
    log.info("%s", text, extra={"text": text, "texts": [text], "of": {text: text}})
class Bad:
    def __repr__(self):
        raise RuntimeError("no repr")
    __str__ = __repr__
loop = []
loop.append(loop)
deep = []
for _ in range(100_000):
    deep = [deep]
values = [None, True, 0, -1, 2**63, 2**64, 10**400, 1.5, float("nan"), float("inf"), -float("inf"), b"\xff", {1, 2}, (1, 2), Bad(), loop, deep,
          {1: 2, None: 3, (1, 2): 4, Bad: 5}, datetime.datetime(2026, 1, 1), decimal.Decimal("1.10"), uuid.UUID(int=1), object, len, lambda: 0, "\udcff"]
for number, value in enumerate(values):
    log.info("value", extra={"value": value, "number": number})
    try:
        log.info(value)
    except RuntimeError:
        pass
log.info("not enough %s %s", "arguments")
log.info("too many", 1, 2)
log.log(35, "a level without a name")
logging.addLevelName(36, "AUDIT\n\x1b")
log.log(36, "a level with an odd name")
log.info("x" * 3_000_000)
log.info("stack", stack_info=True)
logging.getLogger("odd name \ud800 \x1b").warning("odd logger")
def raise_deep(n):
    if n:
        raise_deep(n - 1)
    raise ValueError("\udcff" * 10)
try:
    raise_deep(300)
except ValueError:
    log.exception("deep")
class Odd(Exception):
    def __str__(self):
        raise RuntimeError("no str")
try:
    try:
        raise KeyError("first")
    except KeyError as error:
        raise Odd("second") from error
except Odd:
    log.exception("odd")
error = ValueError("its own cause")
error.__cause__ = error
log.error("circle", exc_info=error)
log.error("no exception", exc_info=True)
thread = threading.Thread(target=lambda: log.info("odd thread"), name="\ud800 \x1b[31m\n")
thread.start()
thread.join()
log.info("the end")
"#,
        );
        let said = case.run_python(&python, &program).ended(0);
        assert!(!said.verdict().contains("missing:"), "{python}: {}", said.verdict());
        let malformed = case.json(&["search", "ev:malformed"]);
        assert!(malformed.is_empty(), "{python}: {malformed:#?}");
        assert_has(&case.logq(&["timeline", "-n", "0", "--thread", "1"]).ended(0).out, &["the end"]);
        let read = case.json(&["search", "logger:odd"]);
        let nan = read.iter().filter(|record| record["extra"]["number"].is_number());
        assert_eq!(nan.count(), 25, "{python}: every value was logged with its number");
    }
}

/// What Python's own tests of the things that we wrap say, test by test.
fn tests_said(text: &str) -> BTreeSet<String> {
    let line = Regex::new(r"(?m)^(test\w* \([\w.]+\))(?:\n.*)? \.\.\. (ok|skipped|FAIL|ERROR|expected failure)")
        .expect("a rule");
    line.captures_iter(text).map(|found| format!("{}: {}", &found[1], &found[2])).collect()
}

/// One interpreter is enough for what takes half a minute; `make soak` runs it on all.
#[test]
fn pythons_own_tests_of_queues_and_threads_say_the_same() {
    let all = std::env::var_os("LOGQ_SOAK").is_some();
    for python in pythons().into_iter().take(if all { usize::MAX } else { 1 }) {
        let has_tests = Command::new(&python).args(["-c", "import test.test_queue, test.test_threading"]).output();
        if !has_tests.is_ok_and(|output| output.status.success()) {
            eprintln!("SKIPPED: {python} comes without the standard library's tests");
            continue;
        }
        let case = Case::new();
        let tests = [python.as_str(), "-m", "test", "-v", "test_queue", "test_threading"];
        // Both at once: they mostly wait.
        let (plain, under) = std::thread::scope(|scope| {
            let plain = scope.spawn(|| {
                let folder = tempfile::tempdir().expect("a folder");
                let mut command = Command::new(tests[0]);
                command.args(&tests[1..]).current_dir(&folder).stdin(Stdio::null()).env_remove("PYTHONPATH");
                Said::of(command.output().expect("Python runs"))
            });
            let under = case.logq(&[&["run", "--"], &tests[..]].concat());
            (plain.join().expect("run"), under)
        });
        assert_eq!(under.code, plain.code, "{}\n{}", under.out, under.err);
        let (with, without) = (tests_said(&under.out), tests_said(&plain.out));
        assert!(without.len() > 100, "{}", plain.out);
        let differing: Vec<&String> = with.symmetric_difference(&without).collect();
        assert!(differing.is_empty(), "{python}: {differing:#?}");
        // And what was recorded of it can be read.
        let missing: Vec<&str> = under.verdict().lines().filter(|line| line.contains("missing:")).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let threads = case.json(&["threads"]);
        assert!(threads.len() > 100, "{} lanes", threads.len());
        let timeline = case.logq(&["timeline", "--thread", "1", "-n", "0"]).ended(0);
        // Python's own verdict on this machine may be a failure; then it is the same failure under logq.
        let exits = format!("process exits with {}", plain.code.unwrap_or_default());
        assert_has(&timeline.out, &["process began", "started process", &exits]);
        case.logq(&["timeline", "--all", "-n", "0", "--format", "json"]).ended(0);
    }
}
