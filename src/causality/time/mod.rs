//! Where the time went: every wait of every lane, who ended it, the path that decided how long it all took, and how long
//! it would have taken without some of the waits.
//!
//! A graph keeps of its records only what bears on order. This keeps what bears on time, from a second reading of the
//! same records: [`LedgerReader`] takes them, [`Schedule`] answers. It does no I/O and judges nothing.

mod ledger;
mod path;
mod reader;
mod schedule;
#[cfg(test)]
mod tests;
mod without;

pub use ledger::{Backlog, Ledger, Object, ObjectIndex, Outcome, Pause, Place, WaitKind};
pub use path::{CriticalPath, Doing, Segment};
pub use reader::LedgerReader;
pub use schedule::{HandOver, Schedule};
