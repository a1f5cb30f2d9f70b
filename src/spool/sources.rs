//! Which processes wrote into a spool, their numbers and their parts. Reads names and first lines only.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Content, Part, Problems, SpoolError, packed};

/// One part of one process: what a line's offset counts in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId {
    /// The process's unique key, `<pid>-<6 base32>`.
    pub proc: Arc<str>,
    pub part: u32,
}

impl fmt::Display for SourceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.proc, self.part)
    }
}

/// Not the name of a part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a part's name like 4242-k3f9xz.1")]
pub struct BadSource(String);

impl FromStr for SourceId {
    type Err = BadSource;

    fn from_str(text: &str) -> Result<SourceId, BadSource> {
        let bad = || BadSource(text.to_owned());
        let (proc, part) = text.rsplit_once('.').ok_or_else(bad)?;
        pid_of(proc).ok_or_else(bad)?;
        let only_digits = part.bytes().all(|byte| byte.is_ascii_digit());
        let part = part.parse().ok().filter(|part| only_digits && *part > 0).ok_or_else(bad)?;
        Ok(SourceId { proc: proc.into(), part })
    }
}

/// The pid in a process's key; `None` when the text is no key.
fn pid_of(proc: &str) -> Option<u32> {
    let (pid, unique) = proc.split_once('-')?;
    let plain = unique.len() == 6 && unique.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain && pid.bytes().all(|byte| byte.is_ascii_digit()) { pid.parse().ok() } else { None }
}

/// How far each source has been read: everything before that offset. A source that is not named is unread.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, u64>", into = "BTreeMap<String, u64>")]
pub struct Positions(BTreeMap<SourceId, u64>);

impl Positions {
    pub fn get(&self, source: &SourceId) -> u64 {
        self.0.get(source).copied().unwrap_or(0)
    }

    pub fn set(&mut self, source: SourceId, offset: u64) {
        self.0.insert(source, offset);
    }

    pub fn iter(&self) -> impl Iterator<Item = (&SourceId, u64)> {
        self.0.iter().map(|(source, offset)| (source, *offset))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Positions> for BTreeMap<String, u64> {
    fn from(positions: Positions) -> BTreeMap<String, u64> {
        positions.0.into_iter().map(|(source, offset)| (source.to_string(), offset)).collect()
    }
}

impl TryFrom<BTreeMap<String, u64>> for Positions {
    type Error = BadSource;

    fn try_from(map: BTreeMap<String, u64>) -> Result<Positions, BadSource> {
        map.into_iter().map(|(name, offset)| Ok((name.parse()?, offset))).collect::<Result<_, _>>().map(Positions)
    }
}

/// One process that wrote into the spool.
#[derive(Debug, Clone)]
pub struct Process {
    pub proc: Arc<str>,
    pub pid: u32,
    /// Its number in the run; `None` when neither its first line nor a claim says it.
    pub number: Option<u32>,
    /// In the order in which they were written.
    pub parts: Vec<Part>,
}

/// What a spool holds at one moment.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// By number; those without one last, by key.
    pub processes: Vec<Process>,
    pub problems: Problems,
}

impl Listing {
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.processes.iter().flat_map(|process| &process.parts)
    }
}

/// The spool of one run. It may not exist: then it is empty.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    /// Numbers never change, so each is read once.
    numbers: HashMap<Arc<str>, u32>,
    /// How much is in each packed part, by the size of its file.
    packed: HashMap<SourceId, (u64, u64)>,
}

