//! One run as it is held against others: its graph, and for each record what it is an instance of.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::steps::{Act, Step};
use super::template::{self, NameId, Names, Place};
use crate::causality::{CausalGraph, Edge, LaneIndex, NodeRef, ProcessIndex};
use crate::record::{Body, EventKind, Lane, Record};

/// What a record is an instance of, while the names of objects are not all known yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Raw {
    Log(NameId),
    Event { text: String, obj: Option<String>, place: Option<Place> },
}

/// What records tell besides the graph, gathered while that is built from the same records.
#[derive(Debug, Default)]
pub struct Recorder {
    lanes: HashMap<(Arc<str>, Lane), Told>,
    /// Many records are instances of few.
    raws: Vec<Raw>,
    numbers: HashMap<Raw, usize>,
}

/// What one lane told.
#[derive(Debug, Default)]
struct Told {
    /// Number of the record, and which of [`Recorder::raws`] it is.
    records: Vec<(u64, usize)>,
    /// By what was waited for: how often, and how long altogether, ns.
    waits: HashMap<String, (u64, u64)>,
}

/// A run.
#[derive(Debug)]
pub struct Account {
    /// The name of the run.
    pub name: String,
    pub graph: CausalGraph,
    /// By lane and place of the node in it.
    templates: Vec<Vec<Option<NameId>>>,
    /// By lane and what was waited for.
    pub(super) waits: BTreeMap<(LaneIndex, NameId), (u64, u64)>,
    /// By process and name of an object there.
    objects: HashMap<(ProcessIndex, Box<str>), NameId>,
    /// Place of each record in one order that agrees with happens-before, by lane.
    places: Vec<Vec<usize>>,
}

impl Recorder {
    pub fn add(&mut self, record: &Record, names: &mut Names) {
        if record.again {
            return;
        }
        let raw = match &record.body {
            Body::Log(log) => {
                let (key, text, place) = template::of_log(log);
                Raw::Log(names.intern(&key, &text, place))
            }
            Body::Event(event) => {
                if matches!(event.kind, EventKind::Wait | EventKind::Got) {
                    return self.add_wait(record);
                }
                let Some((text, place)) = template::of_event(event) else { return };
                let watched = || event.access().and_then(|access| access.var);
                Raw::Event { text, obj: event.obj().or_else(watched).map(str::to_owned), place }
            }
            Body::Malformed(_) => return,
        };
        let next = self.raws.len();
        let number = *self.numbers.entry(raw.clone()).or_insert(next);
        if number == next {
            self.raws.push(raw);
        }
        self.told(record).records.push((record.seq, number));
    }

    fn told(&mut self, record: &Record) -> &mut Told {
        self.lanes.entry((record.proc.clone(), record.lane)).or_default()
    }

    fn add_wait(&mut self, record: &Record) {
        let Some(event) = record.event() else { return };
        let (wait, got) = (event.wait(), event.got());
        let on = wait.as_ref().and_then(|wait| wait.on).unwrap_or("something");
        let what = event.obj().map_or_else(|| format!(" {on}"), str::to_owned);
        let told = self.told(record);
        if wait.is_some() {
            told.waits.entry(what).or_default().0 += 1;
        } else if let Some(known) = told.waits.get_mut(&what) {
            known.1 = known.1.saturating_add(got.and_then(|got| got.waited).unwrap_or(0));
        }
    }
}

impl Account {
    /// A run from its graph and what was recorded beside it.
    pub fn new(name: &str, graph: CausalGraph, recorder: Recorder, names: &mut Names) -> Account {
        let templates = graph.lanes.iter().map(|lane| vec![None; lane.nodes.len()]).collect();
        let mut places: Vec<Vec<usize>> = graph.lanes.iter().map(|lane| vec![0; lane.nodes.len()]).collect();
        for (place, at) in graph.causal_order().into_iter().enumerate() {
            places[at.lane.0][at.at] = place;
        }
        let (waits, objects) = (BTreeMap::new(), HashMap::new());
        let mut account = Account { name: name.to_owned(), graph, templates, waits, objects, places };
        account.settle(recorder, names);
        account.name_carriers(names);
        account
    }

    /// What the record is an instance of; `None` for one that tells only names, or how long something took.
    pub fn template(&self, at: NodeRef) -> Option<NameId> {
        self.templates[at.lane.0].get(at.at).copied().flatten()
    }

    /// The hand-over that a step tells of.
    pub fn edge(&self, step: &Step) -> Option<&Edge> {
        let (Act::Took { way, .. }, Some((giver, _))) = (step.act, step.from) else { return None };
        let process = self.graph.lane(giver).process;
        self.graph.edges_into(step.at).find(|edge| {
            edge.from == giver && edge.by.as_deref().is_some_and(|by| self.carrier(process, by) == Some(way))
        })
    }

    /// The object that carried a hand-over of a lane of that process.
    pub(super) fn carrier(&self, process: ProcessIndex, by: &str) -> Option<NameId> {
        self.objects.get(&(process, by.into())).copied()
    }

