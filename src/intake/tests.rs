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
