//! Runs held against each other: where two of them part, what is only in one, and, of many that passed or failed, what
//! moves with the outcome.
//!
//! What a run is likened by has no times, pids, addresses or record numbers in it: records are likened by their templates
//! and places in the code, lanes by where they were made, objects by their names and places. Lanes made at one place are
//! interchangeable: which of them did what is an accident. Happens-before judges what came first, never a clock.
//! No I/O, and no words: the view has those.

mod account;
mod align;
mod facts;
mod outcome;
mod part;
mod roles;
mod steps;
mod tally;
mod template;
#[cfg(test)]
mod tests;

pub use account::{Account, Recorder};
pub use outcome::{Feature, Outcome, Separator, outcome};
pub use part::{LockFrom, Part, Side};
pub use roles::{Role, RoleId, Roles};
pub use steps::{Act, Step};
pub use tally::{Count, Lasting, Tally};
pub use template::{Name, NameId, Names, Place};

use align::Alignment;

/// What differs between two runs.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The first place where lanes that stand for each other did different things: no other such place came before it.
    pub part: Option<Part>,
    /// How many other places there are.
    pub parts: usize,
    pub tally: Tally,
    /// Kinds of lanes whose work was shared out among them in another way; that alone is no difference.
    pub shuffled: Vec<RoleId>,
}

impl Difference {
    /// Nothing but durations, waits, and which of several equal lanes did what.
    pub fn is_none(&self) -> bool {
        self.part.is_none() && self.tally.is_even()
    }
}

/// Holds two runs against each other. The roles are those of at least these two.
pub fn compare(one: &Account, other: &Account, roles: &Roles) -> Difference {
    let alignment = Alignment::of(one, other, roles);
    let parts = part::parts(one, other, &alignment);
    let count = parts.len();
    Difference {
        part: part::first(one, other, roles, parts),
        parts: count.saturating_sub(1),
        tally: Tally::of(one, other, roles),
        shuffled: alignment.shuffled,
    }
}
