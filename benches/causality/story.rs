//! What the lanes of a made-up run do: a service of four processes with threads, queues, locks, a pool and tasks, which logs
//! most of the time and hands things over the rest of it. At its end two threads of one process wait for each other.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::path::Path;

use crate::words;
use crate::world::{At, Left, World};

const WORKERS: usize = 12;
const LOCKS: usize = 6;
/// So many tasks of a process are alive at a time.
const TASKS: usize = 40;

/// One process of the service.
struct Service {
    main: At,
    workers: Vec<At>,
    tasks: VecDeque<At>,
    queue: VecDeque<(Left, u64)>,
    jobs: VecDeque<Left>,
    /// The stamp that the last owner of each lock left.
    freed: Vec<Option<Left>>,
    /// How locks were taken under others: each way is told once.
    nested: HashSet<(At, usize, usize)>,
}

/// Writes a run of about so many records into that directory.
pub fn write(spool: &Path, records: u64, seed: u64) -> io::Result<()> {
    let mut world = World::new(spool, seed)?;
    let root = Service::begin(&mut world, "service", None)?;
    let first = root.main;
    let mut services = vec![root];
    for number in 1..4 {
        services.push(Service::begin(&mut world, &format!("worker-{number}"), Some(first))?);
    }
    while world.records < records {
        let which = world.chance.usize(..services.len());
        let (left, right) = services.split_at_mut(which);
        let Some((service, right)) = right.split_first_mut() else { continue };
        // A message goes round from each process to the next.
        match (left.first(), right.first()) {
            (_, Some(next)) | (Some(next), None) if world.chance.u32(..400) == 0 => {
                send_message(&mut world, service, next.main)?;
            }
            _ => service.act(&mut world)?,
        }
    }
    let hanging = services.pop();
    for service in services.into_iter().rev() {
        service.end(&mut world, first)?;
    }
    hanging.map_or(Ok(()), |service| service.hang(&mut world))?;
    world.finish()
}

