//! Differences between runs in words: roles, steps, and facts that divide runs.

use crate::causality::{LaneIndex, NodeRef, Wait};
use crate::diff::{Account, Act, Feature, Name, NameId, Names, Place, RoleId, Roles, Step};
use crate::view::names;
use crate::view::printable::{cut, one_line};

/// Columns that a template may take.
const WIDTH: usize = 80;

/// What the words are about.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    pub names: &'a Names,
    pub roles: &'a Roles,
}

impl Words<'_> {
    /// `worker-#`, with its process where that is not the root.
    pub fn role(&self, role: RoleId) -> String {
        let role = self.roles.get(role);
        let process = if role.process.is_empty() { String::new() } else { format!("{}: ", role.process) };
        one_line(&format!("{process}{}", role.name)).into_owned()
    }

    /// The template or object, made harmless, with its place in the code.
    pub fn name(&self, id: NameId) -> String {
        let Name { text, place } = self.names.get(id);
        let text = cut(&one_line(text), WIDTH).into_owned();
        place.as_ref().map_or(text.clone(), |place| format!("{text}  {}", at(place)))
    }

    /// The same without the place.
    pub fn text(&self, id: NameId) -> String {
        cut(&one_line(&self.names.get(id).text), WIDTH).into_owned()
    }

    /// What a lane did, with who else had a part in it.
    pub fn step(&self, run: &Account, step: &Step) -> String {
        match step.act {
            Act::Record(what) => {
                let verb = if run.graph.node(step.at).event.is_none() { "logs " } else { "" };
                format!("{verb}{}", self.name(what))
            }
            Act::Began(_) => format!("starts {}", names::lane(&run.graph, step.at.lane, None)),
            Act::Took { way, .. } => {
                let words = run.edge(step).map(|edge| names::hand_over(&run.graph, edge, step.at).arriving);
                let giver = step.from.map(|(giver, from)| {
                    let id = from.map_or_else(String::new, |from| format!("  {}", run.graph.id(from)));
                    format!("{}{id}", names::lane(&run.graph, giver, Some(step.at.lane)))
                });
                let words = words.unwrap_or_else(|| format!("something through {} from", self.text(way)));
                let giver = giver.unwrap_or_default();
                if words == "joined" { format!("joins {giver}") } else { format!("gets {words} {giver}") }
            }
        }
    }

    /// A lane that does nothing more: what it waits for, where it had not ended.
    pub fn standing(&self, run: &Account, lane: LaneIndex) -> String {
        let graph = &run.graph;
        let open = graph.lane(lane).waits.at(u64::MAX).filter(|_| graph.lane(lane).end.is_none());
        let Some(wait) = open.and_then(Wait::told) else { return "does nothing more".to_owned() };
        let what = wait.obj.map(|obj| names::object(graph, lane, obj));
        let what = what.or(wait.on.map(|on| one_line(on).into_owned())).unwrap_or_else(|| "something".to_owned());
        let owner = wait.owner.map(|owner| format!(", held by {}", names::mentioned_lane(graph, lane, owner)));
        format!("does nothing more: it still waits for {what}{}", owner.unwrap_or_default())
    }

    /// A fact that some runs have and others have not.
    pub fn feature(&self, feature: &Feature, at_least: u64) -> String {
        let times = if at_least > 1 { format!("  {at_least} times or more") } else { String::new() };
        let text = match feature {
            Feature::Record { role, what } => format!("{}: {}", self.role(*role), self.name(*what)),
            Feature::Took { role, way, giver } => {
                format!("{} is handed something by {} through {}", self.role(*role), self.role(*giver), self.text(*way))
            }
            Feature::Began { role, begun } => format!("{} starts {}", self.role(*role), self.role(*begun)),
            Feature::LockFrom { role, lock, holder } => {
                format!("{} takes {} after {}", self.role(*role), self.text(*lock), self.role(*holder))
            }
            Feature::Waited { role, what } => format!("{} waits for {}", self.role(*role), self.name(*what)),
            Feature::TookBefore { role, first, second } => {
                let one = |(way, giver): &(NameId, RoleId)| format!("{} from {}", self.text(*way), self.role(*giver));
                format!("{} is handed {} before {}", self.role(*role), one(first), one(second))
            }
            Feature::Item { way, giver, number, receiver } => {
                let receiver = one_line(receiver);
                format!("item {number} of {} through {} goes to {receiver}", self.role(*giver), self.text(*way))
            }
            Feature::Before { first, second } => {
                let one = |(role, what): &(RoleId, NameId)| format!("{}: {}", self.role(*role), self.name(*what));
                format!("{}  happens before  {}", one(first), one(second))
            }
        };
        format!("{text}{times}")
    }
}

/// `orders.py:120`.
pub fn at(place: &Place) -> String {
    one_line(&format!("{}:{}", place.file, place.line)).into_owned()
}

/// The id of a record, where there is one.
pub fn id(run: &Account, at: Option<NodeRef>) -> String {
    at.map_or_else(String::new, |at| run.graph.id(at).to_string())
}