    /// Where the record stands in an order of all that agrees with happens-before.
    pub(super) fn place(&self, at: NodeRef) -> usize {
        self.places[at.lane.0].get(at.at).copied().unwrap_or(usize::MAX)
    }

    /// The lanes of the program that wrote something, in the order of processes and lanes.
    pub(super) fn lanes(&self) -> Vec<LaneIndex> {
        let graph = &self.graph;
        let mut lanes: Vec<LaneIndex> = graph.lane_indexes().collect();
        lanes.retain(|lane| {
            let facts = graph.lane(*lane);
            !facts.is_logq() && !graph.process_of(*lane).is_logq() && facts.last().is_some()
        });
        lanes.sort_by_key(|lane| (graph.process_of(*lane).number.unwrap_or(u32::MAX), graph.lane(*lane).lane));
        lanes
    }

    fn settle(&mut self, mut recorder: Recorder, names: &mut Names) {
        let mut resolved: HashMap<(ProcessIndex, usize), NameId> = HashMap::new();
        for lane in (0..self.graph.lanes.len()).map(LaneIndex) {
            let (process, own) = (self.graph.lane(lane).process, self.graph.lane(lane).lane);
            let key = (self.graph.process_of(lane).proc.clone(), own);
            let Some(told) = recorder.lanes.remove(&key) else { continue };
            for (seq, number) in told.records {
                let Some(at) = self.graph.find(lane, seq) else { continue };
                if is_chance(&self.graph, at) {
                    continue;
                }
                let id = match resolved.get(&(process, number)) {
                    Some(known) => *known,
                    None => self.resolve(process, &recorder.raws[number], names),
                };
                resolved.insert((process, number), id);
                self.templates[lane.0][at.at] = Some(id);
            }
            for (what, times) in told.waits {
                let id = match what.strip_prefix(' ') {
                    Some(on) => names.intern(&format!("wait\0{on}"), on, None),
                    None => self.object(process, &what, names),
                };
                let known = self.waits.entry((lane, id)).or_default();
                *known = (known.0 + times.0, known.1.saturating_add(times.1));
            }
        }
    }

    fn resolve(&mut self, process: ProcessIndex, raw: &Raw, names: &mut Names) -> NameId {
        match raw {
            Raw::Log(id) => *id,
            Raw::Event { text, obj, place } => {
                let object = obj.as_ref().map(|obj| self.object(process, obj, names));
                let (key, text) = match object {
                    Some(object) => (format!("{text}\0{}", object.0), format!("{text} {}", names.get(object).text)),
                    None => (text.clone(), text.clone()),
                };
                names.intern(&format!("event\0{key}"), &text, place.clone())
            }
        }
    }

    /// Names every object that a hand-over came by.
    fn name_carriers(&mut self, names: &mut Names) {
        let mut carriers: Vec<(ProcessIndex, Arc<str>)> = Vec::new();
        for to in self.graph.lane_indexes().flat_map(|lane| self.graph.nodes_of(lane)) {
            for edge in self.graph.edges_into(to) {
                carriers.extend(edge.by.clone().map(|by| (self.graph.lane(edge.from).process, by)));
            }
        }
        carriers.sort();
        carriers.dedup();
        for (process, by) in carriers {
            self.object(process, &by, names);
        }
    }

    /// An object by its kind, its name and where it was made: its number in its process is an accident.
    fn object(&mut self, process: ProcessIndex, by: &str, names: &mut Names) -> NameId {
        if let Some(known) = self.objects.get(&(process, by.into())) {
            return *known;
        }
        let own = by.rsplit_once('/').map_or(by, |(_, own)| own);
        let kind = own.split_once(':').map_or(own, |(kind, _)| kind);
        let facts = self.graph.object(process, by);
        let name = facts.and_then(|facts| facts.name.as_deref());
        let place = facts.and_then(|facts| facts.site.as_ref()).map(Place::of);
        let text = name.map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"));
        let id = names.intern(&format!("object\0{}", template::masked(&text)), &text, place);
        self.objects.insert((process, by.into()), id);
        id
    }
}

/// An end that is on record only where time allowed: that of a worker that might not have been needed, of a thread that the
/// end of the program cuts off, of a process that is ended from outside when it has done its work.
fn is_chance(graph: &CausalGraph, at: NodeRef) -> bool {
    let (lane, process) = (graph.lane(at.lane), graph.process_of(at.lane));
    match graph.node(at).event {
        Some(EventKind::End) => {
            let is_well = lane.end.as_ref().is_some_and(|end| end.how == "ok");
            is_well && (lane.daemon || is_on_demand(graph, at.lane))
        }
        Some(EventKind::Exit) => process.end.said == Some(0) && process.how.as_deref() != Some("root"),
        _ => false,
    }
}

/// A worker that its pool makes only when the others are busy.
pub(super) fn is_on_demand(graph: &CausalGraph, lane: LaneIndex) -> bool {
    graph.lane(lane).function.as_deref().is_some_and(|function| function.ends_with("futures.thread._worker"))
}
