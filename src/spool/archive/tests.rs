//! What is an archive, and what of all that a stranger can put into a tar is none.

use std::fs;
use std::path::Path;

use tar::{Builder, EntryType, Header};

use super::{ArchiveError, make, open::open_in};
use crate::spool::{RunDir, StoreDir};

const PART: &str = "42-aaaaaa.1.jsonl";

fn run(folder: &Path) -> RunDir {
    let store = StoreDir::create(&folder.join("store")).expect("a store");
    let run = store.create_run("20261122-171503-abcd").expect("a run");
    fs::write(run.spool_path().join(PART), "{\"a\":1}\n".repeat(3000)).expect("written");
    fs::write(run.spool_path().join("1.claim"), "42-aaaaaa").expect("written");
    fs::write(run.spool_path().join("42-aaaaaa.lock"), "").expect("written");
    run
}

#[track_caller]
fn refused(file: &Path, why: &str) {
    let cache = file.with_file_name("cache");
    match open_in(file, &cache) {
        Err(ArchiveError::Other { why: told, .. }) => assert!(told.contains(why), "{told}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read_dir(&cache).expect("a cache").count(), 0, "nothing is left of it");
}

#[test]
fn a_run_is_in_it_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (run, file) = (run(folder.path()), folder.path().join("a.logq"));
    let size = make(&run, &file).expect("made");
    assert_eq!(fs::metadata(&file).expect("there").len(), size);
    assert!(make(&run, &file).is_err(), "nothing is written over");
    let cache = folder.path().join("cache");
    for _ in 0..2 {
        let store = open_in(&file, &cache).expect("opened");
        let opened = store.run(run.name()).expect("the run");
        let listing = opened.spool().list().expect("a listing");
        assert_eq!(listing.parts().map(|part| part.len).collect::<Vec<_>>(), [24_000]);
        let mut names: Vec<_> = fs::read_dir(opened.spool_path()).expect("there").flatten().collect();
        names.sort_by_key(fs::DirEntry::file_name);
        let names: Vec<_> = names.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["1.claim", "42-aaaaaa.1.jsonl.zst"]);
    }
    assert_eq!(fs::read_dir(&cache).expect("there").count(), 1, "opened once");
}

#[test]
fn what_is_cut_or_something_else_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (run, file) = (run(folder.path()), folder.path().join("a.logq"));
    make(&run, &file).expect("made");
    let whole = fs::read(&file).expect("read");
    for (len, why) in
        [(0, "end is missing"), (100, ""), (700, ""), (512, "cut"), (whole.len() - 1536, "end is missing")]
    {
        fs::write(&file, &whole[..len]).expect("written");
        refused(&file, why);
    }
    fs::write(&file, "{\"msg\":\"a log\"}\n".repeat(100)).expect("written");
    refused(&file, "");
}

/// An archive of these entries and an end.
fn of_entries(file: &Path, entries: &[(EntryType, &str, &[u8])]) {
    let mut archive = Builder::new(fs::File::create(file).expect("a file"));
    for (kind, path, bytes) in entries.iter().copied().chain([(EntryType::Regular, "a/end", &b""[..])]) {
        let mut header = Header::new_ustar();
        // Not by the crate's own setter, which refuses what leads out.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.as_old_mut().linkname[..11].copy_from_slice(b"/etc/passwd");
        header.set_cksum();
        archive.append(&header, bytes).expect("written");
    }
    archive.finish().expect("written");
}

#[test]
fn what_leads_elsewhere_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.logq");
    use EntryType::{Char, Directory, Fifo, GNULongName, GNUSparse, Link, Regular, Symlink, XHeader};
    for kind in [Symlink, Link, Fifo, Char, Directory, GNULongName, GNUSparse, XHeader] {
        of_entries(&file, &[(kind, "a/1.claim", b"")]);
        refused(&file, "no plain file");
    }
    let outside = folder.path().join("1.claim").to_string_lossy().into_owned();
    for path in
        [&*outside, "1.claim", "a/../1.claim", "a/b/1.claim", "a/01.claim", "a/42-aaaaaa.1.jsonl", "a/x.sh", "a/"]
    {
        of_entries(&file, &[(Regular, path, b"x")]);
        refused(&file, "it holds");
    }
    for run in ["..", ".", ".git", "é", ""] {
        of_entries(&file, &[(Regular, &format!("{run}/1.claim"), b"x")]);
        assert!(open_in(&file, &folder.path().join("cache")).is_err(), "{run}");
    }
    assert!(!Path::new(&outside).exists());
    of_entries(&file, &[]);
    refused(&file, "holds nothing");
    of_entries(&file, &[(Regular, "a/1.claim", b"x"), (Regular, "b/1.claim", b"x")]);
    refused(&file, "more than one run");
    of_entries(&file, &[(Regular, "a/1.claim", b"x"), (Regular, "a/1.claim", b"y")]);
    refused(&file, "exists");
}

#[test]
fn a_part_that_unpacks_to_anything_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (run, file) = (run(folder.path()), folder.path().join("a.logq"));
    fs::File::create(run.spool_path().join(PART)).expect("a part").set_len(600 << 20).expect("zeros");
    make(&run, &file).expect("made");
    refused(&file, "unpacks to more than");
}

#[test]
fn what_stands_beside_is_left_and_what_was_removed_from_the_cache_comes_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (run, file) = (run(folder.path()), folder.path().join("a.logq"));
    let others = ["a.logq.new", "a.logq.part.new"].map(|name| folder.path().join(name));
    others.iter().for_each(|other| fs::write(other, "somebody's").expect("written"));
    make(&run, &file).expect("made");
    for other in others {
        assert_eq!(fs::read_to_string(other).expect("there"), "somebody's");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 4, "the store, the file and theirs");
    let cache = folder.path().join("cache");
    let opened = open_in(&file, &cache).expect("opened").run(run.name()).expect("the run");
    fs::remove_dir_all(opened.spool_path().parent().expect("the run's folder")).expect("pruned");
    let again = open_in(&file, &cache).expect("opened").run(run.name()).expect("the run");
    assert_eq!(again.spool().list().expect("a listing").parts().count(), 1);
}
