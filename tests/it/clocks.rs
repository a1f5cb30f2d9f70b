//! Happens-before as logq tells it, against vector clocks that the programs keep themselves: real threads and queues on
//! a real interpreter, seeded.

use std::collections::BTreeMap;

use logq::causality::{CausalGraph, NodeRef, Reading};
use logq::investigation::Investigation;
use logq::spool::RunDir;
use serde_json::Value;

use crate::harness::{Case, pythons};
use crate::seeds::seeds;

/// Threads that hand clocks around by queues of every sort, by starts and by joins. Each record carries the clock of its
/// thread: how many records of each thread are known to have come before, itself included.
const PROGRAM: &str = r#"
import logging, os, queue, random, sys, threading

seed = int(sys.argv[1])
sys.setswitchinterval(1e-5)
logging.basicConfig(level=logging.INFO, stream=open(os.devnull, "w"))
log = logging.getLogger("clocks")
queues = [queue.Queue(), queue.LifoQueue(), queue.PriorityQueue(), queue.SimpleQueue(), queue.Queue(maxsize=1000)]
numbers = iter(range(10**9))

def join(clock, other):
    for name, count in other.items():
        clock[name] = max(clock.get(name, 0), count)

class Worker(threading.Thread):
    def __init__(self, name, clock, depth):
        super().__init__(name=name)
        self.clock, self.depth = dict(clock), depth
        self.chance = random.Random(f"{seed} {name}")

    def run(self):
        children = []
        for step in range(40):
            what = self.chance.random()
            if what < 0.35:
                write(self.name, self.clock)
            elif what < 0.6:
                self.chance.choice(queues).put((next(numbers), dict(self.clock)))
            elif what < 0.92:
                try:
                    join(self.clock, self.chance.choice(queues).get_nowait()[1])
                except queue.Empty:
                    pass
            elif self.depth < 2 and len(children) < 2:
                child = Worker(f"{self.name}.{len(children)}", self.clock, self.depth + 1)
                children.append(child)
                child.start()
            elif children:
                end(self, children.pop())
        for child in children:
            end(self, child)
        if self.chance.random() < 0.5:
            write(self.name, self.clock)

def end(self, child):
    child.join()
    join(self.clock, child.clock)

def write(name, clock):
    clock[name] = clock.get(name, 0) + 1
    log.info("%s %d", name, clock[name], extra={"me": name, "clock": dict(clock)})

clock = {}
write("main", clock)
workers = [Worker(f"w{number}", clock, 0) for number in range(4)]
for worker in workers:
    worker.start()
write("main", clock)
for worker in workers:
    worker.join()
    join(clock, worker.clock)
write("main", clock)
"#;

struct Written {
    at: NodeRef,
    name: String,
    clock: BTreeMap<String, u64>,
}

impl Written {
    fn own(&self) -> u64 {
        self.clock[&self.name]
    }

    /// Whether the program knew, when it wrote this, that `other` had been written.
    fn knows(&self, other: &Written) -> bool {
        self.clock.get(&other.name).is_some_and(|count| *count >= other.own())
    }
}

fn written(case: &Case, graph: &CausalGraph) -> Vec<Written> {
    let of = |record: Value| {
        let name = record["id"].as_str().expect("an id").parse().expect("a record's name");
        let extra = &record["extra"];
        Written {
            at: graph.named(&name, None).expect("a record of the graph"),
            name: extra["me"].as_str().expect("a name").to_owned(),
            clock: serde_json::from_value(extra["clock"].clone()).expect("a clock"),
        }
    };
    case.json(&["search", "logger:clocks"]).into_iter().map(of).collect()
}

#[test]
fn happens_before_is_what_the_programs_own_clocks_say() {
    for (place, python) in pythons().into_iter().enumerate() {
        for seed in seeds(if place == 0 { 3 } else { 1 }, 100) {
            let case = Case::new();
            let program = case.write("clocks.py", PROGRAM);
            let program = program.to_str().expect("a path");
            case.logq(&["run", "-q", "--", &python, program, &seed.to_string()]).ended(0);
            let run = case.store().join("runs").join(case.run_name());
            let graph = Investigation::open(RunDir::at(&run)).expect("a run").graph;
            let records = written(&case, &graph);
            assert!(records.len() > 20, "{python}, seed {seed}: {} records", records.len());
            for later in &records {
                let reached = graph.ancestors(later.at, Reading::Full);
                for earlier in records.iter().filter(|earlier| earlier.at != later.at) {
                    let before = reached.get(&earlier.at.lane).is_some_and(|last| earlier.at.at <= last.at);
                    let (earlier_id, later_id) = (graph.id(earlier.at), graph.id(later.at));
                    let what = format!("{python}, seed {seed}: {earlier_id} before {later_id}?");
                    assert_eq!(before, later.knows(earlier), "{what}");
                }
            }
        }
    }
}
