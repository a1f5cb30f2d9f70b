//! `logq pack`: every command says of a packed run what it said before, whatever interrupts the packing; what is damaged is said.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::harness::{Case, assert_has, files, python};
use crate::story;

const RUN: &str = "20261122-170000-abcd";

/// A made-up service's run of so many records.
fn case(records: u64) -> (Case, PathBuf) {
    let case = Case::new();
    let spool = case.store().join("runs").join(RUN).join("spool");
    story::write(&spool, records, 3).expect("written");
    (case, spool)
}

/// What all the commands that read a run say of it.
fn told(case: &Case) -> Vec<String> {
    told_by(case, &[])
}

/// The same with these arguments behind each.
fn told_by(case: &Case, more: &[&str]) -> Vec<String> {
    let questions: [&[&str]; 14] = [
        &["search", "-n", "0"],
        &["search", "order", "-n", "50", "-C", "2"],
        &["search", "--count", "level>=WARNING"],
        &["search", "--top", "logger"],
        &["search", "--histogram", "order"],
        &["timeline", "--all", "-n", "300"],
        &["timeline", "--thread", "1.t1", "--format", "json", "-n", "0"],
        &["threads"],
        &["runs", "--format", "json"],
        &["diagnose", "--format", "json"],
        &["stats"],
        &["why", "1.t1@9", "--all"],
        &["export", "--to", "jsonl"],
        &["export", "--to", "perfetto"],
    ];
    let said = |question: &&[&str]| {
        let said = case.logq(&[*question, more].concat());
        assert!(matches!(said.code, Some(0 | 1)), "{question:?}: {}", said.err);
        format!("{question:?} {:?}\n{}{}", said.code, said.out, said.err)
    };
    questions.iter().map(said).collect()
}

#[track_caller]
fn assert_same(now: &[String], before: &[String], when: &str) {
    for (now, before) in now.iter().zip(before) {
        let first = now.lines().zip(before.lines()).find(|(now, before)| now != before);
        assert!(now == before, "{when}: {:?} {first:?}", now.lines().next());
    }
}

#[test]
fn every_command_says_of_a_packed_run_what_it_said_before() {
    let (case, spool) = case(1_500);
    case.logq(&["doctor", "--repair"]);
    let scanned = told(&case);
    case.logq(&["collect"]).ended(0);
    let indexed = told(&case);
    let plain: u64 = files(&spool, ".jsonl").iter().map(|path| fs::metadata(path).expect("there").len()).sum();
    let said = case.logq(&["pack"]).ended(0);
    assert_has(&said.out, &[RUN, "packed to"]);
    let packed: u64 = files(&spool, ".zst").iter().map(|path| fs::metadata(path).expect("there").len()).sum();
    assert!(packed * 4 < plain, "{packed} of {plain}");
    assert_same(&told(&case), &indexed, "indexed, then packed");
    assert_has(&case.logq(&["collect", "--stats"]).ended(0).out, &["0 records"]);
    assert_same(&told(&case), &indexed, "nothing is indexed twice");
    assert_has(&case.logq(&["doctor"]).ended(0).out, &["ok", "index right"]);
    fs::remove_dir_all(spool.with_file_name("index")).expect("removed");
    assert_same(&told(&case), &scanned, "packed, without an index");
    case.logq(&["collect"]).ended(0);
    assert_same(&told(&case), &indexed, "packed, then indexed");
    assert_has(&case.logq(&["pack", "--run", "all"]).ended(0).out, &["nothing to pack"]);
}

#[test]
fn nothing_is_lost_whenever_packing_is_killed() {
    let (case, spool) = case(4_000);
    let read = |case: &Case| case.logq(&["export", "--to", "jsonl"]).ended(0).out;
    let before = read(&case);
    let mut random = fastrand::Rng::with_seed(5);
    let times = if std::env::var_os("LOGQ_SOAK").is_some() { 500 } else { 8 };
    let originals: Vec<(PathBuf, Vec<u8>)> =
        files(&spool, ".jsonl").into_iter().map(|path| (path.clone(), fs::read(&path).expect("read"))).collect();
    let mut ended = 0;
    for time in 0..times {
        let mut packing = case.start(&["pack"]);
        std::thread::sleep(Duration::from_micros(random.u64(..60_000)));
        packing.0.kill().expect("killed");
        let is_whole = packing.0.wait().expect("ended").success();
        assert!(read(&case) == before, "lost or doubled at time {time}");
        if is_whole {
            // Begin anew.
            ended += 1;
            files(&spool, ".zst").into_iter().for_each(|path| fs::remove_file(path).expect("removed"));
            originals.iter().for_each(|(path, text)| fs::write(path, text).expect("written"));
        }
    }
    println!("{ended} of {times} were not interrupted");
    case.logq(&["pack"]).ended(0);
    assert!(read(&case) == before);
    assert!(files(&spool, ".new").is_empty() && case.logq(&["diagnose"]).err.is_empty());
}

