//! Every sample under `logq run`: on each interpreter it does what it does without logq, and on the default one the
//! answers about it are snapshots. Where threads run as they please, facts are asserted instead.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use regex::Regex;
use serde_json::Value;

use crate::harness::{Case, Said, assert_has, normalised, python, pythons};

/// A sample that has been recorded.
struct Recorded {
    case: Case,
    run: Said,
}

fn program(sample: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(sample).join("program.py")
}

fn record(python: &str, sample: &str, arguments: &[&str]) -> Recorded {
    let case = Case::new();
    let path = program(sample);
    let mut words = vec!["run", "--", python, path.to_str().expect("a path in UTF-8")];
    words.extend(arguments);
    let run = case.logq(&words).ended(0);
    Recorded { case, run }
}

fn without_logq(python: &str, sample: &str, arguments: &[&str]) -> Said {
    let mut command = Command::new(python);
    command.arg(program(sample)).args(arguments).stdin(Stdio::null()).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env_remove("PYTHONPATH");
    Said::of(command.output().expect("Python runs")).ended(0)
}

/// The words that a program wrote, in an order of their own: threads write as they come, a traceback in several pieces.
fn words_written(text: &str) -> Vec<String> {
    let times = Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}").expect("a rule");
    let text = times.replace_all(text, " <when> ");
    let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    words.sort();
    words
}

/// Whatever the interpreter: the program writes what it writes without logq, and the lanes are the expected ones, each
/// as `process.lane name: state`.
fn check(sample: &str, arguments: &[&str], lanes: &[&str]) {
    for python in pythons() {
        check_on(&python, sample, arguments, lanes);
    }
}

fn check_on(python: &str, sample: &str, arguments: &[&str], lanes: &[&str]) {
    let recorded = record(python, sample, arguments);
    let plain = without_logq(python, sample, arguments);
    assert_eq!(recorded.run.out, plain.out, "{python}");
    assert_eq!(words_written(recorded.run.of_program()), words_written(&plain.err), "{python}");
    assert_eq!(lanes_of(&recorded.case), lanes, "{python}");
    assert!(!recorded.run.verdict().contains("missing:"), "{python}: {}", recorded.run.verdict());
}

fn lanes_of(case: &Case) -> Vec<String> {
    let lanes = case.json(&["threads"]);
    let line = |lane: &Value| {
        let text = |key: &str| lane[key].as_str().unwrap_or("?").to_owned();
        format!("{} {}: {}", text("id"), text("name"), text("state"))
    };
    lanes.iter().map(line).collect()
}

/// The first record whose text contains this: its id.
fn id_of(case: &Case, wanted: &str) -> String {
    let rows = case.json(&["timeline", "--all", "-n", "0"]);
    let row = rows.iter().find(|row| row["what"].as_str().is_some_and(|what| what.contains(wanted)));
    row.unwrap_or_else(|| panic!("no record says {wanted}"))["id"].as_str().expect("an id").to_owned()
}

/// An answer for a snapshot. Frames of the standard library go: they are the Python version's.
fn answer(case: &Case, arguments: &[&str]) -> String {
    let said = case.logq(arguments).ended(0);
    assert_eq!(said.err, "");
    let frame_of_python =
        Regex::new(r"(?m)^ {12}(threading|process|thread|runners|base_events|events)\.py:.*\n").expect("a rule");
    in_one_order(&normalised(&unnumbered(&frame_of_python.replace_all(&said.out, "")), case))
}

/// Whoever looked at a failure may have had to say before that it waited: its records are numbered accordingly.
fn unnumbered(why: &str) -> String {
    let Some(looked) = why.find("who should have looked") else { return why.to_owned() };
    let number = Regex::new(r"@\d+ +").expect("a rule");
    format!("{}{}", &why[..looked], number.replace_all(&why[looked..], "@<n>  "))
}

/// What one record handed over to several is shown in the order in which they took it: that is up to them.
fn in_one_order(timeline: &str) -> String {
    let is_leaving = |line: &&str| line.contains("│ ▶ ");
    let mut lines: Vec<&str> = timeline.lines().collect();
    for side_by_side in lines.chunk_by_mut(|one, next| is_leaving(one) && is_leaving(next)) {
        side_by_side.sort_unstable();
    }
    lines.join("\n")
}

/// A timeline in which nobody waited long enough to say so, as it is on a machine that has nothing else to do.
fn without_waits(timeline: &str) -> String {
    let wait = Regex::new(r"(?m)^.*(⧗ waits for|got it after).*\n").expect("a rule");
    let number = Regex::new(r"(?m)( +)?@\d+$").expect("a rule");
    number.replace_all(&wait.replace_all(timeline, ""), "").into_owned()
}

/// What a search finds, by time: messages.
fn found(case: &Case, query: &str) -> Vec<String> {
    let records = case.json(&["search", query]);
    records.iter().map(|record| record["msg"].as_str().expect("a message").to_owned()).collect()
}

