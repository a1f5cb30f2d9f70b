//! An index held against the spool that it was made from: every byte by its checksum, every record by its place, and what it
//! answers by what a plain reading of the lines gives. Reads everything twice; answers nothing but whether it is right.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::local::LocalStore;
use super::tally::count_values;
use super::{Filter, Reader, StoreError, guard};
use crate::query::Query;
use crate::record::Field;
use crate::record::field::Known;
use crate::spool::{Cursor, Listing, Positions, Problems, RunDir, SourceId};

/// What an index says of these fields is held against the lines.
const FIELDS: [Known; 6] = [Known::Proc, Known::Lane, Known::Ev, Known::Level, Known::Logger, Known::Obj];

/// How it stands with an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// There is none; the spool has everything.
    None,
    /// It answers as the spool does.
    Right {
        records: u64,
        bytes_behind: u64,
    },
    Wrong {
        why: String,
    },
    /// A newer logq has made it.
    Newer {
        why: String,
    },
}

/// The records of a source: how many, and a sum over their places in their order.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
struct Places {
    records: u64,
    sum: u64,
}

impl Places {
    fn add(&mut self, offset: u64, len: u64) {
        self.records += 1;
        for number in [offset, len] {
            self.sum = (self.sum.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }
}

/// What was read: where each source's lines are, and how often each value occurs.
#[derive(Default)]
struct Contents {
    places: BTreeMap<SourceId, Places>,
    counts: BTreeMap<&'static str, BTreeMap<String, u64>>,
}

/// Verifies the index of a run.
///
/// # Errors
/// The spool cannot be listed. Whatever is wrong with the index is an answer, no error.
pub fn verify(run: &RunDir) -> Result<Verified, StoreError> {
    let store = LocalStore::of(run);
    if !store.exists() {
        return Ok(Verified::None);
    }
    let opened = guard::ask(|| {
        let opened = store.open()?;
        store.check()?;
        Ok::<_, StoreError>(opened)
    });
    if let (true, Err(why)) = (store.is_newer(), &opened) {
        return Ok(Verified::Newer { why: why.clone() });
    }
    let listing = run.spool().list()?;
    Ok(match opened.and_then(|reader| compared(reader.as_deref(), &listing)) {
        Ok(verified) => verified,
        Err(why) => Verified::Wrong { why },
    })
}

fn compared(reader: Option<&dyn Reader>, listing: &Listing) -> Result<Verified, String> {
    let Some(reader) = reader else { return Ok(Verified::None) };
    let positions = reader.positions();
    let there: BTreeSet<&SourceId> = listing.parts().map(|part| &part.id).collect();
    let has_all = positions.iter().all(|(source, _)| there.contains(source));
    let of_lines = read_lines(listing, positions)?;
    let mut of_index = guard::ask(|| places_of(reader))?;
    // What a ring or a cap has removed since is no damage: the index only knows of more.
    of_index.retain(|source, _| there.contains(source));
    for (source, lines) in &of_lines.places {
        let indexed = of_index.remove(source).unwrap_or_default();
        if indexed != *lines {
            return Err(match (indexed.records, lines.records) {
                (indexed, lines) if indexed == lines => format!("of {source} it has records where no lines are"),
                (indexed, lines) => format!("of {source} it has {indexed} records, the spool {lines}"),
            });
        }
    }
    if let Some((source, _)) = of_index.first_key_value() {
        return Err(format!("it has records of {source} that the spool has not"));
    }
    for (name, counts) in of_lines.counts.iter().filter(|_| has_all) {
        let told = guard::ask(|| reader.counts(&Filter::new(Query::All), &Field::named(name)))?;
        if told != *counts {
            return Err(format!("it counts other values of {name} than the spool has"));
        }
    }
    let behind = listing.parts().map(|part| part.len.saturating_sub(positions.get(&part.id))).sum();
    let records = of_lines.places.values().map(|lines| lines.records).sum();
    Ok(Verified::Right { records, bytes_behind: behind })
}

/// Where the records are that the index has.
fn places_of(reader: &dyn Reader) -> Result<BTreeMap<SourceId, Places>, StoreError> {
    let mut places: BTreeMap<SourceId, Places> = BTreeMap::new();
    let _ = reader.each(&Filter::new(Query::All), &mut |entry| {
        places.entry(entry.source.clone()).or_default().add(entry.offset, entry.len);
        ControlFlow::Continue(())
    })?;
    Ok(places)
}

/// What the spool has, as far as the index goes.
fn read_lines(listing: &Listing, positions: &Positions) -> Result<Contents, String> {
    let mut contents = Contents::default();
    for part in listing.parts() {
        let until = positions.get(&part.id);
        if until > part.len {
            return Err(format!("{} was cut to {} bytes, of which {until} were indexed", part.id, part.len));
        }
        let places = contents.places.entry(part.id.clone()).or_default();
        let counts = &mut contents.counts;
        part.read(&mut Cursor::default(), until, &mut Problems::default(), &mut |entry| {
            places.add(entry.offset, entry.len);
            for known in FIELDS {
                count_values(&entry.record, &Field::Known(known), counts.entry(known.name()).or_default());
            }
            ControlFlow::Continue(())
        });
    }
    Ok(contents)
}
