//! Where records live: [`Store`] in plain types, and the stores behind it.
//!
//! A store is written by one [`Writer`] at a time and read through [`Reader`]s, each of which is a snapshot. It speaks
//! of filters, time ranges, order, search-after and counts by field or by time: what any search engine can answer.
//! [`memory`] is the reference; the one suite (`suite.rs`) holds every store to it. What is on disk but not in a
//! store yet is not its business: [`RunReader`] adds that.

mod guard;
pub mod local;
mod located;
pub mod memory;
mod open_parts;
mod run;
#[cfg(test)]
mod run_tests;
mod stretch;
mod tally;
mod verify;

#[cfg(test)]
mod suite;
#[cfg(test)]
pub(crate) mod testing;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range, RangeInclusive};
use std::path::{Path, PathBuf};

use crate::query::{Bound, Matcher, Op, Query};
use crate::record::field::Known;
use crate::record::{Field, Glance, LaneRef, Record};
use crate::spool::{Entry, Positions, RunDir, SourceId, SpoolError};

pub use located::{Found, Located};
pub use run::{FAR_BEHIND, RunReader, SMALL_RUN};
pub use stretch::{Stretch, stretches};
pub use verify::{Verified, verify};

/// A place for the records of one run.
pub trait Store {
    /// Begins to write. There is one writer at a time.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another one lives, in this process or in another.
    fn write(&self) -> Result<Box<dyn Writer>, StoreError>;

    /// What is committed now.
    fn read(&self) -> Result<Box<dyn Reader>, StoreError>;
}

/// Adds records. What is not committed when a writer ends, however it ends, was never added.
pub trait Writer {
    /// How far each source is in the store: where its tail has to be read from.
    fn positions(&self) -> &Positions;

    /// Adds the next record of its source. A record's source and offset are its id: one that lies before the source's
    /// position, or before one that was added already, is known and is passed over.
    fn add(&mut self, entry: Entry<'_>) -> Result<(), StoreError>;

    /// Adds the next records of several sources at once, whatever lies in these stretches; those of a source in their order.
    /// `progress` is told of bytes that were read.
    fn add_stretches(&mut self, stretches: &[Stretch], progress: &mut dyn FnMut(u64)) -> Result<Added, StoreError>;

    /// Makes what was added visible, together with the positions up to which the sources are now in the store: both or,
    /// if the process dies, neither.
    fn commit(&mut self, positions: &Positions) -> Result<(), StoreError>;

    /// Ends well: waits for work that goes on behind the scenes.
    fn close(self: Box<Self>) -> Result<(), StoreError>;
}

/// What was added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Added {
    pub records: u64,
    /// Bytes of their lines.
    pub bytes: u64,
    /// Of the records, lines that are none.
    pub malformed: u64,
}

impl Added {
    pub fn merge(&mut self, other: &Added) {
        self.records += other.records;
        self.bytes += other.bytes;
        self.malformed += other.malformed;
    }
}

/// A snapshot of a store.
pub trait Reader {
    fn positions(&self) -> &Positions;

    /// How much there is, whatever is asked.
    fn extent(&self) -> Result<Extent, StoreError>;

    /// The first `limit` hits, in the order asked for.
    fn search(&self, request: &Request) -> Result<Vec<Hit>, StoreError>;

    /// Where all records are that pass, in no order.
    fn locate(&self, filter: &Filter) -> Result<Located, StoreError>;

    fn count(&self, filter: &Filter) -> Result<u64, StoreError>;

    /// How many of the records have each value of the field. A record counts once for each different value.
    fn counts(&self, filter: &Filter, field: &Field) -> Result<BTreeMap<String, u64>, StoreError>;

    /// How many of the records fall into each bucket.
    fn histogram(&self, filter: &Filter, buckets: &Buckets) -> Result<Vec<u64>, StoreError>;

    /// Every key that some record has, as [`Record::each_key`] names them.
    fn keys(&self) -> Result<BTreeSet<String>, StoreError>;

    /// Gives every record that passes, each source's in the order of its file.
    fn each(
        &self,
        filter: &Filter,
        each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, StoreError>;

    /// Tells of records what can be told without their lines; whole are those that tell of processes, lanes and objects. Each
    /// source's in the order of its file.
    fn outline(&self, what: Told<'_>, each: &mut dyn FnMut(Seen<'_>)) -> Result<(), StoreError>;

    /// Records that it knows of and whose lines it could not fetch any more, since it was opened.
    fn gone(&self) -> u64 {
        0
    }
}

/// What an outline tells besides the records that tell of processes, lanes and objects. A store may tell more.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// The first log record of each lane.
    Firsts,
    /// Every record; whole are those to which something came from a lane that has no later record: they may say that one is
    /// missing.
    All,
    /// Every record; whole are those of this lane, and those to which something came from it.
    With(&'a LaneRef),
}

/// A record in an outline.
#[allow(clippy::large_enum_variant)] // nearly all are glances, made one at a time: a box each would be the cost
#[derive(Debug)]
pub enum Seen<'a> {
    /// What an index tells of it, without what it merged and said; or all that a glance at its line tells.
    Glance(Glance<'a>),
    Whole(Box<Record>),
}

