//! What an intake takes in of files that are there.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::model::Log;
use super::{Intake, IntakeError, Look, Options, wanted};
use crate::spool::{RunDir, StoreDir};

fn json(n: u64) -> String {
    super::model::json(n)
}

#[test]
fn packed_files_are_read_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = StoreDir::create(&folder.path().join("store")).expect("a store");
    let text: String = (0..5000).map(json).collect();
    let gzip = folder.path().join("a.log.gz");
    let mut packer = flate2::write::GzEncoder::new(File::create(&gzip).expect("a file"), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).expect("packed");
    packer.finish().expect("packed");
    let zstd = folder.path().join("b.log.zst");
    fs::write(&zstd, zstd::encode_all(text.as_bytes(), 1).expect("packed")).expect("written");
    for path in [gzip, zstd] {
        let name = path.file_name().expect("a name").to_string_lossy().replace('.', "-");
        let run = store.create_run(&name).expect("a run");
        assert_eq!(collected(&run, &path), 5000, "{}", path.display());
        assert_eq!(collected(&run, &path), 0, "{}", path.display());
    }
}

fn open(run: &RunDir, path: &Path) -> Result<Intake, IntakeError> {
    Intake::open(run, wanted(&[path.to_owned()]).expect("a file"), Options::default())
}

fn collected(run: &RunDir, path: &Path) -> u64 {
    let mut intake = open(run, path).expect("an intake");
    while intake.poll(&Look::Everywhere, true).expect("polled") {}
    intake.close().expect("closed").records
}

#[test]
fn a_packed_file_is_read_on_when_there_is_more_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = StoreDir::create(&folder.path().join("store")).expect("a store").create_run("a").expect("a run");
    let path = folder.path().join("a.log.gz");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all((0..5000).map(json).collect::<String>().as_bytes()).expect("packed");
    let packed = packer.finish().expect("packed");
    fs::write(&path, &packed[..packed.len() / 2]).expect("written");
    let mut intake = open(&run, &path).expect("an intake");
    while intake.poll(&Look::Everywhere, false).expect("polled") {}
    assert!(intake.taken().records < 5000 && !intake.taken().unreadable.is_empty());
    fs::write(&path, &packed).expect("written");
    while intake.poll(&Look::Everywhere, false).expect("polled") {}
    assert_eq!((intake.taken().records, intake.taken().unreadable.len()), (5000, 0));
}

#[test]
fn a_damaged_packed_file_is_said_to_be_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = StoreDir::create(&folder.path().join("store")).expect("a store").create_run("a").expect("a run");
    let path = folder.path().join("a.log.gz");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packer.write_all((0..5000).map(json).collect::<String>().as_bytes()).expect("packed");
    let mut packed = packer.finish().expect("packed");
    // The checksum at the end is another one: every line can be read.
    let place = packed.len() - 6;
    packed[place] ^= 1;
    fs::write(&path, &packed).expect("written");
    for expected in [5000, 0] {
        let mut intake = open(&run, &path).expect("an intake");
        while intake.poll(&Look::Everywhere, true).expect("polled") {}
        let taken = intake.close().expect("closed");
        assert_eq!((taken.records, taken.unreadable.len()), (expected, 1));
    }
}

#[test]
fn what_cannot_be_looked_at_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = StoreDir::create(&folder.path().join("store")).expect("a store").create_run("a").expect("a run");
    let logs = folder.path().join("logs");
    let deep = (0..20).fold(logs.clone(), |path, n| path.join(n.to_string()));
    fs::create_dir_all(&deep).expect("made");
    fs::write(deep.join("app.log"), json(1)).expect("written");
    let mut intake = open(&run, &logs).expect("an intake");
    while intake.poll(&Look::Everywhere, true).expect("polled") {}
    let taken = intake.close().expect("closed");
    assert!(taken.unreadable.values().any(|why| why.contains("deep")), "{:?}", taken.unreadable);
}

