//! Every wait of a run in short, and which place in the code each record names.
//!
//! Who ended a wait is not decided here.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use crate::causality::{CausalGraph, LaneIndex, ProcessIndex};
use crate::record::Site;
use crate::record::readings::{Usage, WaitEvent};

/// An object of the run; equal for every mention of it, in whichever process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectIndex(pub(super) usize);

/// A place in the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(pub(super) usize);

/// What an object is called: the process whose counter named it, and that name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Object {
    pub process: ProcessIndex,
    pub name: Arc<str>,
}

/// What sort of thing was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WaitKind {
    /// A lock or a semaphore: somebody else had it.
    Exclusion,
    /// An item, of an empty queue or channel.
    Item,
    /// Room in a full queue.
    Room,
    /// A condition, an event, a barrier: that somebody says so.
    Signal,
    /// The work of another lane or process: its end, its result.
    Work,
    /// A worker of a pool that has nothing to do.
    Idle,
    /// What no lane of the run need end: a socket, a timer.
    Elsewhere,
}

impl WaitKind {
    pub(super) fn of(wait: &WaitEvent) -> WaitKind {
        let is_pool = wait.obj.is_some_and(|obj| own_name(obj).starts_with("pool:"));
        match wait.on.unwrap_or_default() {
            "lock" | "rlock" | "sem" => WaitKind::Exclusion,
            "queue-get" if is_pool => WaitKind::Idle,
            "queue-get" | "channel" => WaitKind::Item,
            "queue-put" => WaitKind::Room,
            "cond" | "event" | "barrier" => WaitKind::Signal,
            "join" | "future" | "task" | "process" | "queue-join" => WaitKind::Work,
            _ => WaitKind::Elsewhere,
        }
    }
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Got,
    /// By its time limit, an exception or a cancellation: nobody gave what was waited for.
    Gone,
    /// It is the last that is known of the lane.
    Open,
}

/// One wait of a lane. Times are monotonic ns of its host.
#[derive(Debug, Clone)]
pub struct Pause {
    pub lane: LaneIndex,
    /// Number of its `wait` record.
    pub wait: u64,
    /// For how long it had lasted when that was written.
    pub before: u64,
    /// Number of its `got`.
    pub got: Option<u64>,
    pub outcome: Outcome,
    pub kind: WaitKind,
    /// What it was for, as the record says: lock, queue-get, join, …
    pub on: Arc<str>,
    pub object: Option<ObjectIndex>,
    /// Who had it, or was to do it, when the wait was written. The end of all of them, where they are several.
    pub owners: Vec<LaneIndex>,
    /// Where the owner had taken it.
    pub held_at: Option<Place>,
    /// Where the lane waits.
    pub site: Option<Place>,
    /// How often others got it meanwhile.
    pub passed: u64,
}

/// How work waited in a pool before it began, as far as that was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Jobs that waited over 10 ms.
    pub jobs: u64,
    pub longest: u64,
}

/// The waits of a run.
#[derive(Debug, Default)]
pub struct Ledger {
    pub pauses: Vec<Pause>,
    pub backlogs: HashMap<ObjectIndex, Backlog>,
    /// How often locks were waited for, and for how long (ns), as they counted themselves: also waits too short to be written.
    pub counted: HashMap<ObjectIndex, (u64, u64)>,
    /// Where locks between processes were given back.
    pub(super) releases: HashMap<ObjectIndex, Vec<(LaneIndex, u64)>>,
    /// What threads did with their time besides their waits.
    pub used: HashMap<LaneIndex, Usage>,
    pub(super) objects: Interned<Object>,
    pub(super) places: Interned<Site>,
    /// Place of each record that names one, by lane and number.
    pub(super) sites: HashMap<LaneIndex, Vec<(u64, Place)>>,
    /// Where a lane takes a lock, or puts into a queue, as those who waited said.
    pub(super) handed_at: HashMap<(ObjectIndex, LaneIndex), Place>,
}

/// Values that occur again and again, kept once.
#[derive(Debug)]
pub(super) struct Interned<T>(Vec<T>, HashMap<T, usize>);

impl<T> Default for Interned<T> {
    fn default() -> Interned<T> {
        Interned(Vec::new(), HashMap::new())
    }
}

impl<T: Clone + Eq + Hash> Interned<T> {
    pub(super) fn index(&mut self, value: T) -> usize {
        if let Some(known) = self.1.get(&value) {
            return *known;
        }
        self.0.push(value.clone());
        self.1.insert(value, self.0.len() - 1);
        self.0.len() - 1
    }

    pub(super) fn get(&self, index: usize) -> &T {
        &self.0[index]
    }
}

impl Ledger {
    /// The object of that name, as a record of that process says it.
    pub fn find(&self, graph: &CausalGraph, process: ProcessIndex, name: &str) -> Option<ObjectIndex> {
        let process = match name.rsplit_once('/') {
            Some((key, _)) => graph.process_with_key(key)?,
            None => process,
        };
        self.objects.1.get(&Object { process, name: own_name(name).into() }).copied().map(ObjectIndex)
    }

    pub fn object(&self, index: ObjectIndex) -> &Object {
        &self.objects.0[index.0]
    }

    pub fn place(&self, place: Place) -> &Site {
        &self.places.0[place.0]
    }

    /// Where that record was made.
    pub fn site_of(&self, lane: LaneIndex, seq: u64) -> Option<Place> {
        let sites = self.sites.get(&lane)?;
        sites.binary_search_by_key(&seq, |(known, _)| *known).ok().map(|at| sites[at].1)
    }

    /// Where the lane takes that lock, or puts into that queue.
    pub fn handed_at(&self, object: ObjectIndex, lane: LaneIndex) -> Option<Place> {
        self.handed_at.get(&(object, lane)).copied()
    }
}

/// `queue:2` of `4242-k3f9xz/queue:2`.
pub(super) fn own_name(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, own)| own)
}
