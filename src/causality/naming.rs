//! What records call things by, found again: lanes, processes and objects that a record mentions, and wall-clock times
//! of monotonic ones.

use super::facts::{ObjectFacts, ProcessFacts};
use super::graph::{CausalGraph, LaneIndex, ProcessIndex};

impl CausalGraph {
    /// `1.t3`, the lane's address in its run.
    pub fn address(&self, lane: LaneIndex) -> String {
        let process = self.process_of(lane);
        match process.number {
            Some(number) => format!("{number}.{}", self.lane(lane).lane),
            None => format!("{}/{}", process.proc, self.lane(lane).lane),
        }
    }

    /// What to call a process: the name it was given, else what it runs.
    pub fn process_name(&self, process: ProcessIndex) -> String {
        let facts = &self.processes[process.0];
        let given = facts.name.as_deref().filter(|name| !name.is_empty() && *name != "MainProcess");
        let program = || {
            let script = facts.argv.iter().find(|word| !word.starts_with('-'));
            script.map(|word| word.rsplit('/').next().unwrap_or(word).to_owned())
        };
        given.map(str::to_owned).or_else(program).unwrap_or_else(|| format!("pid {}", facts.pid))
    }

    pub fn process_with_key(&self, key: &str) -> Option<ProcessIndex> {
        self.processes.iter().position(|process| *process.proc == *key).map(ProcessIndex)
    }

    /// A lane that a record of that process mentions: `t3`, or `4242-k3f9xz/t3` in another process.
    pub fn mentioned(&self, of: ProcessIndex, name: &str) -> Option<LaneIndex> {
        let (process, own) = match name.rsplit_once('/') {
            Some((key, own)) => (self.process_with_key(key)?, own),
            None => (of, name),
        };
        self.lane_named(process, own.parse().ok()?)
    }

    /// What is known of an object that a record of that process mentions.
    pub fn object(&self, of: ProcessIndex, name: &str) -> Option<&ObjectFacts> {
        let teller = &self.processes[of.0];
        let Some((key, own)) = name.rsplit_once('/') else { return self.own_object(teller, name) };
        // Who has made it may never have used it; those who did tell of it under its full name.
        let home = self.process_with_key(key).and_then(|home| self.own_object(&self.processes[home.0], own));
        home.or_else(|| teller.objects.get(name))
            .or_else(|| self.processes.iter().find_map(|process| process.objects.get(name)))
    }

    /// After a fork objects keep their numbers, and only the parent has told their names.
    fn own_object<'a>(&'a self, process: &'a ProcessFacts, own: &str) -> Option<&'a ObjectFacts> {
        process.objects.get(own).or_else(|| {
            let forked = process.how.as_deref() == Some("fork");
            let parent = self.processes.iter().find(|parent| Some(parent.pid) == process.ppid)?;
            forked.then(|| parent.objects.get(own))?
        })
    }

    /// What a record of that process calls an object, with the process whose it is: `4242-k3f9xz/lock:1`.
    pub fn full_name(&self, of: ProcessIndex, name: &str) -> String {
        if name.contains('/') { name.to_owned() } else { format!("{}/{name}", self.processes[of.0].proc) }
    }

    /// The wall-clock time of a monotonic one, by the clocks of the lane's last record before: wall clocks are set at times.
    pub fn wall(&self, lane: LaneIndex, mono: u64) -> Option<i64> {
        let nodes = &self.lane(lane).nodes;
        let after = nodes.partition_point(|node| node.mono <= mono);
        let near = nodes.get(after.saturating_sub(1))?;
        let later = i64::try_from(mono).ok()?.checked_sub(i64::try_from(near.mono).ok()?)?;
        near.ts.checked_add(later)
    }

    /// When a process's parent, or logq, saw that it had ended, by the wall clock of its main thread.
    pub fn seen_to_end(&self, process: ProcessIndex) -> Option<i64> {
        let main = self.lane_named(process, crate::record::Lane::MAIN)?;
        self.wall(main, self.processes[process.0].end.seen_mono?)
    }
}
