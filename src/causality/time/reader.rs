//! Records to ledger: one pass over a run whose graph is there already.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::ledger::{Interned, Ledger, Object, ObjectIndex, Outcome, Pause, Place, WaitKind, own_name};
use crate::causality::{CausalGraph, LaneIndex, ProcessIndex};
use crate::record::glance::{BriefSite, Glance};
use crate::record::readings::WaitEvent;
use crate::record::{Event, EventKind, Lane, Record, Site};

/// So deep may waits of signal handlers lie in each other.
const NESTED: usize = 16;

/// Takes the records of a run, in any order.
pub struct LedgerReader {
    ledger: Ledger,
    processes: HashMap<Arc<str>, ProcessIndex>,
    lanes: HashMap<(ProcessIndex, Lane), LaneIndex>,
    /// Processes by pid; of a pid that was used again, the last.
    pids: HashMap<u32, ProcessIndex>,
    texts: Interned<Arc<str>>,
    gots: Vec<Got>,
    /// Places by the hash of what names them.
    seen: FxHashMap<u64, Place>,
}

/// The end of a wait that is to be found.
struct Got {
    lane: LaneIndex,
    seq: u64,
    object: Option<ObjectIndex>,
    outcome: Outcome,
    passed: u64,
}

impl LedgerReader {
    pub fn new(graph: &CausalGraph) -> LedgerReader {
        let processes =
            graph.processes.iter().enumerate().map(|(at, process)| (process.proc.clone(), ProcessIndex(at)));
        let began = graph.processes.iter().enumerate().filter(|(_, process)| process.began.is_some());
        let lanes = graph.lane_indexes().map(|lane| ((graph.lane(lane).process, graph.lane(lane).lane), lane));
        LedgerReader {
            ledger: Ledger::default(),
            processes: processes.collect(),
            pids: began.map(|(at, process)| (process.pid, ProcessIndex(at))).collect(),
            lanes: lanes.collect(),
            texts: Interned::default(),
            gots: Vec::new(),
            seen: FxHashMap::default(),
        }
    }

    pub fn add(&mut self, record: &Record) {
        if record.again {
            return;
        }
        let Some(process) = self.processes.get(&record.proc).copied() else { return };
        let Some(lane) = self.lanes.get(&(process, record.lane)).copied() else { return };
        // What creates something tells where that was, which is not where its lane is.
        let is_made = matches!(record.event().map(|event| event.kind), Some(EventKind::Lane | EventKind::Obj));
        if let Some(site) = record.site().filter(|_| !is_made) {
            let place = self.place(site);
            self.ledger.sites.entry(lane).or_default().push((record.seq, place));
        }
        let Some(event) = record.event() else { return };
        match event.kind {
            EventKind::Wait => self.begin(process, lane, record, event),
            EventKind::Got => self.end(process, lane, record, event),
            EventKind::Acq | EventKind::Rel => self.hold(process, lane, record, event),
            EventKind::Begin => self.late_job(process, event),
            EventKind::End => self.ledger.used.extend(event.end().map(|end| (lane, end.usage))),
            EventKind::Exit => self.close(process, lane, event),
            _ => {}
        }
    }

    /// Takes a record that a glance told enough of: one that nobody waited for.
    pub fn add_glance(&mut self, record: &Glance) {
        let Some(process) = self.processes.get(record.proc).copied() else { return };
        let Some(lane) = self.lanes.get(&(process, record.lane)).copied() else { return };
        if let Some(site) = record.site {
            let place = self.brief_place(site);
            self.ledger.sites.entry(lane).or_default().push((record.seq, place));
        }
    }

    /// The ledger, with waits and their ends brought together.
    pub fn finish(mut self) -> Ledger {
        let pauses = &mut self.ledger.pauses;
        pauses.sort_by_key(|pause| (pause.lane, pause.wait));
        self.gots.sort_by_key(|got| (got.lane, got.seq));
        for got in &self.gots {
            let before = pauses.partition_point(|pause| (pause.lane, pause.wait) < (got.lane, got.seq));
            // The newest of that object: a signal's handler may wait in the midst of a wait.
            let of_lane = pauses[..before].iter_mut().rev().take_while(|pause| pause.lane == got.lane);
            let mut open = of_lane.take(NESTED).filter(|pause| pause.got.is_none());
            if let Some(pause) = open.find(|pause| pause.object == got.object) {
                (pause.got, pause.outcome, pause.passed) = (Some(got.seq), got.outcome, got.passed);
            }
        }
        for sites in self.ledger.sites.values_mut() {
            sites.sort_unstable_by_key(|(seq, _)| *seq);
        }
        self.ledger
    }