#[test]
fn healthy() {
    check(
        "healthy",
        &[],
        &[
            "1.t1 MainThread: ended with the process",
            "1.t2 scanner: ended",
            "1.t3 shrinker_0: ended",
            "1.a1 Task-1: ended",
            "1.a2 upload beach-small.jpg: ended",
            "1.a3 upload harbour-small.jpg: ended",
            "1.a4 upload market-small.jpg: ended",
            "1.a5 upload sunset-small.jpg: ended",
            "2.t1 MainThread: ended with the process",
        ],
    );
    let Recorded { case, run } = record(&python(), "healthy", &[]);
    assert_snapshot!("healthy verdict", normalised(run.verdict(), &case));
    assert_snapshot!("healthy threads", answer(&case, &["threads"]));
    // On a busy machine the main thread takes items one by one, and each time it waited it has a record to show.
    let (taken, rest): (Vec<String>, Vec<String>) = answer(&case, &["timeline", "--thread", "scanner"])
        .lines()
        .map(str::to_owned)
        .partition(|line| line.contains("▶ item into queue found, taken by t1 MainThread"));
    assert!(!taken.is_empty());
    assert_snapshot!("healthy scanner", rest.join("\n"));
    assert_eq!(found(&case, "photo:sunset.jpg"), ["found sunset.jpg", "shrinking sunset.jpg"]);
    assert_snapshot!("healthy album", answer(&case, &["timeline", "--process", "album"]));
    let why = case.logq(&["why", &id_of(&case, "an album of 4 photos")]).ended(0);
    assert_has(
        &why.out,
        &["process started by 1.t1", "after the end of a5 upload sunset-small.jpg", "the root of the run"],
    );
}

#[test]
fn thread_exception() {
    check(
        "thread_exception",
        &[],
        &[
            "1.t1 MainThread: ended with the process",
            "1.t2 sum-north: ended",
            "1.t3 sum-south: died: ValueError: could not convert string to float: 'n/a'",
        ],
    );
    let Recorded { case, run } = record(&python(), "thread_exception", &[]);
    assert_snapshot!("thread_exception verdict", normalised(run.verdict(), &case));
    assert_snapshot!("thread_exception threads", answer(&case, &["threads"]));
    let main = without_waits(&answer(&case, &["timeline", "--thread", "1"]));
    assert_snapshot!("thread_exception main", main);
    let south = without_waits(&answer(&case, &["timeline", "--thread", "sum-south"]));
    assert_snapshot!("thread_exception south", south);
    assert_snapshot!("thread_exception why", answer(&case, &["why", "1.t3@3"]));
}

#[test]
fn process_exception() {
    let lanes = ["1.t1 MainThread: ended with the process", "2.t1 MainThread: ended with the process"];
    check("process_exception", &["spawn"], &lanes);
    for method in ["fork", "forkserver"] {
        check_on(&python(), "process_exception", &[method], &lanes);
    }
    for method in ["fork", "spawn"] {
        let Recorded { case, run } = record(&python(), "process_exception", &[method]);
        assert_snapshot!(format!("process_exception {method} verdict"), normalised(run.verdict(), &case));
        assert_eq!(found(&case, "article:ramen"), ["converting ramen from JPY"]);
        assert_snapshot!(format!("process_exception {method} threads"), answer(&case, &["threads"]));
        let timeline = answer(&case, &["timeline", "--process", "converter"]);
        assert_snapshot!(format!("process_exception {method} timeline"), timeline);
        assert_snapshot!(format!("process_exception {method} why"), answer(&case, &["why", "2.t1@7"]));
    }
}

#[test]
fn producer_consumer() {
    check(
        "producer_consumer",
        &[],
        &[
            "1.t1 MainThread: ended with the process",
            "1.t2 collector: ended",
            "1.t3 counter-1: ended",
            "1.t4 counter-2: ended",
            "1.t5 counter-3: ended",
            "1.t6 reader: ended",
        ],
    );
    let Recorded { case, run } = record(&python(), "producer_consumer", &[]);
    assert_snapshot!("producer_consumer verdict", normalised(run.verdict(), &case));
    assert_eq!(found(&case, "book:whale").len(), 7, "three pages, three counts, one total");
    // Every count leads back to the page that it counts.
    let rows = case.json(&["timeline", "--all", "-n", "0"]);
    let counted = rows.iter().filter(|row| row["what"].as_str().is_some_and(|what| what.contains(" words on page ")));
    let mut seen = 0;
    for row in counted {
        let what = row["what"].as_str().expect("text");
        let page = &what[what.find("page ").expect("a page")..];
        let page = page.split("  ").next().expect("a text");
        let why = case.logq(&["why", row["id"].as_str().expect("an id")]).ended(0);
        assert_has(&why.out, &[&format!("INFO {page}"), "item from queue"]);
        seen += 1;
    }
    assert_eq!(seen, 7);
    let why = case.logq(&["why", &id_of(&case, "every page is counted"), "--all"]).ended(0);
    assert_has(&why.out, &["page 3 of whale", "page 2 of tale", "page 2 of pride"]);
}

