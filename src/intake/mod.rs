//! Foreign logs into a run of their own: files of other systems are tailed, their records are written as lines of ours into the
//! run's spool, and from there on everything works on them as on any run.
//!
//! Each line says where it was read, so that whoever goes on, after whatever end, knows what has been written: exactly once.
//! Files are only ever read. Nothing here waits, watches or knows an index; whoever calls [`Intake::poll`] decides when.

mod assemble;
mod discover;
mod family;
mod identity;
mod lanes;
mod ledger;
mod source;
#[cfg(test)]
mod tests;
mod unpack;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use regex::Regex;

use crate::record::foreign::{Clock, Form, Input, Understood};
use crate::spool::{RunDir, SpoolError};

pub use discover::{Wanted, wanted};
pub use ledger::{holds, is_busy, is_foreign};

use assemble::Block;
use family::Family;
use lanes::Lanes;
use ledger::Ledger;
use source::{Source, Step};

/// How much of one file is read before the next one has its turn.
const TURN: u64 = 8 << 20;

/// How much is written before it is made safe on the disk and noted in the ledger.
const COMMIT: u64 = 64 << 20;
const COMMIT_AFTER: Duration = Duration::from_secs(2);

/// How long a file rests before its last lines, to which more might have been added, are taken as a whole record.
const SETTLED: Duration = Duration::from_secs(1);

/// How long a file that was renamed or removed is kept open for what its writer may still add.
const LINGER: Duration = Duration::from_secs(60);

/// What a person says of the files.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub input: Input,
    /// The head of a line, in named groups.
    pub pattern: Option<Regex>,
}

#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("another collector reads foreign logs into {}", path.display())]
    Busy { path: PathBuf },
    #[error("run {name} was recorded by logq; foreign logs need a run of their own: --run NAME")]
    NotForeign { name: String },
    #[error("{}: {why}", path.display())]
    Ledger { path: PathBuf, why: String },
    #[error("nothing to collect: {what}")]
    Nothing { what: String },
}

impl IntakeError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> IntakeError + use<> {
        let path = path.to_owned();
        move |source| IntakeError::Io { doing, path, source }
    }
}

/// Where something may have changed.
#[derive(Debug, Clone)]
pub enum Look {
    Nowhere,
    /// At these files, or beside them.
    At(BTreeSet<PathBuf>),
    Everywhere,
}

/// What was taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    pub files: u64,
    pub records: u64,
    pub bytes: u64,
    /// Lines that no form fits and that were kept as text.
    pub unread: u64,
    /// Lines without a time.
    pub timeless: u64,
    /// Bytes at the ends of files that no newline follows yet.
    pub unended: u64,
    /// Files that could not be read, or not to the end, and why.
    pub unreadable: BTreeMap<PathBuf, String>,
}

/// Takes foreign files into one run.
pub struct Intake {
    wanted: Wanted,
    options: Options,
    ledger: Ledger,
    lanes: Lanes,
    families: Vec<Family>,
    sources: BTreeMap<u32, Source>,
    /// What was written behind the ledger's last note, by file: offsets of records and which of them.
    done: HashMap<u32, HashSet<(u64, u32)>>,
    uncommitted: u64,
    last_commit: Instant,
    taken: Taken,
}

impl Intake {
    /// Goes on where the last one stopped.
    ///
    /// # Errors
    /// [`IntakeError::Busy`] while another collector has the run.
    pub fn open(run: &RunDir, wanted: Wanted, options: Options) -> Result<Intake, IntakeError> {
        let ledger = Ledger::open(run)?;
        let (lanes, written) = Lanes::restore(run, &ledger)?;
        let mut done: HashMap<u32, HashSet<(u64, u32)>> = HashMap::new();
        for origin in ledger.done().chain(written) {
            done.entry(origin.0).or_default().insert((origin.1, origin.3));
        }
        let families = ledger.families();
        let sources = ledger.sources();
        let mut intake = Intake {
            wanted,
            options,
            ledger,
            lanes,
            families,
            sources,
            done,
            uncommitted: 0,
            last_commit: Instant::now(),
            taken: Taken::default(),
        };
        for source in intake.sources.values_mut() {
            source.set_form(Form::new(
                intake.options.input,
                intake.options.pattern.clone(),
                Clock { zone: None, near: 0 },
            ));
        }
        Ok(intake)
    }