/// Which records are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    pub query: Query,
    /// Nanoseconds since 1970; this moment included.
    pub since: Option<i64>,
    /// Nanoseconds since 1970; this moment not included.
    pub until: Option<i64>,
}

impl Filter {
    pub fn new(query: Query) -> Filter {
        Filter { query, since: None, until: None }
    }

    /// The records of a lane with such numbers.
    pub fn of_lane(lane: &LaneRef, numbers: RangeInclusive<u64>) -> Filter {
        let number = |op, bound: u64| Query::Compare {
            field: Field::Known(Known::Seq),
            op,
            bound: Bound::Int(i128::from(bound)),
        };
        Filter::new(Query::And(vec![
            Query::is(Known::Proc, &*lane.proc),
            Query::is(Known::Lane, lane.lane.to_string()),
            number(Op::AtLeast, *numbers.start()),
            number(Op::AtMost, *numbers.end()),
        ]))
    }

    /// Ready to be asked of many records.
    pub fn compile(&self) -> Judge {
        Judge { matcher: self.query.compile(), since: self.since, until: self.until }
    }
}

/// A [`Filter`], compiled.
#[derive(Debug, Clone)]
pub struct Judge {
    matcher: Matcher,
    since: Option<i64>,
    until: Option<i64>,
}

impl Judge {
    pub fn passes(&self, record: &Record) -> bool {
        self.since.is_none_or(|since| record.ts >= since)
            && self.until.is_none_or(|until| record.ts < until)
            && self.matcher.matches(record)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Newest,
    Oldest,
}

/// A search.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub filter: Filter,
    /// Which hits come first.
    pub order: Order,
    pub limit: usize,
    /// Only hits behind this one, in the order asked for.
    pub after: Option<SortKey>,
}

/// What hits are ordered by; different for every record of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortKey {
    pub ts: i64,
    pub source: SourceId,
    pub offset: u64,
}

/// A record that was asked for, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub record: Record,
    pub source: SourceId,
    pub offset: u64,
    /// Length of the whole line.
    pub len: u64,
    /// The line; only its beginning where it is longer than a line may be.
    pub line: Vec<u8>,
}

impl Hit {
    pub fn of(entry: Entry<'_>) -> Hit {
        let Entry { record, source, offset, len, line } = entry;
        Hit { record, source: source.clone(), offset, len, line: line.to_vec() }
    }

    pub fn sort_key(&self) -> SortKey {
        SortKey { ts: self.record.ts, source: self.source.clone(), offset: self.offset }
    }

    pub fn entry(&self) -> Entry<'_> {
        let record = self.record.clone();
        Entry { record, source: &self.source, offset: self.offset, len: self.len, line: &self.line }
    }
}

/// How many records there are, and from when to when. Lines that are no records have no time and count only as many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    pub records: u64,
    pub first: Option<i64>,
    pub last: Option<i64>,
}

/// Equal spans of time, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buckets {
    /// Where the first begins, nanoseconds since 1970.
    pub start: i64,
    /// How long each is, nanoseconds; at least 1.
    pub width: u64,
    pub count: usize,
}

impl Buckets {
    /// The bucket of that moment.
    pub fn of(&self, ts: i64) -> Option<usize> {
        let since = u64::try_from(i128::from(ts) - i128::from(self.start)).ok()?;
        let place = usize::try_from(since / self.width.max(1)).ok()?;
        (place < self.count).then_some(place)
    }

    /// From when to when a bucket reaches, as far as moments can be told.
    pub fn span(&self, place: usize) -> Range<i64> {
        let moment = |place: usize| {
            let since = u128::from(self.width.max(1)).saturating_mul(place as u128);
            let at = i128::from(self.start).saturating_add(i128::try_from(since).unwrap_or(i128::MAX));
            i64::try_from(at).unwrap_or(i64::MAX)
        };
        moment(place)..moment(place.saturating_add(1))
    }
}

/// What keeps a store from answering.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("no store speaks `{scheme}:`; a path or file:// is a store on this machine")]
    UnknownScheme { scheme: String },
    #[error("{} is being written by {}; it holds the store until it ends", path.display(), who(*holder))]
    Busy { path: PathBuf, holder: Option<u32> },
    #[error(
        "{} has store format {found}, this logq reads {ours}: {}", path.display(),
        if found > ours { "use the newer logq that wrote it, or remove it (the spool has everything)" }
        else { "`logq collect` builds it anew from the spool" }
    )]
    OtherVersion { path: PathBuf, found: u32, ours: u32 },
    #[error("{} is damaged ({why}); remove it and `logq collect` builds it anew from the spool", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("cannot {doing} {}: {source}", path.display())]
    Engine { doing: &'static str, path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// The store at that address: the path of a run's directory, plain or as `file://`. Another engine's scheme would be
/// an arm here.
pub fn open(address: &str) -> Result<Box<dyn Store>, StoreError> {
    let path = match address.split_once("://") {
        None => address,
        Some(("file", path)) => path,
        Some((scheme, _)) => return Err(StoreError::UnknownScheme { scheme: scheme.to_owned() }),
    };
    Ok(Box::new(local::LocalStore::of(&RunDir::at(Path::new(path)))))
}

fn who(holder: Option<u32>) -> String {
    holder.map_or_else(|| "another logq".to_owned(), |pid| format!("process {pid}"))
}