#[test]
fn asyncio_tasks() {
    check(
        "asyncio_tasks",
        &[],
        &[
            "1.t1 MainThread: ended with the process",
            "1.a1 Task-1: ended",
            "1.a2 writer: cancelled",
            "1.a3 read-harbour: ended",
            "1.a4 read-airport: ended",
            "1.a5 read-hilltop: ended",
            "1.a6 read-glacier: died: ValueError: could not convert string to float: '--.-'",
        ],
    );
    let Recorded { case, run } = record(&python(), "asyncio_tasks", &[]);
    assert_snapshot!("asyncio_tasks verdict", normalised(run.verdict(), &case));
    assert_snapshot!("asyncio_tasks threads", answer(&case, &["threads"]));
    assert_snapshot!("asyncio_tasks glacier", answer(&case, &["timeline", "--task", "read-glacier"]));
    assert_eq!(found(&case, "station:glacier"), ["asking glacier", "no reading from glacier"]);
    let error = id_of(&case, "no reading from glacier");
    let why = answer(&case, &["why", &error]);
    assert_has(&why, &["after the end of a6 read-glacier", "the root of the run"]);
    assert_snapshot!("asyncio_tasks why", why);
}

#[test]
fn deadlock() {
    for python in pythons() {
        let case = Case::new();
        let path = program("deadlock");
        let path = path.to_str().expect("a path in UTF-8");
        let run = case.logq(&["run", "--timeout", "5s", "--", &python, path]).ended(124);
        let told = [
            "MainThread  still waits for the end of t2 clerk-1",
            "clerk-1  still waits for lock vault_2, held by t3 clerk-2 since program.py:14, holds lock vault_1",
            "clerk-2  still waits for lock vault_1, held by t2 clerk-1 since program.py:14, holds lock vault_2",
        ];
        assert_has(run.verdict(), &told);
        let timeline = case.logq(&["timeline", "--thread", "clerk-1"]).ended(0);
        assert_has(&timeline.out, &["⧗ waits for lock vault_2, held by t3 clerk-2", "still waiting"]);
    }
}

#[test]
fn demo() {
    for python in pythons() {
        let recorded = record(&python, "demo", &[]);
        let plain = without_logq(&python, "demo", &[]);
        assert_eq!(recorded.run.of_program().lines().count(), plain.err.lines().count(), "{python}");
        let case = recorded.case;
        // Which packer it was differs; that the intake knew does not.
        let error = id_of(&case, "order 8812 failed");
        let why = case.logq(&["why", &error]).ended(0);
        let told = ["LookupError: no item 77", "order 8812 is from the catalogue of 2019", "the root of the run"];
        assert_has(&why.out, &told);
        assert_has(recorded.run.verdict(), &["2 processes, 6 threads, 8 tasks, 42 log records, 1 error"]);
        let mut about = found(&case, "order_id:8812");
        about.sort();
        let wanted = [
            "item 77: no such shelf",
            "order 8812 failed",
            "order 8812 is from the catalogue of 2019",
            "order 8812: 1 of item 77 for kim",
            "packing order 8812",
        ];
        assert_eq!(about, wanted, "{python}");
    }
}

/// `why` of a failure leads from the lane where it was raised to whoever submitted the work, and says who should have
/// looked; forward, it says whom the submission reached.
#[test]
fn a_failure_leads_back_to_whoever_submitted_the_work() {
    for python in pythons() {
        let Recorded { case, .. } = record(&python, "future_exception", &[]);
        let why = case.logq(&["why", &id_of(&case, "no attribute 'split'")]).ended(0).out;
        let told = ["mailer_", "work submitted by t1 MainThread", "the root of the run"];
        assert_has(&why, &told);
        let responsible = "1.t1 MainThread, which submitted it at program.py:20: nobody ever asked the future";
        assert_has(&why, &["who should have looked", responsible, "joined the thread"]);
    }
    let Recorded { case, .. } = record(&python(), "task_exception", &[]);
    let why = case.logq(&["why", &id_of(&case, "never asked for")]).ended(0).out;
    assert_has(&why, &["raised in a3 upload -99", "INFO measured -99", "1.a1 Task-1, which made it at program.py:20"]);
    let forward = case.logq(&["why", &id_of(&case, "measured -99"), "--forward"]).ended(0).out;
    assert_has(&forward, &["▼ started a3 upload -99", "▼ result seen by t1 MainThread"]);
    assert!(!forward.contains("upload 3"), "that had begun before:\n{forward}");
}

/// What `make demo` shows, with the binary under test.
#[test]
fn the_tour_of_the_demo() {
    let case = Case::new();
    let binaries = Path::new(env!("CARGO_BIN_EXE_logq")).parent().expect("a folder");
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(binaries.to_owned()).chain(std::env::split_paths(&paths));
    let mut command = Command::new("bash");
    command.args(["samples/demo/tour.sh", &case.store().to_string_lossy()]).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env("PATH", std::env::join_paths(paths).expect("a path")).env("PYTHONDONTWRITEBYTECODE", "1");
    let said = Said::of(command.output().expect("bash runs")).ended(0);
    assert_has(&said.out, &["logq threads", "packer-1", "LookupError: no item 77", "item from queue orders, put by"]);
    assert_has(&said.out, &["order 8812 is from the catalogue of 2019", "no such shelf"]);
}
