//! What lanes, objects and waits are called where time is told.

use super::Stats;
use super::path::Owner;
use crate::causality::LaneIndex;
use crate::causality::time::{ObjectIndex, Place, WaitKind};
use crate::record::{Lane, LaneKind};
use crate::view::names;
use crate::view::printable::one_line;

impl Stats<'_> {
    /// `t3 worker-1`; where there are several processes with its own, by whose name a main thread goes.
    pub(super) fn lane(&self, lane: LaneIndex) -> String {
        let several = self.graph.processes.iter().filter(|process| !process.is_logq()).count() > 1;
        if several && self.graph.lane(lane).lane == Lane::MAIN {
            let name = self.graph.process_name(self.graph.lane(lane).process);
            return format!("{} {}", self.graph.address(lane), one_line(&name));
        }
        names::lane(self.graph, lane, (!several).then_some(lane))
    }

    /// A task may await what is not written.
    pub(super) fn works(&self, lane: LaneIndex) -> String {
        let is_task = self.graph.lane(lane).lane.kind == LaneKind::Task;
        format!("{} works{}", self.lane(lane), if is_task { " or awaits" } else { "" })
    }

    /// `lock stock`.
    pub(super) fn object(&self, object: ObjectIndex) -> String {
        let object = self.schedule.ledger.object(object);
        let lane = self.graph.processes[object.process.0].lanes.first();
        lane.map_or_else(|| object.name.to_string(), |lane| names::object(self.graph, *lane, &object.name))
    }

    /// Where the object was made: `stock.py:3`.
    pub(super) fn made_at(&self, object: ObjectIndex) -> String {
        let object = self.schedule.ledger.object(object);
        let facts = self.graph.object(object.process, &object.name);
        facts.and_then(|facts| facts.site.as_ref()).map_or_else(String::new, names::site)
    }

    /// `stock.py:22`; nothing where it is not known.
    pub(super) fn place(&self, place: Option<Place>) -> String {
        place.map_or_else(String::new, |place| names::site(self.schedule.ledger.place(place)))
    }

    /// What a part of the path went into.
    pub(super) fn owner(&self, owner: &Owner) -> String {
        match owner {
            Owner::Object(kind, object) => format!("{} {}", waiting(*kind), self.object(*object)),
            Owner::Alone(on, object, whom) => self.alone(on, *object, *whom),
            Owner::Work(lane) => self.works(*lane),
            Owner::Resuming => "let go, but not running yet".to_owned(),
            Owner::Starting => "threads or processes start".to_owned(),
        }
    }

    /// A wait of which nobody on record is known to have ended it.
    fn alone(&self, on: &str, object: Option<ObjectIndex>, whom: Option<LaneIndex>) -> String {
        if let Some(whom) = whom {
            return format!("waiting for the end of {}", self.lane(whom));
        }
        match (on, object) {
            (_, Some(object)) => format!("waiting for {}", self.object(object)),
            ("join", None) => "waiting for the end of a thread".to_owned(),
            ("process", None) => "waiting for the end of a process".to_owned(),
            ("queue-get" | "channel", None) => "waiting for a message".to_owned(),
            (on, None) => format!("waiting for {}", one_line(on)),
        }
    }
}

pub(super) fn waiting(kind: WaitKind) -> &'static str {
    match kind {
        WaitKind::Item => "waiting for items in",
        WaitKind::Room => "waiting for room in",
        _ => "waiting for",
    }
}

/// What whoever others waited for did: `held` by.
pub(super) fn verb(kind: WaitKind) -> &'static str {
    match kind {
        WaitKind::Exclusion => "held",
        WaitKind::Item => "filled",
        WaitKind::Room => "emptied",
        _ => "woken",
    }
}

/// `41 %`; `<1 %` of what is there at all.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 || part == 0 {
        return "0 %".to_owned();
    }
    match part as f64 * 100.0 / whole as f64 {
        few if few < 1.0 => "<1 %".to_owned(),
        share => format!("{share:.0} %"),
    }
}