    fn begin(&mut self, process: ProcessIndex, lane: LaneIndex, record: &Record, event: &Event) {
        let Some(wait) = event.wait() else { return };
        let object = wait.obj.and_then(|name| self.object(process, name));
        let named = wait.owner.or(wait.runner).into_iter().chain(wait.owners.iter().copied());
        let mut owners: Vec<LaneIndex> = named.filter_map(|owner| self.mentioned(process, owner)).collect();
        owners.extend(self.main_of_child(&wait).filter(|_| owners.is_empty()));
        let held_at = wait.held_at.clone().map(|site| self.place(site));
        let site = wait.site.clone().map(|site| self.place(site));
        if let Some(object) = object {
            self.note_places(process, object, lane, site, &wait);
            let owner = owners.first().copied();
            self.ledger.handed_at.extend(owner.zip(held_at).map(|(owner, place)| ((object, owner), place)));
        }
        let on = self.texts.index(Arc::from(wait.on.unwrap_or("something")));
        self.ledger.pauses.push(Pause {
            lane,
            wait: record.seq,
            before: wait.since.map_or(0, |since| record.mono.saturating_sub(since)),
            got: None,
            outcome: Outcome::Open,
            kind: WaitKind::of(&wait),
            on: self.texts.get(on).clone(),
            object,
            owners,
            held_at,
            site,
            passed: 0,
        });
    }

    /// Who waits for a lock takes it there; of a queue it is told where each lane puts and gets.
    fn note_places(
        &mut self,
        process: ProcessIndex,
        object: ObjectIndex,
        lane: LaneIndex,
        site: Option<Place>,
        wait: &WaitEvent,
    ) {
        self.ledger.handed_at.extend(site.map(|place| ((object, lane), place)));
        for (giver, site) in wait.put_at.iter().chain(&wait.got_at) {
            let Some(giver) = self.mentioned(process, giver) else { continue };
            let place = self.place(site.clone());
            self.ledger.handed_at.entry((object, giver)).or_insert(place);
        }
    }

    fn end(&mut self, process: ProcessIndex, lane: LaneIndex, record: &Record, event: &Event) {
        let Some(got) = event.got() else { return };
        let object = got.obj.and_then(|name| self.object(process, name));
        let outcome = if matches!(got.res, None | Some("ok")) { Outcome::Got } else { Outcome::Gone };
        let passed = got.passed.iter().fold(0, |sum: u64, (_, n)| sum.saturating_add(*n));
        self.gots.push(Got { lane, seq: record.seq, object, outcome, passed });
    }

    /// A lock between processes, or any lock at capture `full`.
    fn hold(&mut self, process: ProcessIndex, lane: LaneIndex, record: &Record, event: &Event) {
        let Some(object) = event.obj().and_then(|name| self.object(process, name)) else { return };
        if event.kind == EventKind::Rel {
            self.ledger.releases.entry(object).or_default().push((lane, record.seq));
        } else if let Some(site) = event.site() {
            let place = self.place(site);
            self.ledger.handed_at.insert((object, lane), place);
        }
    }

    fn late_job(&mut self, process: ProcessIndex, event: &Event) {
        let Some(begin) = event.begin() else { return };
        let Some(pool) = begin.obj.and_then(|name| self.object(process, name)) else { return };
        let backlog = self.ledger.backlogs.entry(pool).or_default();
        backlog.jobs = backlog.jobs.saturating_add(begin.unsaid.unwrap_or(0)).saturating_add(1);
        backlog.longest = backlog.longest.max(begin.queued.unwrap_or(0));
    }

    /// What the end of a process says of its locks and threads.
    fn close(&mut self, process: ProcessIndex, lane: LaneIndex, event: &Event) {
        let Some(exit) = event.exit() else { return };
        if let Some(cpu) = exit.cpu {
            self.ledger.used.entry(lane).or_default().cpu = Some(cpu);
        }
        for (name, usage) in exit.lanes {
            self.ledger.used.extend(self.mentioned(process, name).map(|lane| (lane, usage)));
        }
        for lock in exit.locks {
            let object = lock.obj.and_then(|name| self.object(process, name));
            self.ledger.counted.extend(object.zip(lock.contended.zip(lock.waited)));
        }
    }

    /// The place of a borrowed site; those that are known are found without being copied.
    fn brief_place(&mut self, site: BriefSite) -> Place {
        let hash = FxBuildHasher.hash_one(site);
        let is_same = |known: &Site| (&*known.file, known.line, &*known.func) == (site.file, site.line, site.func);
        match self.seen.get(&hash) {
            Some(place) if is_same(self.ledger.places.get(place.0)) => *place,
            _ => {
                let place =
                    self.place(Site { file: site.file.to_owned(), line: site.line, func: site.func.to_owned() });
                self.seen.insert(hash, place);
                place
            }
        }
    }

    fn place(&mut self, site: Site) -> Place {
        Place(self.ledger.places.index(site))
    }

    fn object(&mut self, of: ProcessIndex, name: &str) -> Option<ObjectIndex> {
        let process = match name.rsplit_once('/') {
            Some((key, _)) => *self.processes.get(key)?,
            None => of,
        };
        Some(ObjectIndex(self.ledger.objects.index(Object { process, name: own_name(name).into() })))
    }

    /// As [`CausalGraph::mentioned`], for runs of very many lanes.
    fn mentioned(&self, of: ProcessIndex, name: &str) -> Option<LaneIndex> {
        let (process, own) = match name.rsplit_once('/') {
            Some((key, own)) => (*self.processes.get(key)?, own),
            None => (of, name),
        };
        self.lanes.get(&(process, own.parse().ok()?)).copied()
    }

    /// The child whose end is waited for, where it has records of its own.
    fn main_of_child(&self, wait: &WaitEvent) -> Option<LaneIndex> {
        let process = self.pids.get(&wait.child_pid?)?;
        self.lanes.get(&(*process, Lane::MAIN)).copied()
    }
}