#[test]
fn names_without_end_are_cut_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = StoreDir::create(&folder.path().join("store")).expect("a store").create_run("a").expect("a run");
    let path = folder.path().join("app.log");
    let long = "ä".repeat(50_000);
    let keys = ["level", "threadName", "processName", "hostname"];
    let names = keys.map(|key| format!("\"{key}\":\"{key} {long}\""));
    fs::write(&path, format!("{{\"message\":\"x\",{}}}\n", names.join(","))).expect("written");
    assert_eq!(collected(&run, &path), 1);
    let ledger = fs::read_to_string(run.path().join("intake/ledger.json")).expect("the ledger");
    assert!(ledger.len() < 5000, "{}", ledger.len());
    let part = fs::read_dir(run.spool_path()).expect("a spool").next().expect("a part").expect("a part").path();
    let text = fs::read_to_string(part).expect("the part");
    assert_eq!(text.matches(&long).count(), 4, "each whole once, in extra");
    assert!(text.contains("\"thread\":\"threadName ä") && text.lines().all(|line| line.len() < 1 << 20));
}

#[test]
fn lines_of_ours_are_taken_once_and_into_no_process_of_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = StoreDir::create(&folder.path().join("store")).expect("a store").create_run("a").expect("a run");
    let path = folder.path().join("app.log");
    let line = |proc: &str, seq: u64, more: &str| {
        format!(
            "{{\"ts\":\"2026-11-23T05:48:58Z\",\"mono\":1,\"proc\":\"{proc}\",\"pid\":4,\"lane\":\"t1\",\"seq\":{seq}{more}}}\u{2003}\r\n"
        )
    };
    let head =
        line("4-abcdef", 1, ",\"ev\":\"proc\",\"n\":1,\"how\":\"foreign\",\"argv\":[\"x\"],\"origin\":[9,9,9,9,9]");
    let log = line("4-abcdef", 2, ",\"level\":\"INFO\",\"msg\":\"a\"");
    fs::write(&path, format!("\u{feff}{head}{log}")).expect("written");
    let other = folder.path().join("other.log");
    fs::write(&other, format!("{}{}", json(1), json(2))).expect("written");
    let both = wanted(&[path.clone(), other.clone()]).expect("files");
    for records in [4, 0] {
        let mut intake = Intake::open(&run, both.clone(), Options::default()).expect("an intake");
        while intake.poll(&Look::Everywhere, true).expect("polled") {}
        // As with a kill: the ledger is not written.
        assert_eq!(intake.taken().records, records);
    }
    let part = fs::read_to_string(run.spool_path().join("4-abcdef.1.jsonl")).expect("the part");
    let lines: Vec<serde_json::Value> = part.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((lines.len(), part.matches("origin").count()), (2, 2), "{part}");
    let names = fs::read_dir(run.spool_path()).expect("a spool").map(|entry| entry.expect("a part").file_name());
    let name = names.map(|name| name.to_string_lossy().into_owned()).find(|name| !name.starts_with("4-"));
    let theirs = name.expect("a part of the other log").trim_end_matches(".1.jsonl").to_owned();
    fs::write(&other, format!("{}{}{}", json(1), json(2), line(&theirs, 7, ""))).expect("written");
    assert_eq!(collected(&run, &other), 1);
    let part = fs::read_to_string(run.spool_path().join(format!("{theirs}.1.jsonl"))).expect("the part");
    assert!(!part.contains(r#""lane":"t1""#), "no lane of theirs: {part}");
}

#[test]
fn what_waits_for_more_is_taken_when_its_file_is_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = StoreDir::create(&folder.path().join("store")).expect("a store").create_run("a").expect("a run");
    let path = folder.path().join("app.log");
    fs::write(&path, format!("{}{}", super::model::text(1), super::model::text(2))).expect("written");
    let mut intake = open(&run, &path).expect("an intake");
    while intake.poll(&Look::Everywhere, false).expect("polled") {}
    assert_eq!(intake.taken().records, 1, "the last may go on");
    fs::remove_file(&path).expect("removed");
    assert_eq!(intake.close().expect("closed").records, 2);
}

#[test]
fn two_collectors_do_not_write_into_one_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = StoreDir::create(&folder.path().join("store")).expect("a store").create_run("a").expect("a run");
    let log = Log::new(folder.path(), json, false, 0);
    let _first = open(&run, &log.path()).expect("an intake");
    assert!(matches!(open(&run, &log.path()), Err(IntakeError::Busy { .. })));
}
