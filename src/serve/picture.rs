//! The picture of a run, packed: what a page draws.

use crate::causality::time::LedgerReader;
use crate::investigation::{Investigation, InvestigationError};
use crate::view::picture::{self, Picture, Room, Subject};

/// Reads the run once more and packs its picture; what there is no room for is said in it.
///
/// # Errors
/// When the run cannot be read again.
pub fn packed(case: &Investigation, room: Room) -> Result<Vec<u8>, InvestigationError> {
    let findings = case.findings(None);
    let subject = Subject {
        run: case.run.name(),
        graph: &case.graph,
        findings: &findings,
        alive: &case.alive,
        problems: &case.problems,
    };
    let mut picture = Picture::of(subject, room);
    let mut ledger = LedgerReader::new(&case.graph);
    case.read_again(&mut |at, entry| {
        ledger.add(&entry.record);
        picture.tell(at, &entry.record);
    })?;
    Ok(picture::pack(&picture, &ledger.finish()))
}
