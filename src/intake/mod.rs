//! Foreign logs into a run of their own: files of other systems are tailed, their records are written as lines of ours into the
//! run's spool, and from there on everything works on them as on any run.
//!
//! Each line says where it was read, so that whoever goes on, after whatever end, knows what has been written: exactly once.
//! Files are only ever read. Nothing here waits, watches or knows an index; whoever calls [`Intake::poll`] decides when.

mod assemble;
mod covered;
mod discover;
mod family;
mod identity;
mod known;
mod lanes;
mod ledger;
#[cfg(all(test, unix))]
mod model;
mod process;
mod reading;
mod source;
#[cfg(all(test, unix))]
mod tests;
mod unpack;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use regex::Regex;

use crate::record::foreign::{Clock, Form, Input, Origin, Understood};
use crate::spool::{RunDir, SpoolError};

pub use discover::{Wanted, wanted};
pub use ledger::{damage, hold, holds, is_busy, is_foreign};

use assemble::Block;
use discover::Skipped;
use family::Family;
use known::Known;
use lanes::Lanes;
use ledger::Ledger;
use reading::Step;
use source::{Loss, Source};

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
#[derive(Debug, Clone)]
pub struct Options {
    pub input: Input,
    /// The head of a line, in named groups.
    pub pattern: Option<Regex>,
    /// How large a part of the run becomes.
    pub part_size: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { input: Input::Auto, pattern: None, part_size: 64 << 20 }
    }
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
    /// Logs that were cut or removed before what was in them may have been read: how, each time.
    pub lost: BTreeMap<PathBuf, Vec<&'static str>>,
}

/// Takes foreign files into one run.
pub struct Intake {
    wanted: Wanted,
    options: Options,
    ledger: Ledger,
    lanes: Lanes,
    families: Vec<Family>,
    /// Where in that list each log stands, by its path.
    places: HashMap<PathBuf, usize>,
    sources: BTreeMap<u32, Source>,
    uncommitted: u64,
    /// Something has changed since the ledger was last written.
    is_changed: bool,
    last_commit: Instant,
    taken: Taken,
    /// What the last look at the directories could not see.
    skipped: Skipped,
}

impl Intake {
    /// Goes on where the last one stopped.
    ///
    /// # Errors
    /// [`IntakeError::Busy`] while another collector has the run.
    pub fn open(run: &RunDir, wanted: Wanted, options: Options) -> Result<Intake, IntakeError> {
        let ledger = Ledger::open(run)?;
        let (lanes, written) = Lanes::restore(run, &ledger, options.part_size)?;
        let (families, mut sources) = (ledger.families(), ledger.sources());
        let mut of_file: HashMap<u32, Vec<Origin>> = HashMap::new();
        written.into_iter().for_each(|origin| of_file.entry(origin.file).or_default().push(origin));
        for source in sources.values_mut() {
            let written = of_file.get(&source.origin).into_iter().flatten();
            written.for_each(|origin| source.cover(*origin));
        }
        let places = families.iter().enumerate().map(|(place, family)| (family.path.clone(), place)).collect();
        Ok(Intake {
            wanted,
            options,
            ledger,
            lanes,
            families,
            places,
            sources,
            uncommitted: 0,
            is_changed: true,
            last_commit: Instant::now(),
            taken: Taken::default(),
            skipped: Skipped::new(),
        })
    }

    /// Reads what has come, each file up to a turn. True where more is there.
    ///
    /// `settle`: nothing more is waited for; the last lines of a file are a record as they are.
    pub fn poll(&mut self, look: &Look, settle: bool) -> Result<bool, IntakeError> {
        let is_suspect = self.sources.values().any(|source| source.is_suspect);
        self.discover(if is_suspect { &Look::Everywhere } else { look })?;
        let mut more = false;
        let mut behind = None;
        for number in self.order() {
            let family = self.sources.get(&number).map(|source| source.family);
            // What came later in a log waits for what came earlier.
            if family != behind && self.read(number, settle)? {
                (more, behind) = (true, family);
            }
        }
        self.lanes.flush()?;
        self.sources.values_mut().for_each(|source| source.rest(LINGER));
        more |= self.sources.values().any(|source| source.is_suspect);
        if self.uncommitted >= COMMIT || (self.is_changed && self.last_commit.elapsed() >= COMMIT_AFTER) {
            self.commit()?;
        }
        Ok(more)
    }

    /// Ends the taking in: gives out what nobody could read again, and notes everything.
    pub fn close(mut self) -> Result<Taken, IntakeError> {
        self.sources.values_mut().for_each(Source::leave);
        for number in self.order() {
            self.read(number, false)?;
        }
        self.commit()?;
        Ok(self.taken())
    }

    /// Makes everything safe on the disk, then notes how far each file has been read.
    fn commit(&mut self) -> Result<(), IntakeError> {
        self.last_commit = Instant::now();
        (self.uncommitted, self.is_changed) = (0, false);
        self.lanes.sync()?;
        self.ledger.save(&self.families, &self.sources, &self.lanes)
    }