fn send_message(world: &mut World, from: &Service, to: At) -> io::Result<()> {
    let obj = format!("{}/queue:90", world.key(from.main));
    world.write(from.main, r#""ev":"send","obj":"queue:90","via":"queue""#)?;
    let left = world.leave(from.main, &obj);
    let stamp = format!("{}/{}@{}", world.key(from.main), world.name(from.main), world.seq(from.main));
    world.merge(to, left);
    world.write(to, &format!(r#""ev":"recv","obj":"{obj}","via":"queue","from":"{stamp}""#))
}

impl Service {
    fn begin(world: &mut World, name: &str, from: Option<At>) -> io::Result<Service> {
        let main = world.begin_process(name, from)?;
        world.make(main, "queue:1", "queue.Queue", "orders")?;
        for lock in 0..LOCKS {
            world.make(main, &format!("lock:{}", lock + 2), "threading.Lock", &format!("guard_{lock}"))?;
        }
        let mut workers = Vec::new();
        for number in 0..WORKERS {
            workers.push(world.begin_lane(main, "t", &format!("worker-{number}"), "work")?);
        }
        let (queue, jobs, freed) = (VecDeque::new(), VecDeque::new(), vec![None; LOCKS]);
        Ok(Service { main, workers, tasks: VecDeque::new(), queue, jobs, freed, nested: HashSet::new() })
    }

    fn act(&mut self, world: &mut World) -> io::Result<()> {
        let worker = self.workers[world.chance.usize(..WORKERS)];
        match world.chance.u32(..1000) {
            ..690 => {
                let lane = if world.chance.u32(..4) == 0 { self.task(world)? } else { worker };
                log(world, lane)
            }
            690..830 => self.pass_on(world, worker),
            830..900 => self.contend(world, worker),
            900..960 => self.work_off(world, worker),
            960..992 => self.turn_tasks(world),
            992..998 => complain(world, worker),
            _ => self.nest(world, worker),
        }
    }

    /// Somebody puts an item into the queue, or takes one out of it.
    fn pass_on(&mut self, world: &mut World, worker: At) -> io::Result<()> {
        if self.queue.len() < 50 && world.chance.bool() || self.queue.is_empty() {
            world.write(self.main, r#""ev":"send","obj":"queue:1","via":"queue""#)?;
            self.queue.push_back((world.leave(self.main, "queue:1"), world.seq(self.main)));
        } else if let Some((left, seq)) = self.queue.pop_front() {
            world.merge(worker, left);
            world.write(worker, &format!(r#""ev":"recv","obj":"queue:1","via":"queue","from":"t1@{seq}""#))?;
        }
        Ok(())
    }

    /// A worker waits for a lock that another one has, which goes on working and then lets go.
    fn contend(&mut self, world: &mut World, worker: At) -> io::Result<()> {
        let owner = self.workers[world.chance.usize(..WORKERS)];
        let lock = world.chance.usize(..LOCKS);
        let obj = format!("lock:{}", lock + 2);
        if let Some(freed) = self.freed[lock].take() {
            world.merge_lock(owner, freed);
        }
        if owner == worker {
            return log(world, owner);
        }
        let begun = world.now();
        world.pass(1_000_000);
        write_wait(world, worker, owner, &obj, "", begun)?;
        log(world, owner)?;
        let left = world.leave(owner, &obj);
        world.merge_lock(worker, left);
        let (waited, name) = (world.now() - begun, world.name(owner).to_owned());
        world.write(
            worker,
            &format!(r#""ev":"got","obj":"{obj}","waited":{waited},"res":"ok","passed":{{"{name}":1}}"#),
        )?;
        self.freed[lock] = Some(world.leave(worker, &obj));
        Ok(())
    }

    /// A job of a pool: handed in by the main thread, done by a worker, its result taken by the main thread.
    fn work_off(&mut self, world: &mut World, worker: At) -> io::Result<()> {
        let job = world.leave(self.main, "job");
        world.merge(worker, job);
        log(world, worker)?;
        self.jobs.push_back(world.leave(worker, "result"));
        if self.jobs.len() > 8 {
            for result in self.jobs.drain(..) {
                world.merge(self.main, result);
            }
            world.write(self.main, r#""ev":"sync""#)?;
        }
        Ok(())
    }

    /// A lock taken under another one, in one order everywhere.
    fn nest(&mut self, world: &mut World, lane: At) -> io::Result<()> {
        let low = world.chance.usize(..LOCKS - 1) + 2;
        let high = world.chance.usize(low + 1..LOCKS + 2);
        if !self.nested.insert((lane, low, high)) {
            return log(world, lane);
        }
        world.write(
            lane,
            &format!(
                r#""ev":"nest","obj":"lock:{high}","site":["/srv/shop/state.py",93,"move"],"held":[{{"obj":"lock:{low}","site":["/srv/shop/state.py",88,"move"]}}]"#
            ),
        )
    }

    fn task(&mut self, world: &mut World) -> io::Result<At> {
        if self.tasks.len() < TASKS {
            let name = format!("request-{}", world.records);
            self.tasks.push_back(world.begin_lane(self.main, "a", &name, "handle_request")?);
        }
        Ok(self.tasks[world.chance.usize(..self.tasks.len())])
    }

    /// The oldest task ends, and the main thread takes its result.
    fn turn_tasks(&mut self, world: &mut World) -> io::Result<()> {
        self.task(world)?;
        if self.tasks.len() < TASKS {
            return Ok(());
        }
        let Some(task) = self.tasks.pop_front() else { return Ok(()) };
        world.end_lane(task)?;
        let left = world.leave(task, "result");
        world.merge(self.main, left);
        log(world, self.main)
    }

    fn end(mut self, world: &mut World, parent: At) -> io::Result<()> {
        while let Some(task) = self.tasks.pop_front() {
            world.end_lane(task)?;
        }
        self.end_workers(world, 0)?;
        world.write(self.main, r#""ev":"exit","rc":0,"how":"exit","cpu":411532986"#)?;
        if self.main != parent {
            let (pid, key) = (world.pid(self.main), world.key(self.main).to_owned());
            let left = world.leave(self.main, "join");
            world.merge(parent, left);
            world.write(parent, &format!(r#""ev":"reap","child_pid":{pid},"child_proc":"{key}","rc":0"#))?;
        }
        Ok(())
    }

    fn end_workers(&mut self, world: &mut World, but: usize) -> io::Result<()> {
        for worker in self.workers.drain(but..) {
            world.end_lane(worker)?;
            let left = world.leave(worker, "join");
            world.merge(self.main, left);
        }
        Ok(())
    }

    /// Two workers that each have what the other one waits for, and the main thread that waits for the first.
    fn hang(mut self, world: &mut World) -> io::Result<()> {
        while let Some(task) = self.tasks.pop_front() {
            world.end_lane(task)?;
        }
        self.end_workers(world, 2)?;
        let [one, other] = [self.workers[0], self.workers[1]];
        let begun = world.now();
        let holds = |obj: &str| {
            format!(r#","held":[{{"obj":"{obj}","site":["/srv/shop/state.py",88,"move"],"since":{begun}}}]"#)
        };
        world.pass(1_000_000);
        write_wait(world, one, other, "lock:3", &holds("lock:2"), begun)?;
        write_wait(world, other, one, "lock:2", &holds("lock:3"), begun)?;
        let (pid, name) = (world.pid(self.main), world.name(one).to_owned());
        world.write(
            self.main,
            &format!(r#""ev":"wait","on":"join","owner":"{name}","since":{begun},"site":["/srv/shop/service.py",{pid},"main"]"#),
        )
    }
}

fn write_wait(world: &mut World, worker: At, owner: At, obj: &str, holds: &str, since: u64) -> io::Result<()> {
    let owner = world.name(owner).to_owned();
    world.write(
        worker,
        &format!(
            r#""ev":"wait","obj":"{obj}","on":"lock","owner":"{owner}","held_at":["/srv/shop/state.py",88,"move"],"held_since":{since},"since":{since},"site":["/srv/shop/state.py",91,"move"],"stack":[{{"file":"/srv/shop/state.py","line":91,"func":"move"}},{{"file":"/srv/shop/service.py","line":140,"func":"work"}}]{holds}"#
        ),
    )
}

fn log(world: &mut World, lane: At) -> io::Result<()> {
    let keys = words::log(world, lane);
    world.write(lane, &keys)
}

/// Something that a diagnosis keeps: a full queue that refuses, or a future that failed and was never asked.
fn complain(world: &mut World, lane: At) -> io::Result<()> {
    if world.chance.bool() {
        let n = 1 << world.chance.u32(..8);
        return world.write(
            lane,
            &format!(
                r#""ev":"note","what":"put-rejected","obj":"queue:1","n":{n},"site":["/srv/shop/service.py",52,"offer"]"#
            ),
        );
    }
    let line = world.chance.u32(20..60);
    world.write(
        lane,
        &format!(
            r#""ev":"exc","where":"future","type":"LookupError","msg":"no such order","stack":[{{"file":"/srv/shop/orders.py","line":{line},"func":"handle","code":"raise"}}],"obj":"fut:31","site":["/srv/shop/service.py",60,"submit"]"#
        ),
    )
}
