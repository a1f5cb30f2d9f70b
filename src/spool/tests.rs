//! The spool against everything that may be in a directory.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::record::decode::MAX_LINE;

const PROC: &str = "42-aaaaaa";

fn log(seq: u64, msg: &str) -> String {
    format!(
        r#"{{"ts":"2026-11-22T17:15:03.{seq:09}Z","mono":{seq},"proc":"{PROC}","pid":42,"lane":"t1","seq":{seq},"level":"INFO","logger":"x","msg":"{msg}"}}"#
    )
}

fn proc_line(number: u32) -> String {
    format!(
        r#"{{"ts":"2026-11-22T17:15:03.000000001Z","mono":1,"proc":"{PROC}","pid":42,"lane":"t1","seq":1,"ev":"proc","n":{number},"part":1}}"#
    )
}

struct Fixture {
    dir: tempfile::TempDir,
    run: RunDir,
}

impl Fixture {
    fn new() -> Fixture {
        let dir = tempfile::tempdir().expect("a directory");
        let run = StoreDir::create(&dir.path().join(".logq")).expect("a store").create_run("r1").expect("a run");
        Fixture { dir, run }
    }

    fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.run.spool_path().join(name);
        let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a part");
        file.write_all(bytes.as_ref()).expect("written");
    }

    fn part(&self) -> Part {
        self.run.spool().list().expect("a listing").parts().next().expect("a part").clone()
    }

    /// Everything in the spool: `id` of each record, and the problems.
    fn read(&self) -> (Vec<String>, Problems) {
        let listing = self.run.spool().list().expect("a listing");
        let (mut ids, mut problems) = (Vec::new(), listing.problems.clone());
        for part in listing.parts() {
            part.read(&mut Cursor::default(), u64::MAX, &mut problems, &mut |entry| {
                ids.push(entry.record.id().to_string());
                ControlFlow::Continue(())
            });
        }
        (ids, problems)
    }
}

#[test]
fn a_line_that_is_not_ended_is_left_for_later() {
    let spool = Fixture::new();
    spool.append("42-aaaaaa.1.jsonl", format!("{}\n{}\n{}", proc_line(3), log(2, "a"), &log(3, "b")[..40]));
    let mut follower = Follower::new(spool.run.spool(), &Positions::default());
    let mut ids = Vec::new();
    let poll = |follower: &mut Follower, ids: &mut Vec<String>| {
        let end = follower.poll(&mut |entry| {
            ids.push(entry.record.id().to_string());
            ControlFlow::Continue(())
        });
        assert_eq!(end.expect("polled"), ControlFlow::Continue(()));
    };
    poll(&mut follower, &mut ids);
    assert_eq!(ids, ["3.t1@1", "3.t1@2"]);
    // Nobody holds the process's lock, so what is there of its third line is torn.
    assert_eq!(follower.problems().torn.values().collect::<Vec<_>>(), [&40]);

    spool.append("42-aaaaaa.1.jsonl", format!("{}\n", &log(3, "b")[40..]));
    poll(&mut follower, &mut ids);
    assert_eq!(ids, ["3.t1@1", "3.t1@2", "3.t1@3"]);
    assert!(follower.problems().is_empty(), "{}", follower.problems());
}