#[test]
fn a_damaged_frame_is_said_by_every_answer() {
    let (case, spool) = case(6_000);
    case.logq(&["pack"]).ended(0);
    let largest = files(&spool, ".zst").into_iter().max_by_key(|path| fs::metadata(path).expect("there").len());
    let largest = largest.expect("a packed part");
    let mut bytes = fs::read(&largest).expect("read");
    bytes[300] ^= 1;
    fs::write(&largest, bytes).expect("written");
    for question in [&["search", "--count", "order"][..], &["search", "order"], &["threads"], &["diagnose"]] {
        let said = case.logq(question);
        assert_has(&format!("{}{}", said.out, said.err), &["packed part damaged"]);
    }
    assert_has(&case.logq(&["doctor"]).ended(1).out, &["DAMAGED", "packed part damaged"]);
}

#[test]
fn only_what_has_ended_is_packed() {
    let case = Case::new();
    let program = case
        .write("prog.py", "import logging, sys\nlogging.warning('up')\nprint('up', flush=True)\nsys.stdin.read()\n");
    let mut command = case.command(&["run", "--", &python(), &program.to_string_lossy()]);
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null());
    let mut running = crate::harness::Running(command.spawn().expect("logq starts"));
    let mut up = [0; 2];
    std::io::Read::read_exact(running.0.stdout.as_mut().expect("a pipe"), &mut up).expect("it is up");
    assert_has(&case.logq(&["pack"]).ended(3).err, &["is being written"]);
    assert_has(&case.logq(&["pack", "--run", "all"]).ended(0).out, &["left as it is"]);
    drop(running.0.stdin.take());
    running.0.wait().expect("ended");
    case.logq(&["pack"]).ended(0);
}

#[test]
fn a_packed_run_of_logs_goes_on_and_packing_makes_nothing_younger() {
    let case = Case::new();
    let lines = |numbers: std::ops::Range<u32>| -> String {
        numbers.map(|n| format!("{{\"message\":\"order {n}\",\"threadName\":\"worker-{}\"}}\n", n % 3)).collect()
    };
    let log = case.write("app.jsonl", &lines(0..2000));
    case.logq(&["collect", "app.jsonl"]).ended(0);
    let spool = case.store().join("runs/app/spool");
    let old = SystemTime::now() - Duration::from_secs(86_400 * 9);
    let written = |path: &Path| fs::File::open(path).expect("there").set_modified(old).expect("its time");
    files(&spool, ".jsonl").iter().for_each(|path| written(path));
    for folder in ["", "spool", "intake", "intake/ledger.json", "intake/lock"] {
        written(&case.store().join("runs/app").join(folder));
    }
    for count in [2000, 2500, 3000] {
        case.logq(&["pack"]).ended(0);
        assert!(files(&spool, ".jsonl").is_empty(), "nor is a part begun for nothing");
        if count == 2000 {
            let going = case.logq(&["prune", "--older-than", "8d", "--dry-run"]).ended(0);
            assert_has(&going.out, &["would remove app"]);
        }
        fs::write(&log, lines(0..count)).expect("written");
        case.logq(&["collect", "app.jsonl"]).ended(0);
        case.logq(&["collect", "app.jsonl"]).ended(0);
        assert_eq!(case.logq(&["search", "--count", "order"]).ended(0).out.trim(), count.to_string());
        let threads = case.json(&["threads"]);
        assert_eq!(
            threads.iter().filter(|lane| lane["name"].as_str().is_some_and(|name| name.starts_with("worker"))).count(),
            3
        );
    }
}

#[test]
fn a_run_in_one_file_says_what_the_run_says() {
    let (case, spool) = case(1_500);
    let before = told(&case);
    let parts = files(&spool, ".jsonl");
    let said = case.logq(&["pack", "-o", "bug.logq"]).ended(0);
    assert_has(&said.out, &[RUN, "bug.logq", "--dir"]);
    assert_eq!(files(&spool, ".jsonl"), parts, "the run stays as it is");
    let plain: u64 = parts.iter().map(|path| fs::metadata(path).expect("there").len()).sum();
    assert!(fs::metadata(case.path().join("bug.logq")).expect("there").len() * 4 < plain);
    assert!(files(case.path(), ".new").is_empty() && files(case.path(), ".part").is_empty());
    assert_has(&case.logq(&["pack", "-o", "bug.logq"]).ended(3).err, &["bug.logq"]);
    // Somewhere else, where there is no store.
    let other = Case::new();
    let file = other.path().join("bug.logq");
    fs::rename(case.path().join("bug.logq"), &file).expect("sent");
    let dir = ["--dir", &file.to_string_lossy()];
    assert_same(&told_by(&other, &dir), &before, "in one file");
    other.logq(&[&["collect"], &dir[..]].concat()).ended(0);
    assert_same(&told_by(&other, &dir), &before, "in one file, indexed");
    let again = other.path().join("again.logq");
    case.logq(&["pack"]).ended(0);
    case.logq(&["pack", "-o", &again.to_string_lossy()]).ended(0);
    assert_eq!(fs::read(&again).expect("read"), fs::read(&file).expect("read"), "of a packed run the same file");
    let bytes = fs::read(&file).expect("read");
    fs::write(&file, &bytes[..bytes.len() / 2]).expect("cut");
    assert_has(&other.logq(&[&["runs"], &dir[..]].concat()).ended(3).err, &["is no run packed by"]);
}
