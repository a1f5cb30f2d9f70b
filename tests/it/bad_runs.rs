//! Runs that are whole line by line and yet hard to read: still being written, killed half-way, with clocks that jump or
//! differ, with stamps that lead nowhere or round, with very many lanes. The answer says what it rests on, and nothing wrong is certain.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bad_input::answers;
use crate::handmade::{Spool, Writer};
use crate::harness::{Case, assert_has, python};

fn with(line: String, keys: Value) -> String {
    let mut record: Value = serde_json::from_str(&line).expect("a record");
    for (key, value) in keys.as_object().expect("keys") {
        record[key] = value.clone();
    }
    record.to_string()
}

fn assert_lacks(text: &str, unwanted: &[&str]) {
    let there: Vec<&&str> = unwanted.iter().filter(|unwanted| text.contains(**unwanted)).collect();
    assert!(there.is_empty(), "has {there:?}:\n{text}");
}

fn faults(case: &Case) -> Vec<String> {
    let told = &case.json(&["diagnose"])[0];
    let findings = told["findings"].as_array().expect("findings").clone();
    let sure = findings.iter().filter(|each| each["class"] == "fault" && each["certainty"] != "possible");
    sure.map(|each| format!("{} {}", each["kind"].as_str().unwrap(), each["certainty"].as_str().unwrap())).collect()
}

const BUSY: &str = "
import logging, os, queue, signal, sys, threading, time
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
jobs = queue.Queue()
def work():
    while True:
        job = jobs.get()
        logging.info('job %s', job)
for n in range(3):
    threading.Thread(target=work, daemon=True).start()
n = 0
while not os.path.exists('stop'):
    jobs.put(n)
    n += 1
    if n == 200:
        open('busy', 'w').close()
    time.sleep(0.001)
