//! That a packed part reads as the plain one did, and that of a damaged one everything is read that is there.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::packed::{FRAME, path_of};
use super::{Content, Cursor, Follower, Part, Positions, Problems, ReadAt, RunDir, StoreDir, pack, remove_plain};

struct Fixture {
    _folder: tempfile::TempDir,
    run: RunDir,
    text: String,
}

impl Fixture {
    /// A part of several frames, with one long line across frames and half a line at its end.
    fn new() -> Fixture {
        let folder = tempfile::tempdir().expect("a folder");
        let run = StoreDir::create(&folder.path().join(".logq")).expect("a store").create_run("r1").expect("a run");
        let mut text = String::from(
            r#"{"ts":"2026-11-22T17:15:03Z","mono":1,"proc":"42-aaaaaa","pid":42,"lane":"t1","seq":1,"ev":"proc","n":1}"#,
        ) + "\n";
        for seq in 2..12_000_u64 {
            // Some of it no packer makes small.
            let noise = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let long = if seq == 6000 { "long ".repeat(100_000) } else { String::new() };
            text += &format!(
                r#"{{"ts":"2026-11-22T17:15:03Z","mono":{seq},"proc":"42-aaaaaa","pid":42,"lane":"t1","seq":{seq},"level":"INFO","logger":"a","msg":"order {noise:x} {long}"}}"#
            );
            text.push('\n');
        }
        text.push_str("{\"half");
        fs::write(run.spool_path().join("42-aaaaaa.1.jsonl"), &text).expect("written");
        assert!(text.len() > 4 * FRAME as usize);
        Fixture { _folder: folder, run, text }
    }

    fn plain(&self) -> PathBuf {
        self.run.spool_path().join("42-aaaaaa.1.jsonl")
    }

    fn packed(&self) -> PathBuf {
        path_of(&self.plain())
    }

    fn pack(&self) {
        pack(&self.plain()).expect("packed");
        remove_plain(&self.plain()).expect("removed");
    }

    fn part(&self) -> Part {
        self.run.spool().list().expect("a listing").parts().next().expect("a part").clone()
    }

    /// The numbers of the records, and everything that was wrong.
    fn read(&self) -> (Vec<u64>, Problems) {
        let listing = self.run.spool().list().expect("a listing");
        let (mut numbers, mut problems) = (Vec::new(), listing.problems.clone());
        for part in listing.parts() {
            part.read(&mut Cursor::default(), u64::MAX, &mut problems, &mut |entry| {
                if entry.record.log().is_some() || entry.record.event().is_some() {
                    numbers.push(entry.record.seq);
                }
                ControlFlow::Continue(())
            });
        }
        (numbers, problems)
    }
}

#[test]
fn a_packed_part_reads_as_the_plain_one_did() {
    let spool = Fixture::new();
    let (plain, before) = (spool.part(), spool.read());
    // A reader that has listed the spool before goes on.
    let mut follower = Follower::new(spool.run.spool(), &Positions::default());
    let mut seen = 0;
    let count = |follower: &mut Follower, seen: &mut u64, most: u64| {
        let _ = follower.poll(&mut |_| {
            *seen += 1;
            if *seen == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    };
    count(&mut follower, &mut seen, 5000);
    pack(&spool.plain()).expect("packed");
    assert_eq!(spool.read(), before, "where both are there, the plain one is the part");
    remove_plain(&spool.plain()).expect("removed");
    count(&mut follower, &mut seen, u64::MAX);
    assert_eq!(seen, 11_999);

    let packed = spool.part();
    assert_eq!((packed.len, spool.read()), (plain.len, before));
    assert!(fs::metadata(spool.packed()).expect("there").len() < plain.len / 4);
    let mut random = fastrand::Rng::with_seed(7);
    let content = Content::open(&plain.path).expect("found where it is now");
    for _ in 0..300 {
        let from = random.usize(..spool.text.len());
        let mut bytes = vec![0; random.usize(1..2 * FRAME as usize)];
        let got = super::read_up_to(&content, &mut bytes, from as u64).expect("read");
        let there = &spool.text.as_bytes()[from..spool.text.len().min(from + bytes.len())];
        assert!(bytes[..got] == *there, "{from}");
    }
    assert_eq!(content.read_at(&mut [0; 9], packed.len).expect("read"), 0);
    assert_eq!(packed.whole_until(0, &mut Problems::default()), plain.len - 6);
    let mut open = packed.open().expect("opened");
    for line in spool.text.lines().step_by(997) {
        let offset = line.as_ptr() as usize - spool.text.as_ptr() as usize;
        open.line_at(offset as u64, line.len() as u64).expect("the line");
    }
}

#[test]
fn of_a_damaged_frame_the_others_are_read_and_it_is_said() {
    let spool = Fixture::new();
    spool.pack();
    let mut bytes = fs::read(spool.packed()).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(spool.packed(), bytes).expect("written");
    let (numbers, problems) = spool.read();
    let said = problems.to_string();
    assert!(said.contains("packed part damaged: 1 of its frames"), "{said}");
    assert_eq!((numbers.first(), numbers.last()), (Some(&1), Some(&11_999)));
    let lost = 11_999 - numbers.len();
    assert!(lost > 0 && lost * 100 < 2 * FRAME as usize, "{lost} lines");
}

#[test]
fn a_table_that_is_damaged_is_made_anew() {
    let spool = Fixture::new();
    let before = spool.read().0;
    spool.pack();
    let whole = fs::read(spool.packed()).expect("read");
    let table = 8 + 8 * spool.text.len().div_ceil(FRAME as usize) + 9;
    let cut = whole[..whole.len() - 5].to_vec();
    let flipped = (whole.len() - table..whole.len()).step_by(3).map(|place| {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x41;
        bytes
    });
    for (place, bytes) in flipped.chain([cut]).enumerate() {
        fs::write(spool.packed(), bytes).expect("written");
        let (numbers, problems) = spool.read();
        assert_eq!(numbers, before, "{place}: {problems}");
        assert!(problems.to_string().contains("table of a packed part is damaged"), "{place}: {problems}");
    }
}

#[test]
fn any_bytes_are_a_part_or_a_problem() {
    let spool = Fixture::new();
    spool.pack();
    let whole = fs::read(spool.packed()).expect("read");
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..60 {
        let mut bytes = whole.clone();
        bytes.truncate(random.usize(..bytes.len()));
        for _ in 0..random.usize(..4) {
            if !bytes.is_empty() {
                let place = random.usize(..bytes.len());
                bytes[place] = random.u8(..);
            }
        }
        fs::write(spool.packed(), &bytes).expect("written");
        assert!(!spool.read().1.is_empty());
    }
    // As many frames as a table can name, of as much as they can name.
    let mut hostile = whole.clone();
    let len = hostile.len();
    hostile[len - 9..len - 5].copy_from_slice(&0x07ff_ffff_u32.to_le_bytes());
    fs::write(spool.packed(), &hostile).expect("written");
    assert_eq!(spool.read().0.len(), 11_999);
}
