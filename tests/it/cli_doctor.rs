//! `logq doctor`: what is damaged is named, what can be repaired is, and no line is changed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Case, assert_has, files, python};

/// A run with an index.
fn indexed() -> (Case, PathBuf) {
    let case = Case::new();
    let program = case.write("prog.py", "import logging\nfor n in range(300): logging.warning('line %d', n)\n");
    case.run_python(&python(), &program);
    case.logq(&["collect"]).ended(0);
    let run = case.store().join("runs").join(case.run_name());
    (case, run)
}

#[test]
fn a_sound_run_is_said_to_be_so() {
    let (case, _) = indexed();
    let said = case.logq(&["doctor"]).ended(0);
    assert_has(&said.out, &["ok", "index right"]);
}

#[test]
fn a_damaged_index_is_named_and_built_anew() {
    let (case, run) = indexed();
    let part = files(&run.join("index"), ".store").into_iter().chain(files(&run.join("index"), ".fast")).next_back();
    let part = part.expect("a file of the index");
    let mut bytes = fs::read(&part).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(&part, bytes).expect("written");
    let said = case.logq(&["doctor"]).ended(1);
    assert_has(&said.out, &["DAMAGED", "the index is wrong", "--repair"]);
    assert_has(&case.logq(&["doctor", "--repair"]).ended(0).out, &["repaired"]);
    assert_has(&case.logq(&["doctor"]).ended(0).out, &["ok", "index right"]);
}

#[test]
fn an_index_of_other_lines_is_wrong() {
    let (case, run) = indexed();
    // As long as before, and with as many lines: no checksum of the index tells.
    let spool = run.join("spool");
    let part =
        files(&spool, ".jsonl").into_iter().find(|path| fs::read_to_string(path).expect("text").contains("line 7\""));
    let part = part.expect("the part");
    let text = fs::read_to_string(&part).expect("text").replacen("\"level\":\"WARNING\"", "\"level\":\"XXXNING\"", 1);
    fs::write(&part, &text).expect("written");
    let said = case.logq(&["doctor"]).ended(1);
    assert_has(&said.out, &["the index is wrong", "level"]);
    case.logq(&["doctor", "--repair"]).ended(0);
    assert_eq!(fs::read_to_string(&part).expect("text"), text, "no line is changed");
    case.logq(&["doctor"]).ended(0);
}

#[test]
fn what_cannot_be_repaired_is_told() {
    let (case, run) = indexed();
    let spool = run.join("spool");
    let part = files(&spool, ".jsonl").pop().expect("a part");
    let mut text = fs::read_to_string(&part).expect("text");
    text.push_str("no record\n{\"half");
    fs::write(&part, text).expect("written");
    let said = case.logq(&["doctor", "--repair"]).ended(1);
    assert_has(&said.out, &["DAMAGED", "malformed", "torn"]);
}

#[cfg(unix)]
#[test]
fn files_are_made_their_users_alone_and_links_are_left() {
    use std::os::unix::fs::PermissionsExt;

    let (case, run) = indexed();
    let part = files(&run.join("spool"), ".jsonl").remove(0);
    fs::set_permissions(&part, fs::Permissions::from_mode(0o644)).expect("set");
    let outside = case.write("outside", "x");
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o644)).expect("set");
    std::os::unix::fs::symlink(&outside, run.join("spool/9-zzzzzz.1.jsonl")).expect("a link");
    let said = case.logq(&["doctor", "--repair"]).ended(1);
    assert_has(&said.out, &["can be read by others", "repaired", "is a link"]);
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&part), mode(&outside)), (0o600, 0o644));
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_looked_into_is_named() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    let (case, run) = indexed();
    let folder = run.join("other");
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).expect("set");
    let mut command = case.command(&["doctor"]);
    if fs::read_dir(&folder).is_ok() {
        // Nothing is closed to root: somebody else looks, whose all this is.
        const NOBODY: u32 = 65_534;
        let chown = std::process::Command::new("chown").args(["-R", "65534"]).arg(case.path()).status();
        assert!(chown.expect("chown").success());
        command.uid(NOBODY);
    }
    let said = crate::harness::Said::of(command.output().expect("logq runs")).ended(1);
    assert_has(&said.out, &["DAMAGED", "other cannot be listed"]);
}