#[test]
fn a_living_writers_last_line_is_not_torn() {
    let spool = Fixture::new();
    let lock = hold(&spool.run.spool_path(), PROC).expect("the lock");
    assert!(is_alive(&spool.run.spool_path(), PROC));
    spool.append("42-aaaaaa.1.jsonl", r#"{"ts":"#);
    let tail =
        || spool.part().read(&mut Cursor::default(), u64::MAX, &mut Problems::default(), &mut |_| unreachable!());
    assert_eq!(tail().tail, Tail::Growing { bytes: 6 });
    drop(lock);
    assert!(!is_alive(&spool.run.spool_path(), PROC));
    assert_eq!(tail().tail, Tail::Torn { bytes: 6 });
}

#[test]
fn another_processs_lock_is_seen_and_not_taken() {
    let spool = Fixture::new();
    let path = spool.run.spool_path().join("42-aaaaaa.lock");
    let script = "import fcntl,sys\nf=open(sys.argv[1],'w')\nfcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB)\nprint('held',flush=True)\nsys.stdin.read()";
    let mut child = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&path)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python3");
    let mut held = [0; 5];
    std::io::Read::read_exact(child.stdout.as_mut().expect("a pipe"), &mut held).expect("it holds the lock");
    for _ in 0..3 {
        assert!(is_alive(&spool.run.spool_path(), PROC));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(!is_alive(&spool.run.spool_path(), PROC));
}

#[test]
fn what_is_no_record_is_counted_and_kept() {
    let spool = Fixture::new();
    let mut bytes = format!("{}\n", proc_line(1)).into_bytes();
    for bad in [&b"not json"[..], b"{\"ts\":5}", b"\0\0\0\0", b"\xff\xfe", b"[1]", b"{}"] {
        bytes.extend_from_slice(bad);
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(format!("\n\n{}\n", log(2, "after")).as_bytes());
    spool.append("42-aaaaaa.1.jsonl", bytes);
    let (ids, problems) = spool.read();
    assert_eq!((ids.len(), problems.malformed), (8, 6));
    assert_eq!(ids.last().map(String::as_str), Some("1.t1@2"));
    assert!(ids[1].starts_with("1.x1@"), "{}", ids[1]);
}

#[test]
fn a_line_of_any_length_takes_bounded_memory_and_is_one_record() {
    let spool = Fixture::new();
    for len in [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, MAX_LINE + 300_000, 5 << 20] {
        spool.append("42-aaaaaa.1.jsonl", [vec![b'x'; len], b"\n".to_vec()].concat());
    }
    spool.append("42-aaaaaa.1.jsonl", format!("{}\n", log(9, "after")));
    let part = spool.part();
    let mut lens = Vec::new();
    let mut problems = Problems::default();
    part.read(&mut Cursor::default(), u64::MAX, &mut problems, &mut |entry| {
        assert!(entry.line.len() <= MAX_LINE + 512 * 1024);
        lens.push((entry.offset, entry.len));
        let fetched =
            part.open().expect("opened").line_at(entry.offset, entry.len).expect("fetched").understand().record;
        assert_eq!(fetched, entry.record);
        ControlFlow::Continue(())
    });
    assert_eq!(
        lens.iter().map(|(_, len)| *len as usize).collect::<Vec<_>>()[..5],
        [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, MAX_LINE + 300_000, 5 << 20]
    );
    assert_eq!((lens.len(), problems.malformed), (6, 5));
}

#[test]
fn a_long_line_that_grows_is_read_once() {
    let spool = Fixture::new();
    let (mut cursor, mut problems) = (Cursor::default(), Problems::default());
    let mut seen = Vec::new();
    for _ in 0..4 {
        spool.append("42-aaaaaa.1.jsonl", vec![b'x'; MAX_LINE]);
        let mut each = |entry: Entry<'_>| {
            seen.push(entry.len);
            ControlFlow::Continue(())
        };
        let end = spool.part().read(&mut cursor, u64::MAX, &mut problems, &mut each);
        assert!(matches!(end.tail, Tail::Torn { .. }));
    }
    spool.append("42-aaaaaa.1.jsonl", format!("\n{}\n", log(1, "after")));
    let mut each = |entry: Entry<'_>| {
        seen.push(entry.len);
        ControlFlow::Continue(())
    };
    spool.part().read(&mut cursor, u64::MAX, &mut problems, &mut each);
    assert_eq!(seen, [4 * MAX_LINE as u64, log(1, "after").len() as u64]);
}

