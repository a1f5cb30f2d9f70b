//! What a diagnosis says: one problem in plain data, with its evidence. How it looks is the view's.

use crate::causality::{CausalGraph, LaneIndex, ObjectFacts, ProcessIndex};
use crate::record::{LaneKind, RecordId, Site};

/// Whether something is wrong, or only worth knowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Fault,
    Observation,
}

/// How sure a finding is; the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Follows from exact facts.
    Certain,
    Likely,
    Possible,
}

/// One problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub kind: &'static str,
    pub class: Class,
    pub certainty: Certainty,
    /// What it is, in a few words: `2 threads, 2 locks`.
    pub title: String,
    /// What happened, in a sentence or two.
    pub summary: String,
    /// What to change.
    pub fix: String,
    /// Who takes part; the most important first.
    pub actors: Vec<Actor>,
    pub resources: Vec<Resource>,
    /// Where in the code.
    pub sites: Vec<Place>,
    /// Further facts, a sentence each: why nobody else can help, who is held up behind it.
    pub notes: Vec<String>,
    /// The records that it follows from.
    pub evidence: Vec<RecordId>,
    /// When it began and ended, wall clock in ns. A problem that was never resolved has no end.
    pub since: Option<i64>,
    pub until: Option<i64>,
    /// What is not on record and could change the verdict.
    pub missing: Vec<String>,
    /// The command that shows more.
    pub see: Option<String>,
}

/// A lane or a process that takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// `1.t2`; of a process that is meant as a whole, its number.
    pub id: String,
    /// What to call its process.
    pub process: String,
    pub pid: u32,
    pub name: String,
    /// thread, task, greenlet, process.
    pub kind: &'static str,
    /// What it does in this: `holds vault_1, waits for vault_2`.
    pub role: String,
}

/// An object that the problem is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub obj: String,
    /// `threading.Lock`.
    pub kind: Option<String>,
    pub name: Option<String>,
    /// Where it was created.
    pub site: Option<Site>,
}

/// A place in the code, what happened there, and who did it.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    pub site: Site,
    pub role: String,
    /// The actor's id.
    pub actor: Option<String>,
    /// Wall clock, ns.
    pub since: Option<i64>,
}

impl Finding {
    pub fn fault(kind: &'static str, certainty: Certainty, title: impl Into<String>) -> Finding {
        Finding::of(kind, Class::Fault, certainty, title.into())
    }

    pub fn observation(kind: &'static str, certainty: Certainty, title: impl Into<String>) -> Finding {
        Finding::of(kind, Class::Observation, certainty, title.into())
    }

    fn of(kind: &'static str, class: Class, certainty: Certainty, title: String) -> Finding {
        Finding {
            kind,
            class,
            certainty,
            title,
            summary: String::new(),
            fix: String::new(),
            actors: Vec::new(),
            resources: Vec::new(),
            sites: Vec::new(),
            notes: Vec::new(),
            evidence: Vec::new(),
            since: None,
            until: None,
            missing: Vec::new(),
            see: None,
        }
    }

    /// Whether it makes the exit code 1: something is wrong, and that is more than possible.
    pub fn counts(&self) -> bool {
        self.class == Class::Fault && self.certainty <= Certainty::Likely
    }

    /// Adds the actor, once.
    pub fn actor(&mut self, actor: Actor) {
        if !self.actors.iter().any(|known| known.id == actor.id) {
            self.actors.push(actor);
        }
    }

    /// Adds the resource, once.
    pub fn resource(&mut self, resource: Resource) {
        if !self.resources.iter().any(|known| known.obj == resource.obj) {
            self.resources.push(resource);
        }
    }

    /// Adds a place, once in the same role and of the same actor.
    pub fn site(&mut self, site: Option<&Site>, role: impl Into<String>, actor: Option<&str>, since: Option<i64>) {
        let Some(site) = site else { return };
        let place = Place { site: site.clone(), role: role.into(), actor: actor.map(str::to_owned), since };
        let known =
            |other: &Place| (&other.site, &other.role, &other.actor) == (&place.site, &place.role, &place.actor);
        if !self.sites.iter().any(known) {
            self.sites.push(place);
        }
    }

    pub fn evidence(&mut self, id: RecordId) {
        if !self.evidence.contains(&id) {
            self.evidence.push(id);
        }
    }
}

impl Actor {
    pub fn lane(graph: &CausalGraph, lane: LaneIndex, role: impl Into<String>) -> Actor {
        let (facts, process) = (graph.lane(lane), graph.process_of(lane));
        let kind = match facts.lane.kind {
            LaneKind::Task => "task",
            LaneKind::Greenlet => "greenlet",
            _ => "thread",
        };
        Actor {
            id: graph.address(lane),
            process: graph.process_name(facts.process),
            pid: process.pid,
            name: facts.display_name(),
            kind,
            role: role.into(),
        }
    }

    pub fn process(graph: &CausalGraph, process: ProcessIndex, role: impl Into<String>) -> Actor {
        let facts = &graph.processes[process.0];
        Actor {
            id: facts.number.map_or_else(|| facts.proc.to_string(), |number| number.to_string()),
            process: graph.process_name(process),
            pid: facts.pid,
            name: graph.process_name(process),
            kind: "process",
            role: role.into(),
        }
    }
}

impl Resource {
    /// The object that a record of that process calls so.
    pub fn of(graph: &CausalGraph, process: ProcessIndex, obj: &str) -> Resource {
        let facts = graph.object(process, obj).cloned();
        let ObjectFacts { kind, name, site } = facts.unwrap_or_default();
        // Objects are counted by each process.
        let known_by = graph.processes[process.0].number.filter(|_| !obj.contains('/'));
        let obj = known_by.map_or_else(|| obj.to_owned(), |number| format!("{number}.{obj}"));
        Resource { obj, kind, name, site }
    }

    /// What to call it: its name, else its kind and where it was made, else what records call it.
    pub fn called(&self) -> String {
        let kind = self.kind.as_deref().map(|kind| kind.rsplit('.').next().unwrap_or(kind));
        match (&self.name, kind, &self.site) {
            (Some(name), _, _) => name.clone(),
            (None, Some(kind), Some(site)) => {
                let file = site.file.rsplit(['/', '\\']).next().unwrap_or(&site.file);
                format!("the {kind} of {file}:{}", site.line)
            }
            (None, Some(kind), None) => format!("{kind} {}", self.obj),
            (None, None, _) => self.obj.clone(),
        }
    }
}