    /// Reads what has come, each file up to a turn. True where more is there.
    ///
    /// `settle`: nothing more is waited for; the last lines of a file are a record as they are.
    pub fn poll(&mut self, look: &Look, settle: bool) -> Result<bool, IntakeError> {
        let is_suspect = self.sources.values().any(|source| source.is_suspect);
        self.discover(if is_suspect { &Look::Everywhere } else { look })?;
        let mut more = false;
        for number in self.order() {
            more |= self.read(number, settle)?;
        }
        self.lanes.flush()?;
        self.let_go();
        more |= self.sources.values().any(|source| source.is_suspect);
        if self.uncommitted >= COMMIT || self.last_commit.elapsed() >= COMMIT_AFTER {
            self.commit()?;
        }
        Ok(more)
    }

    /// Makes everything safe on the disk, then notes how far each file has been read.
    pub fn commit(&mut self) -> Result<(), IntakeError> {
        self.last_commit = Instant::now();
        self.uncommitted = 0;
        self.lanes.sync()?;
        // What lies before a file's position is never read again.
        let mut positions: HashMap<u32, u64> = HashMap::new();
        for source in self.sources.values() {
            let position = positions.entry(source.origin).or_default();
            *position = source.position().max(*position);
        }
        for (number, done) in &mut self.done {
            let position = positions.get(number).copied().unwrap_or(u64::MAX);
            done.retain(|(offset, _)| *offset >= position);
        }
        self.ledger.save(&self.families, &self.sources, &self.lanes, &self.done)
    }

    /// What was taken in so far.
    pub fn taken(&self) -> Taken {
        let mut taken = self.taken.clone();
        taken.files = self.sources.len() as u64;
        taken.unended = self.sources.values().map(Source::unended).sum();
        for source in self.sources.values() {
            if let Some(why) = source.trouble() {
                taken.unreadable.insert(source.path().to_owned(), why.to_owned());
            }
        }
        taken
    }

    /// Directories whose changes tell of news.
    pub fn directories(&self) -> Vec<PathBuf> {
        discover::directories(&self.wanted, self.families.iter().map(|family| family.path.as_path()))
    }

    /// Finds files that are new, renamed, cut or gone. New ones stand in the ledger before anything is written of them.
    fn discover(&mut self, look: &Look) -> Result<(), IntakeError> {
        let known = self.sources.len();
        let next = self.ledger.next_source();
        let places = self.families.iter().enumerate();
        let places: HashMap<PathBuf, usize> = places.map(|(place, family)| (family.path.clone(), place)).collect();
        for (path, older) in self.candidates(look) {
            let place = match places.get(&path) {
                Some(place) => *place,
                None => {
                    self.families.push(Family::new(&path, &older));
                    self.families.len() - 1
                }
            };
            let family = &mut self.families[place];
            family.look(place, &older, &mut self.sources, &mut || self.ledger.take_number());
        }
        for source in self.sources.values_mut() {
            if !source.has_form() {
                let clock = Clock { zone: None, near: source.modified() };
                source.set_form(Form::new(self.options.input, self.options.pattern.clone(), clock));
            }
        }
        if self.sources.len() != known || self.ledger.next_source() != next {
            self.commit()?;
        }
        Ok(())
    }