impl Spool {
    pub(super) fn new(dir: PathBuf) -> Spool {
        Spool { dir, numbers: HashMap::new(), packed: HashMap::new() }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is there now.
    pub fn list(&mut self) -> Result<Listing, SpoolError> {
        let mut listing = Listing::default();
        let mut names = self.names()?;
        for _ in 0..MOST_LISTINGS {
            if names.changed == self.changed() {
                break;
            }
            // A part that is packed right now may have been passed over under its old name and under its new one.
            names = self.names()?;
        }
        let mut found: BTreeMap<SourceId, Part> = BTreeMap::new();
        let mut claims = Vec::new();
        for (name, path) in names.entries {
            if let Some(id) = name.strip_suffix(".jsonl").and_then(|stem| stem.parse::<SourceId>().ok()) {
                let part = match fs::symlink_metadata(&path) {
                    Ok(about) => Some((path, about.len())),
                    // It has vanished since it was listed: it is packed, or no part any more.
                    Err(_) => {
                        let path = packed::path_of(&path);
                        self.packed_len(&id, &path, &mut listing.problems).map(|len| (path, len))
                    }
                };
                if let Some((path, len)) = part {
                    found.insert(id.clone(), Part { id, path, number: None, len });
                }
            } else if let Some(id) = packed_name(&name) {
                let Some(len) = self.packed_len(&id, &path, &mut listing.problems) else { continue };
                let part = Part { id: id.clone(), path, number: None, len };
                // Where its plain file is there still, that is the part.
                found.entry(id).or_insert(part);
            } else if let Some(number) = name.strip_suffix(".claim").and_then(|stem| stem.parse::<u32>().ok()) {
                claims.push((number, path));
            } else if !is_known(&name) {
                listing.problems.unknown.insert(name);
            }
        }
        let mut of_process: BTreeMap<Arc<str>, Vec<Part>> = BTreeMap::new();
        found.into_values().for_each(|part| of_process.entry(part.id.proc.clone()).or_default().push(part));
        self.number_them(of_process, &claims, &mut listing);
        Ok(listing)
    }

    fn names(&self) -> Result<Names, SpoolError> {
        let cannot = |error| SpoolError::io("list the spool", &self.dir, error);
        let changed = self.changed();
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Names { changed, entries: Vec::new() }),
            Err(error) => return Err(cannot(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(cannot)?;
            names.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
        // Plain parts first: where both are there, the packed one need not be looked at.
        names.sort_by_key(|(name, _)| !name.ends_with(".jsonl"));
        Ok(Names { changed, entries: names })
    }

    /// What differs once a file was made in the spool, or removed from it.
    #[cfg(unix)]
    fn changed(&self) -> Option<(i64, i64)> {
        use std::os::unix::fs::MetadataExt;
        // The time of modification can be set; this one cannot.
        fs::metadata(&self.dir).map(|about| (about.ctime(), about.ctime_nsec())).ok()
    }

    #[cfg(not(unix))]
    fn changed(&self) -> Option<(i64, i64)> {
        None
    }

    fn packed_len(&mut self, id: &SourceId, path: &Path, problems: &mut Problems) -> Option<u64> {
        let size = fs::symlink_metadata(path).ok()?.len();
        if let Some((known, len)) = self.packed.get(id)
            && *known == size
        {
            return Some(*len);
        }
        let content = Content::open(path).map_err(|error| problems.cannot_read(path, error)).ok()?;
        match content.damage() {
            Some(why) => problems.cannot_read(path, why),
            None => drop(self.packed.insert(id.clone(), (size, content.len().ok()?))),
        }
        content.len().ok()
    }

    fn number_them(&mut self, found: BTreeMap<Arc<str>, Vec<Part>>, claims: &[(u32, PathBuf)], listing: &mut Listing) {
        let unknown = |proc: &Arc<str>| !self.numbers.contains_key(proc);
        let claimed = if found.keys().any(unknown) { read_claims(claims) } else { HashMap::new() };
        let mut taken: HashMap<u32, Arc<str>> = HashMap::new();
        for (proc, mut parts) in found {
            parts.sort_by_key(|part| part.id.part);
            let known = self.numbers.get(&proc).copied();
            let said = known.or_else(|| parts.first()?.number_said()).or_else(|| claimed.get(&*proc).copied());
            // A number is one process's. Two with one number are a damaged or a forged file: the later key gets none,
            // and its records are named by key.
            let number = said.filter(|number| *taken.entry(*number).or_insert_with(|| proc.clone()) == proc);
            if let Some(number) = said {
                self.numbers.insert(proc.clone(), number);
            }
            parts.iter_mut().for_each(|part| part.number = number);
            listing.processes.push(Process { pid: pid_of(&proc).unwrap_or(0), proc, number, parts });
        }
        listing.processes.sort_by_key(|process| process.number.map_or(u64::MAX, u64::from));
    }
}

/// The names in a spool, and how it was before they were listed.
struct Names {
    changed: Option<(i64, i64)>,
    entries: Vec<(String, PathBuf)>,
}

/// How often a spool that changes is listed again.
const MOST_LISTINGS: usize = 3;

fn packed_name(name: &str) -> Option<SourceId> {
    name.strip_suffix(packed::ENDING)?.strip_suffix(".jsonl")?.parse().ok()
}

/// Whether a file that is no part and no claim is one of ours.
fn is_known(name: &str) -> bool {
    let is_of_process = |end: &str| name.strip_suffix(end).and_then(pid_of).is_some();
    let is_unfinished = || name.strip_suffix(".new").and_then(packed_name).is_some();
    [".lock", ".ctl", ".stacks"].into_iter().any(is_of_process) || is_unfinished()
}

/// Process key → number, from the files by which processes claim their numbers. A claim that is not written yet, or
/// that cannot be read, says nothing.
fn read_claims(claims: &[(u32, PathBuf)]) -> HashMap<String, u32> {
    let mut claimed = HashMap::new();
    for (number, path) in claims {
        let mut text = String::new();
        let read = super::content::open_plain(path).and_then(|file| file.take(256).read_to_string(&mut text));
        if read.is_ok() && pid_of(text.trim_end()).is_some() {
            claimed.insert(text.trim_end().to_owned(), *number);
        }
    }
    claimed
}