os.kill(os.getpid(), signal.SIGKILL)
";

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !is_there() {
        assert!(Instant::now() < limit, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_that_is_being_written_and_is_killed_in_the_midst_of_it() {
    let case = Case::new();
    let program = case.write("busy.py", BUSY);
    let mut running = case.start(&["run", "--quiet", "--", &python(), &program.to_string_lossy()]);
    wait_for("it is busy", || case.path().join("busy").exists());
    assert_eq!(faults(&case), [""; 0]);
    let said = case.logq(&["diagnose"]).ended(0);
    assert_has(&said.out, &["no faults", "nothing missing"]);
    answers(&case);
    case.write("stop", "");
    running.0.wait().expect("it ends");
    let kinds = faults(&case);
    assert!(kinds.iter().all(|fault| fault.starts_with("killed-process")), "{kinds:?}");
    answers(&case);
    // The same with the last line half written.
    let spool = case.store().join("runs").join(case.run_name()).join("spool");
    let parts = fs::read_dir(spool).expect("a spool").map(|entry| entry.expect("an entry").path());
    let largest = parts.max_by_key(|path| fs::metadata(path).map_or(0, |meta| meta.len())).expect("a part");
    let bytes = fs::read(&largest).expect("its bytes");
    fs::write(&largest, &bytes[..bytes.len() - 5]).expect("cut");
    let told = &case.json(&["diagnose"])[0];
    assert_eq!(told["complete"], false);
    for finding in told["findings"].as_array().expect("findings") {
        assert_has(&finding["missing"].to_string(), &["torn"]);
    }
}

/// Three records of one thread a second apart, the wall clock of the middle one set by so many hours.
fn jumping(hours: i64) -> (Case, String) {
    let case = Case::new();
    let spool = Spool::new(&case);
    let mut writer = Writer::new("4242-aaaaaa", 0);
    let at = |hours: i64, ms: u64| format!("2026-11-22T{:02}:15:01.{ms:03}000000Z", 17 + hours);
    let lines = [
        writer.begin(1),
        with(writer.log("t1", 2, "INFO", "first"), json!({"ts": at(0, 0), "mono": 1_000_000_000_u64})),
        with(writer.log("t1", 3, "INFO", "second"), json!({"ts": at(hours, 900), "mono": 1_900_000_000_u64})),
        with(writer.exit(4), json!({"ts": at(hours, 950), "mono": 1_950_000_000_u64})),
    ];
    spool.lines("4242-aaaaaa", &lines);
    let timeline = case.logq(&["timeline"]).ended(0).out;
    (case, timeline)
}

#[test]
fn a_wall_clock_that_is_set_is_told_and_changes_no_order() {
    for (hours, words) in [(1, "went forward by 1 h 00 min"), (-1, "went back by 1 h 00 min")] {
        let (case, timeline) = jumping(hours);
        assert_has(&timeline, &["⋮ 900.0 ms of silence; the wall clock ", words]);
        let said = timeline.find("first").zip(timeline.find("second"));
        assert!(said.is_some_and(|(first, second)| first < second), "{timeline}");
        assert_eq!(faults(&case), [""; 0]);
        answers(&case);
    }
}

/// A deadlock on one machine, seen from another one whose clocks began at other times.
fn two_hosts(ahead: i64) -> Case {
    let case = Case::new();
    let spool = Spool::new(&case);
    let mut near = Writer::new("10-aaaaaa", 0);
    let lines = [
        with(near.begin(0), json!({"how": "logq", "host": "near"})),
        near.line("t1", 2, json!({"ev": "note", "what": "kill", "sig": 9, "target": "4242-bbbbbb"})),
    ];
    spool.lines("10-aaaaaa", &lines);
    let mut home = Writer::new("4241-cccccc", 1);
    let lines = [with(home.begin(1), json!({"host": "near"})), home.log("t1", 2, "INFO", "sends it over")];
    spool.lines("4241-cccccc", &lines);
    let mut far = Writer::new("4242-bbbbbb", 20_000);
    let site = json!(["/shop/far.py", 9, "work"]);
    let held = |obj: &str| json!([{"obj": obj, "site": site}]);
    let wait = |obj: &str, owner: &str, has: &str| json!({"ev": "wait", "on": "lock", "obj": obj, "owner": owner, "held": held(has), "site": site});
    let lines = [
        with(far.begin(2), json!({"host": "far"})),
        with(far.log("t1", 2, "INFO", "takes it there"), json!({"hb": ["4241-cccccc/t1@2|mpqueue:1"]})),
        far.thread("t2", "left", "t1@2"),
        far.thread("t3", "right", "t1@2"),
        far.line("t2", 2, wait("lock:1", "t3", "lock:2")),
        far.line("t3", 2, wait("lock:2", "t2", "lock:1")),
    ];
    let at = |n: usize| format!("2026-11-22T{:02}:15:03.{n:09}Z", 17 + ahead);
    let lines = lines.into_iter().enumerate().map(|(n, line)| with(line, json!({"ts": at(n)})));
    spool.lines("4242-bbbbbb", &lines.collect::<Vec<_>>());
    case
}

#[test]
fn clocks_of_two_hosts_are_not_compared() {
    for ahead in [-2, 3] {
        let case = two_hosts(ahead);
        // What the one host ended, and when, says nothing of the clock of the other one.
        assert_eq!(faults(&case)[0], "deadlock certain", "{ahead}");
        let timeline = case.logq(&["timeline", "--all", "-n", "0"]).ended(0).out;
        assert_has(&timeline, &["2 hosts: between them hand-overs order the records", "the clock of near"]);
        assert_lacks(&timeline, &["the wall clock went"]);
        let said = timeline.find("sends it over").zip(timeline.find("takes it there"));
        assert!(said.is_some_and(|(sent, taken)| sent < taken), "{ahead}: {timeline}");
        case.logq(&["why", "2.t3@2"]).ended(0);
    }
}

#[test]
fn a_chain_that_passes_what_is_missing_says_so() {
    let case = Case::new();
    let spool = Spool::new(&case);
    let mut writer = Writer::new("4242-aaaaaa", 100);
    let lines = [
        writer.begin(1),
        writer.thread("t2", "sorter", "t1@1"),
        // Two records are lost.
        writer.log("t2", 4, "INFO", "goes on"),
        with(writer.log("t3", 1, "ERROR", "gets nothing"), json!({"hb": ["t2@9|queue:1"]})),
        // They say that each came before the other.
        with(writer.log("t5", 1, "INFO", "hen"), json!({"hb": ["t6@1"]})),
        with(writer.log("t6", 1, "INFO", "egg"), json!({"hb": ["t5@1"]})),
        writer.exit(2),
    ];
    spool.lines("4242-aaaaaa", &lines);
    let why = case.logq(&["why", "1.t3@1"]).ended(0).out;
    assert_has(
        &why,
        &["1.t2@9 is not on record", "2 records are missing of 1.t2 sorter up to 1.t2@4", "the root of the run"],
    );
    let chain = &case.logq(&["why", "1.t3@1", "--format", "json"]).ended(0).out;
    let chain: Value = serde_json::from_str(chain).expect("a document");
    assert_has(&chain["chain"][0]["missing"][0].to_string(), &["1.t2@9 is not on record"]);
    assert_has(&chain["missing"].to_string(), &["2 records of 1.t2 sorter are missing"]);
    let round = case.logq(&["why", "1.t5@1"]).ended(0).out;
    assert_has(&round, &["damaged: the stamps of 1.t5@1, 1.t6@1 say that each came before the other"]);
    assert_lacks(&round, &["egg"]);
    for forward in [&["why", "1.t1@1", "--forward"][..], &["why", "1.t3@1", "--all"]] {
        assert_has(&case.logq(forward).ended(0).out, &["missing: ", "2 records of 1.t2 sorter are missing"]);
    }
    let timeline = case.logq(&["timeline", "--thread", "2,5"]).ended(0).out;
    assert_has(
        &timeline,
        &["2 records are missing here", "2 records of 1.t2 sorter are missing", "damaged: the stamps of"],
    );
    let rows = case.json(&["timeline", "--thread", "2"]);
    assert!(rows.iter().any(|row| row["row"] == "missing" && row["records"] == 2 && row["before"] == "1.t2@4"));
    let findings = case.logq(&["diagnose"]);
    assert_has(
        &findings.out,
        &["DATA-MISSING", "damaged: the stamps of 1.t5@1 and 1.t6@1", "1 stamps point to records"],
    );
}

#[test]
fn a_process_that_is_not_there_is_missed() {
    let case = Case::new();
    let spool = Spool::new(&case);
    let mut first = Writer::new("4242-aaaaaa", 100);
    spool.lines("4242-aaaaaa", &[first.begin(1), first.exit(2)]);
    let mut third = Writer::new("4244-cccccc", 200);
    let begun = with(third.begin(3), json!({"how": "fork", "from": "4243-bbbbbb/t1@7"}));
    spool.lines("4244-cccccc", &[begun, third.log("t1", 2, "ERROR", "whose child am I?"), third.exit(3)]);
    let why = case.logq(&["why", "2.t1@2"]);
    assert_eq!(why.code, Some(2), "{}", why.out);
    let why = case.logq(&["why", "3.t1@2"]).ended(0).out;
    assert_has(&why, &["4243-bbbbbb/t1@7 is not on record", "or what it wrote is lost"]);
    assert_has(&case.logq(&["diagnose"]).out, &["of one process that began nothing is on record"]);
}

#[test]
fn very_many_lanes_are_answered() {
    let lanes = if std::env::var_os("LOGQ_SOAK").is_some() { 100_000 } else { 5_000 };
    let case = Case::new();
    let spool = Spool::new(&case);
    let mut writer = Writer::new("4242-aaaaaa", 0);
    let mut lines = vec![writer.begin(1)];
    for lane in 2..lanes + 2 {
        // Each was begun by the one before it, which had written nothing by then.
        let begun = json!({"ev": "lane", "kind": "task", "name": "job", "from": format!("a{}@0", lane - 1)});
        lines.push(writer.line(&format!("a{lane}"), 1, begun));
    }
    lines.push(writer.exit(2));
    let text = lines.join("\n") + "\n";
    spool.raw("4242-aaaaaa.1.jsonl", text.as_bytes());
    let last = format!("1.a{}@1", lanes + 1);
    assert_has(&case.logq(&["diagnose"]).ended(0).out, &["no faults", &format!("{lanes} tasks")]);
    for question in [&["why", &last, "--all"][..], &["why", "1.t1@1", "--forward"], &["timeline", "--around", &last]] {
        case.logq(question).ended(0);
    }
    assert_has(&case.logq(&["threads", "--format", "json"]).ended(0).out, &["job"]);
}