    /// What was taken in so far.
    pub fn taken(&self) -> Taken {
        let mut taken = self.taken.clone();
        taken.unreadable.extend(self.skipped.clone());
        taken.files = self.sources.values().filter(|source| !source.is_retired()).count() as u64;
        taken.unended = self.sources.values().map(Source::unended).sum();
        for source in self.sources.values() {
            if let Some(why) = source.trouble() {
                taken.unreadable.insert(source.path().to_owned(), why.to_owned());
            }
        }
        for family in &self.families {
            if let Some(why) = &family.trouble {
                taken.unreadable.insert(family.path.clone(), why.clone());
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
        if matches!(look, Look::Nowhere) {
            return Ok(());
        }
        let next = self.ledger.next_source();
        let candidates = self.candidates(look);
        let Intake { ledger, families, places, sources, .. } = self;
        let next_number = &mut || ledger.take_number();
        let mut known = Known::new(sources, next_number);
        for (path, older) in candidates {
            let place = *places.entry(path).or_insert_with_key(|path| {
                families.push(Family::new(path, &older, &mut known));
                families.len() - 1
            });
            families[place].look(place, &older, &mut known);
        }
        for source in self.sources.values_mut().filter(|source| source.form().is_none()) {
            let clock = Clock { zone: None, near: source.modified() };
            source.set_form(Form::new(self.options.input, self.options.pattern.clone(), clock));
        }
        self.tell_losses()?;
        if self.ledger.next_source() == next { Ok(()) } else { self.commit() }
    }

    /// Says in the run where a file was cut or removed before what was in it may have been read.
    fn tell_losses(&mut self) -> Result<(), IntakeError> {
        for source in self.sources.values_mut() {
            let Some(loss) = source.take_loss() else { continue };
            let path = self.families.get(source.family).map(|family| family.path.clone()).unwrap_or_default();
            let why = match loss {
                Loss::Cut => "cut",
                Loss::Gone => "gone",
            };
            self.lanes.lose(&path.to_string_lossy(), why, source.seen.end, source.last_ts)?;
            self.taken.lost.entry(path).or_default().push(why);
            self.is_changed = true;
        }
        Ok(())
    }

    /// The logs that have to be looked for. Where a file has come that nobody knows, all of them.
    fn candidates(&mut self, look: &Look) -> Vec<(PathBuf, Vec<PathBuf>)> {
        match look {
            Look::Nowhere => Vec::new(),
            Look::Everywhere => {
                let mut all = self.list();
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
                        return self.list();
                    }
                    found.extend(families.into_iter().map(|family| (family.path.clone(), Vec::new())));
                }
                found
            }
        }
    }

    fn list(&mut self) -> Vec<(PathBuf, Vec<PathBuf>)> {
        let (all, skipped) = discover::files(&self.wanted);
        self.skipped = skipped;
        all
    }

    /// Older files first: what was renamed is read to its end before its successor is begun.
    fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = self.sources.keys().copied().collect();
        order.sort_by_key(|number| self.sources.get(number).map(|source| (source.family, source.rank)));
        order
    }

    fn read(&mut self, number: u32, settle: bool) -> Result<bool, IntakeError> {
        let Intake { sources, lanes, taken, uncommitted, families, .. } = self;
        let Some(source) = sources.get_mut(&number) else { return Ok(false) };
        let path =
            families.get(source.family).map(|family| family.path.to_string_lossy().into_owned()).unwrap_or_default();
        let mut left = TURN;
        loop {
            let mut blocks = Vec::new();
            let step = source.step(settle, &mut |block: Block| blocks.push(block));
            for block in blocks {
                take(lanes, taken, source, &path, &block)?;
                *uncommitted += block.len;
                self.is_changed = true;
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
}

/// Writes the records of one block.
fn take(
    lanes: &mut Lanes,
    taken: &mut Taken,
    source: &mut Source,
    path: &str,
    block: &Block,
) -> Result<(), IntakeError> {
    let (file, print) = (source.origin, block.print());
    let origin = |index: u32| Origin { file, offset: block.offset, len: block.len, index, print };
    let Some(form) = source.form() else { return Ok(()) };
    let said = match form.understand(&block.bytes) {
        Understood::Own(own) if lanes.takes(&own.proc) => {
            if !block.written.contains(&0) {
                taken.records += 1;
                lanes.copy(&own, origin(0))?;
            }
            return Ok(());
        }
        Understood::Own(_) => form.understand_foreign(&block.bytes),
        other => other,
    };
    let said = match said {
        Understood::Said(said) => said,
        Understood::Text(said) => {
            taken.unread += 1;
            vec![*said]
        }
        Understood::Own(_) => return Ok(()),
    };
    for (index, mut said) in said.into_iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let origin = origin(index);
        match said.ts {
            Some(ts) => source.last_ts = ts,
            None => taken.timeless += 1,
        }
        said.ts = Some(source.last_ts);
        said.shorten_names();
        if block.cut > 0 {
            said.extra.insert("cut".into(), block.cut.into());
        }
        if !block.written.contains(&index) {
            taken.records += 1;
            lanes.write(path, &mut said, origin)?;
        }
    }
    Ok(())
}
