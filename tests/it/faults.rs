//! The collector and the store, hit by everything that happens to programs and disks: nothing may be lost, nothing counted
//! twice, and what is wrong has to be said. A few of each fault in `make test`; `make soak` injects many and writes what came
//! of them to docs/faults.md.

mod collectors;
mod disks;
mod world;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use world::World;

const RUN: &str = "20261122-171503-abcd";
const PROCS: [&str; 3] = ["42-aaaaaa", "43-bbbbbb", "44-cccccc"];

/// A fault: what it is, what is said of it, how often it is injected usually and in a soak, and how.
struct Fault {
    what: &'static str,
    said: &'static str,
    usual: u32,
    soak: u32,
    inject: fn(&mut World),
}

const FAULTS: [Fault; 12] = [
    Fault {
        what: "the collector is killed (SIGKILL) at a random moment of catching up",
        said: "nothing; the next one goes on behind the last commit",
        usual: 4,
        soak: 200,
        inject: collectors::killed_catching_up,
    },
    Fault {
        what: "the collector is killed in the midst of a commit: when files of it are there and it is not",
        said: "nothing; the next one goes on behind the last commit",
        usual: 3,
        soak: 500,
        inject: collectors::killed_in_a_commit,
    },
    Fault {
        what: "the collector is killed while it follows a program that writes",
        said: "nothing; the next one goes on behind the last commit",
        usual: 2,
        soak: 200,
        inject: collectors::killed_following,
    },
    Fault {
        what: "two collectors begin at once",
        said: "the second one: which process holds the store",
        usual: 2,
        soak: 100,
        inject: collectors::two_collectors,
    },
    Fault {
        what: "readers ask while a collector commits and merges",
        said: "nothing; each answer has at least what was on disk before the question",
        usual: 1,
        soak: 50,
        inject: collectors::read_while_written,
    },
    Fault {
        what: "the machine resets: files of the index that no commit names are cut or gone, and so are the last lines of the spool",
        said: "how many bytes of the spool are missing that had been indexed",
        usual: 3,
        soak: 200,
        inject: collectors::machine_reset,
    },
    Fault {
        what: "the index is removed under a collector that follows",
        said: "the collector: what it cannot write; it then builds the index anew",
        usual: 1,
        soak: 30,
        inject: disks::index_removed,
    },
    Fault {
        what: "the directory of the run is removed under a collector that follows, and the run begins anew",
        said: "the collector: what it cannot read or write; it goes on",
        usual: 1,
        soak: 30,
        inject: disks::run_removed,
    },
    Fault {
        what: "the disk is full (a limit on file size) at a random point of a commit",
        said: "the collector: which file it cannot write, and why; exit status 3",
        usual: 2,
        soak: 100,
        inject: disks::disk_full,
    },
    Fault {
        what: "bytes of the index change",
        said: "the collector, by checksums: which file; it then builds the index anew",
        usual: 3,
        soak: 300,
        inject: disks::index_changed,
    },
    Fault {
        what: "bytes of the spool change",
        said: "every command: how many lines are no records, or are no longer what was indexed",
        usual: 3,
        soak: 300,
        inject: disks::spool_changed,
    },
    Fault {
        what: "a file of the spool is cut or removed while it is collected",
        said: "the collector: which file it cannot read",
        usual: 2,
        soak: 100,
        inject: disks::spool_removed,
    },
];

/// How many of these faults one run of a program has to bear, before another one is begun.
const A_RUN: u32 = 20;

#[test]
fn nothing_is_lost_and_nothing_doubled_whatever_happens() {
    let soak = std::env::var_os("LOGQ_SOAK").is_some();
    let mut report = String::new();
    for (seed, fault) in (1..).zip(&FAULTS) {
        let times = if soak { fault.soak } else { fault.usual };
        let mut left = times;
        let (mut records, mut begun) = (0, 0);
        while left > 0 {
            begun += 1;
            let mut world = World::new(seed * 1000 + begun);
            for _ in 0..left.min(A_RUN) {
                (fault.inject)(&mut world);
                world.check_answer(fault.what);
            }
            left -= left.min(A_RUN);
            records += world.check_index(fault.what);
        }
        let _ = writeln!(report, "| {} | {times} | {records} | 0 | 0 | {} |", fault.what, fault.said);
    }
    if soak {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
        fs::write(path, format!("{ABOUT}{report}{BELOW}")).expect("written");
    }
}

const ABOUT: &str = "# What was done to the collector and the store

Written by `make soak` (tests/it/faults.rs), from what it has just seen; `make test` injects a few of each. After every fault
a reader is asked for all records: the answer has to be what the spool holds. At the end of each run a collector goes on, and
then the index has to hold every record that is still in the spool, each one once.

| fault | injected | records checked at the end | lost | doubled | what is said |
|---|---|---|---|---|---|
";

const BELOW: &str = "
A reader does not verify the index's checksums: that would cost more than most answers. What it cannot read it leaves to the
spool, and says so; bytes that changed so that they can still be read may make its answer wrong until the next `logq collect`,
which verifies every byte and builds the index anew. A spool's own bytes have no checksum: a changed line is shown as it is.
";