    /// The logs that have to be looked for. Where a file has come that nobody knows, all of them.
    fn candidates(&self, look: &Look) -> Vec<(PathBuf, Vec<PathBuf>)> {
        match look {
            Look::Nowhere => Vec::new(),
            Look::Everywhere => {
                let mut all = discover::files(&self.wanted);
                // One that is gone may live on under another name.
                let listed: HashSet<&Path> = all.iter().map(|(path, _)| path.as_path()).collect();
                let gone = self.families.iter().filter(|family| !listed.contains(family.path.as_path()));
                let gone: Vec<_> = gone.map(|family| (family.path.clone(), Vec::new())).collect();
                all.extend(gone);
                all
            }
            Look::At(paths) => {
                let mut found = Vec::new();
                for path in paths {
                    let of = |family: &&Family| family.path == *path || discover::is_older(path, &family.path);
                    let families: Vec<&Family> = self.families.iter().filter(of).collect();
                    if families.is_empty() && self.wanted.may_hold(path) {
                        return discover::files(&self.wanted);
                    }
                    found.extend(families.into_iter().map(|family| (family.path.clone(), Vec::new())));
                }
                found
            }
        }
    }

    /// Older files first: what was renamed is read to its end before its successor is begun.
    fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = self.sources.keys().copied().collect();
        order.sort_by_key(|number| self.sources.get(number).map(|source| (source.family, source.rank)));
        order
    }

    fn read(&mut self, number: u32, settle: bool) -> Result<bool, IntakeError> {
        let Intake { sources, lanes, taken, done, uncommitted, families, .. } = self;
        let Some(source) = sources.get_mut(&number) else { return Ok(false) };
        let number = source.origin;
        let done = done.get(&number);
        let path =
            families.get(source.family).map(|family| family.path.to_string_lossy().into_owned()).unwrap_or_default();
        let mut left = TURN;
        loop {
            let is_done = |offset: u64| done.is_some_and(|done| done.contains(&(offset, 0)));
            let mut failure = None;
            let mut blocks = Vec::new();
            let step = source.step(settle, &is_done, &mut |block: Block| blocks.push(block));
            for block in blocks {
                let known = |index: u32| done.is_some_and(|done| done.contains(&(block.offset, index)));
                if let Err(error) = take(lanes, taken, source, number, &path, &block, &known) {
                    failure = Some(error);
                    break;
                }
                *uncommitted += block.len;
            }
            if let Some(error) = failure {
                return Err(error);
            }
            match step {
                Step::Read(bytes) => {
                    taken.bytes += bytes;
                    left = left.saturating_sub(bytes.max(1));
                    if left == 0 {
                        return Ok(true);
                    }
                }
                Step::AtEnd => return Ok(false),
            }
        }
    }

    /// Forgets files that are gone and read to their end.
    fn let_go(&mut self) {
        for source in self.sources.values_mut() {
            source.rest(LINGER);
        }
    }
}

/// Writes the records of one block.
fn take(
    lanes: &mut Lanes,
    taken: &mut Taken,
    source: &mut Source,
    number: u32,
    path: &str,
    block: &Block,
    is_done: &dyn Fn(u32) -> bool,
) -> Result<(), IntakeError> {
    let said = match source.form().map(|form| form.understand(&block.bytes)) {
        Some(Understood::Said(said)) => said,
        Some(Understood::Text(said)) => {
            taken.unread += 1;
            vec![said]
        }
        Some(Understood::Own { proc }) => {
            if !is_done(0) {
                taken.records += 1;
                lanes.copy(&proc, &block.bytes, crate::record::foreign::Origin(number, block.offset, block.len, 0))?;
            }
            return Ok(());
        }
        None => return Ok(()),
    };
    for (index, mut said) in said.into_iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        match said.ts {
            Some(ts) => source.last_ts = ts,
            None => taken.timeless += 1,
        }
        said.ts = Some(source.last_ts);
        if block.cut > 0 {
            said.extra.insert("cut".into(), block.cut.into());
        }
        if is_done(index) {
            continue;
        }
        taken.records += 1;
        lanes.write(path, &said, crate::record::foreign::Origin(number, block.offset, block.len, index))?;
    }
    Ok(())
}