#[test]
fn parts_are_read_in_their_order_and_repeat_nothing() {
    let spool = Fixture::new();
    spool.append("42-aaaaaa.10.jsonl", format!("{}\n", log(4, "d")));
    let again = proc_line(7).replace(r#","seq":1"#, r#","again":true"#);
    spool.append("42-aaaaaa.2.jsonl", format!("{again}\n{}\n", log(3, "c")));
    spool.append("42-aaaaaa.1.jsonl", format!("{}\n{}\n", proc_line(7), log(2, "b")));
    assert_eq!(spool.read().0, ["7.t1@1", "7.t1@2", "7.t1@3", "7.t1@4"]);
    let listing = spool.run.spool().list().expect("a listing");
    let mut heads = Vec::new();
    for part in listing.parts() {
        let mut count = 0;
        part.head(&mut Problems::default(), &mut |_| count += 1);
        heads.push((part.id.part, count));
    }
    assert_eq!(heads, [(1, 0), (2, 1), (10, 0)]);
}

#[test]
fn a_number_comes_from_the_first_line_or_from_a_claim_and_is_one_processs() {
    let spool = Fixture::new();
    spool.append("42-aaaaaa.1.jsonl", "torn");
    spool.append("5.claim", "42-aaaaaa\n");
    spool.append("43-bbbbbb.1.jsonl", format!("{}\n", proc_line(5).replace(PROC, "43-bbbbbb")));
    spool.append("44-cccccc.1.jsonl", "");
    let listing = spool.run.spool().list().expect("a listing");
    let numbers: Vec<_> = listing.processes.iter().map(|process| (process.pid, process.number)).collect();
    assert_eq!(numbers, [(42, Some(5)), (43, None), (44, None)]);
}

#[test]
fn a_process_is_known_by_number_from_its_first_line_on() {
    let spool = Fixture::new();
    spool.append("42-aaaaaa.1.jsonl", "");
    let part = spool.part();
    spool.append("42-aaaaaa.1.jsonl", format!("{}\n{}\n", proc_line(5), log(2, "a")));
    let mut ids = Vec::new();
    part.read(&mut Cursor::default(), u64::MAX, &mut Problems::default(), &mut |entry| {
        ids.push(entry.record.id().to_string());
        ControlFlow::Continue(())
    });
    assert_eq!(ids, ["5.t1@1", "5.t1@2"]);
}

#[test]
fn what_is_not_a_part_is_named_and_never_opened() {
    let spool = Fixture::new();
    let dir = spool.run.spool_path();
    spool.append("notes.txt", "hello");
    spool.append("42-aaaaaa.0.jsonl", "{}\n");
    spool.append("42-aaaaaa.lock", "");
    fs::create_dir(dir.join("43-bbbbbb.1.jsonl")).expect("a directory");
    let outside = spool.dir.path().join("secret");
    fs::write(&outside, "{}\n").expect("written");
    std::os::unix::fs::symlink(&outside, dir.join("44-cccccc.1.jsonl")).expect("a link");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        dir.join("45-dddddd.1.jsonl"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("a pipe");
    let (ids, problems) = spool.read();
    assert!(ids.is_empty(), "{ids:?}");
    assert_eq!(problems.unknown.iter().collect::<Vec<_>>(), ["42-aaaaaa.0.jsonl", "notes.txt"]);
    assert_eq!(problems.unreadable.len(), 3, "{problems}");
}

#[test]
fn a_file_that_is_cut_or_removed_is_data() {
    let spool = Fixture::new();
    spool.append("42-aaaaaa.1.jsonl", format!("{}\n{}\n", proc_line(1), log(2, "a")));
    let part = spool.part();
    let mut cursor = Cursor::at(part.len);
    fs::write(&part.path, format!("{}\n", proc_line(1))).expect("cut");
    let mut problems = Problems::default();
    part.read(&mut cursor, u64::MAX, &mut problems, &mut |_| unreachable!());
    assert!(problems.to_string().contains("cut to"), "{problems}");
    assert_eq!(cursor, Cursor::at(part.len));
    assert!(part.open().expect("opened").line_at(part.len - 10, 9).is_err());

    fs::remove_file(&part.path).expect("removed");
    let mut problems = Problems::default();
    part.read(&mut Cursor::default(), u64::MAX, &mut problems, &mut |_| unreachable!());
    assert_eq!(problems.unreadable.len(), 1);
}

#[test]
fn runs_are_listed_by_name_and_names_are_checked() {
    let spool = Fixture::new();
    let store = StoreDir::open(&spool.dir.path().join(".logq")).expect("the store");
    store.create_run("20261122-171503-k3f9").expect("a run");
    fs::write(store.path().join("runs/file"), "").expect("written");
    let names: Vec<String> = store.runs().expect("runs").iter().map(|run| run.name().to_owned()).collect();
    assert_eq!(names, ["20261122-171503-k3f9", "r1"]);
    for name in ["", ".", "..", "../r1", "a/b", ".hidden", "a b", "a\nb", &"x".repeat(129)] {
        assert!(matches!(store.run(name), Err(SpoolError::BadName { .. })), "{name}");
        assert!(matches!(store.create_run(name), Err(SpoolError::BadName { .. })), "{name}");
    }
    assert!(matches!(store.run("r2"), Err(SpoolError::NoRun { .. })));
    fs::remove_dir_all(spool.run.spool_path()).expect("removed");
    assert!(spool.read().0.is_empty());
}

#[test]
fn a_store_is_found_from_below_and_refused_when_it_is_someone_elses() {
    let spool = Fixture::new();
    let below = spool.dir.path().join("a/b");
    fs::create_dir_all(&below).expect("made");
    let found = StoreDir::find(&below).expect("found");
    assert_eq!(found.path(), spool.dir.path().join(".logq"));
    let everybody = fs::Permissions::from_mode(0o1777);
    fs::set_permissions(spool.dir.path(), everybody).expect("opened to all");
    assert!(matches!(StoreDir::find(&below), Err(SpoolError::NoStore { .. })));
    assert_eq!(StoreDir::find(spool.dir.path()).expect("found from right there"), found);
    fs::set_permissions(spool.dir.path(), fs::Permissions::from_mode(0o700)).expect("closed again");
    assert!(matches!(StoreDir::open(Path::new("/nonexistent")), Err(SpoolError::NoStore { .. })));
    if rustix::process::geteuid().is_root() {
        let path = spool.dir.path().join(".logq");
        std::os::unix::fs::chown(&path, Some(65534), None).expect("given away");
        let error = StoreDir::find(&below).expect_err("refused").to_string();
        assert!(error.contains("belongs to user 65534") && error.contains("--dir"), "{error}");
        StoreDir::open(&path).expect("named, so opened");
    }
}

#[test]
fn positions_are_kept_as_text() {
    let mut positions = Positions::default();
    positions.set("42-aaaaaa.1".parse().expect("a source"), 77);
    let text = serde_json::to_string(&positions).expect("written");
    assert_eq!(text, r#"{"42-aaaaaa.1":77}"#);
    assert_eq!(serde_json::from_str::<Positions>(&text).expect("read"), positions);
    for bad in ["", "42-aaaaaa", "42-aaaaaa.x", "42-aaaaaa.+1", "42-aaaaaa.0", "x-aaaaaa.1", "42-../aa.1"] {
        assert!(bad.parse::<SourceId>().is_err(), "{bad}");
    }
}

/// What a writer may do to a part between two looks at it.
#[derive(Debug, Clone)]
enum Step {
    Write(Vec<u8>),
    Poll { at_most: usize },
    WholeUntil,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let piece = prop_oneof![
        prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'x'), any::<u8>()], 0..40),
        (1_usize..400_000).prop_map(|len| vec![b'y'; len]),
    ];
    let step = prop_oneof![
        3 => piece.prop_map(Step::Write),
        2 => (0_usize..5).prop_map(|at_most| Step::Poll { at_most }),
        1 => Just(Step::WholeUntil),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However the bytes come and whenever they are read, the lines are those of the whole.
    #[test]
    fn lines_are_those_of_the_whole_file(steps in steps()) {
        let spool = Fixture::new();
        let mut follower = Follower::new(spool.run.spool(), &Positions::default());
        let (mut written, mut seen) = (Vec::new(), Vec::new());
        for step in steps.into_iter().chain([Step::Poll { at_most: usize::MAX }]) {
            match step {
                Step::Write(bytes) => {
                    spool.append("42-aaaaaa.1.jsonl", &bytes);
                    written.extend(bytes);
                }
                Step::Poll { at_most } => {
                    let mut left = at_most;
                    let _ = follower.poll(&mut |entry| {
                        seen.push((entry.offset, entry.len));
                        left = left.saturating_sub(1);
                        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                    }).expect("polled");
                }
                Step::WholeUntil if !written.is_empty() => {
                    let whole = written.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1);
                    prop_assert_eq!(spool.part().whole_until(0, &mut Problems::default()), whole);
                }
                Step::WholeUntil => {}
            }
        }
        let mut expected = Vec::new();
        let mut offset = 0;
        for line in written.split_inclusive(|byte| *byte == b'\n') {
            if line.len() > 1 && line.ends_with(b"\n") {
                expected.push((offset, line.len() as u64 - 1));
            }
            offset += line.len() as u64;
        }
        prop_assert_eq!(seen, expected);
    }
}
