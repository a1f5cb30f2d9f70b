//! The collector and the store, hit by everything that happens to programs and disks: nothing may be lost, nothing counted
//! twice, and what is wrong has to be said. A few of each fault in `make test`; `make soak` injects many and writes what came
//! of them to docs/faults.md.

mod collectors;
mod disks;
mod world;

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
        soak: 100,
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
        soak: 60,
        inject: collectors::killed_following,
    },
    Fault {
        what: "two collectors begin at once",
        said: "the second one: which process holds the store",
        usual: 2,
        soak: 60,
        inject: collectors::two_collectors,
    },
    Fault {
        what: "readers ask while a collector commits and merges",
        said: "nothing; each answer has at least what was on disk before the question",
        usual: 1,
        soak: 20,
        inject: collectors::read_while_written,
    },
    Fault {
        what: "the machine resets: files of the index that no commit names are cut or gone, and so are the last lines of the spool",
        said: "how many bytes of the spool are missing that had been indexed",
        usual: 3,
        soak: 100,
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
        soak: 60,
        inject: disks::disk_full,
    },
    Fault {
        what: "bytes of the index change",
        said: "the collector, by checksums: which file; it then builds the index anew",
        usual: 3,
        soak: 100,
        inject: disks::index_changed,
    },
    Fault {
        what: "bytes of the spool change",
        said: "every command: how many lines are no records, or are no longer what was indexed",
        usual: 3,
        soak: 100,
        inject: disks::spool_changed,
    },
    Fault {
        what: "a file of the spool is cut or removed while it is collected",
        said: "the collector: which file it cannot read",
        usual: 2,
        soak: 60,
        inject: disks::spool_removed,
    },
];

/// How many of these faults one run of a program has to bear, before another one is begun.
const A_RUN: u32 = 10;

#[test]
fn nothing_is_lost_and_nothing_doubled_whatever_happens() {
    let soak = std::env::var_os("LOGQ_SOAK").is_some();
    let report: String = std::thread::scope(|scope| {
        let injected = FAULTS.iter().zip(1..).map(|(fault, seed)| scope.spawn(move || fault.inject_all(seed, soak)));
        let injected: Vec<_> = injected.collect();
        injected.into_iter().map(|rows| rows.join().expect("nothing is lost, nothing doubled")).collect()
    });
    if soak {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
        fs::write(path, format!("{ABOUT}{report}{BELOW}")).expect("written");
    }
}

impl Fault {
    /// Injects it as often as is due; what came of it as a row of the report.
    fn inject_all(&self, seed: u64, soak: bool) -> String {
        let times = if soak { self.soak } else { self.usual };
        let mut left = times;
        let (mut records, mut begun) = (0, 0);
        while left > 0 {
            begun += 1;
            let mut world = World::new(seed * 1000 + begun);
            for _ in 0..left.min(A_RUN) {
                (self.inject)(&mut world);
                world.check_answer(self.what);
            }
            left -= left.min(A_RUN);
            records += world.check_index(self.what);
            if soak {
                println!("{} of {times} times: {}", times - left, self.what);
            }
        }
        format!("| {} | {times} | {records} | 0 | 0 | {} |\n", self.what, self.said)
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
