//! Which files are meant: those that are named, and in directories those that are there or will be; which of them are older
//! parts of one log.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use super::IntakeError;
use super::unpack::{Packing, Unpacked};
use crate::spool::StoreDir;

/// How deep directories are looked through.
const DEEPEST: usize = 16;

/// What could not be looked at, and why.
pub(super) type Skipped = BTreeMap<PathBuf, String>;

/// What a person named, each path absolute.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    files: Vec<PathBuf>,
    dirs: Vec<PathBuf>,
    /// The store that they are collected into: what is found there would be collected again and again.
    store: Option<PathBuf>,
}

impl Wanted {
    /// The same without what lies in a store.
    ///
    /// # Errors
    /// One of them lies in the store itself.
    pub fn outside(mut self, store: &StoreDir) -> Result<Wanted, IntakeError> {
        let path = fs::canonicalize(store.path()).map_err(IntakeError::io("find", store.path()))?;
        self.store = Some(path);
        match self.files.iter().chain(&self.dirs).find(|path| self.is_in_store(path)) {
            Some(path) => {
                let what = format!("{} lies in the store that it would go into", path.display());
                Err(IntakeError::Nothing { what })
            }
            None => Ok(self),
        }
    }

    /// Whether a file may be one that was not known before.
    pub(super) fn may_hold(&self, path: &Path) -> bool {
        let is_inside = self.dirs.iter().any(|dir| path.starts_with(dir)) && !self.is_in_store(path);
        is_inside || self.files.iter().any(|file| file == path)
    }

    /// However one comes there.
    fn is_in_store(&self, path: &Path) -> bool {
        let lies_in = |store: &PathBuf| fs::canonicalize(path).is_ok_and(|path| path.starts_with(store));
        self.store.as_ref().is_some_and(lies_in)
    }

    /// A name for the run: that of the first file or directory, without what tells of its form.
    pub fn run_name(&self) -> String {
        let path = self.files.first().or(self.dirs.first());
        let name = path.and_then(|path| path.file_name()).unwrap_or_default().to_string_lossy();
        let mut name = name.as_ref();
        while let Some((stem, ending)) = name.rsplit_once('.') {
            let is_form = ["log", "jsonl", "ndjson", "json", "txt", "gz", "zst", "out", "err"].contains(&ending);
            if stem.is_empty() || !(is_form || ending.bytes().all(|byte| byte.is_ascii_digit())) {
                break;
            }
            name = stem;
        }
        let plain = |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
        let name: String = name.chars().map(plain).take(64).collect();
        let name = name.trim_start_matches('.');
        if name.is_empty() || name == "all" { "logs".to_owned() } else { name.to_owned() }
    }

    /// Whether one of these is among the paths.
    pub(super) fn has_any<'a>(&self, mut paths: impl Iterator<Item = &'a Path>) -> bool {
        paths
            .any(|path| self.files.iter().any(|file| file == path) || self.dirs.iter().any(|dir| path.starts_with(dir)))
    }
}

/// What these paths mean.
///
/// # Errors
/// A path that leads nowhere.
pub fn wanted(paths: &[PathBuf]) -> Result<Wanted, IntakeError> {
    let mut wanted = Wanted::default();
    for path in paths {
        let about = fs::metadata(path).map_err(IntakeError::io("read", path))?;
        let path = std::path::absolute(path).map_err(IntakeError::io("find", path))?;
        if about.is_dir() {
            wanted.dirs.push(path);
        } else if about.is_file() {
            wanted.files.push(path);
        } else {
            return Err(IntakeError::Nothing { what: format!("{} is neither a file nor a directory", path.display()) });
        }
    }
    Ok(wanted)
}

/// The directories in which something may come.
pub(super) fn directories<'a>(wanted: &'a Wanted, files: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
    // Of those that were named also before they are known: what comes in between is told, too.
    let files = files.chain(wanted.files.iter().map(PathBuf::as_path));
    let mut found: BTreeSet<PathBuf> = files.filter_map(|file| file.parent().map(Path::to_owned)).collect();
    let walked = Walk::through(wanted);
    found.extend(walked.dirs);
    found.extend(wanted.dirs.iter().cloned());
    found.into_iter().collect()
}

/// Every log: its path, and the older parts of it that were named or found as well.
pub(super) fn files(wanted: &Wanted) -> (Vec<(PathBuf, Vec<PathBuf>)>, Skipped) {
    let walked = Walk::through(wanted);
    let all: BTreeSet<PathBuf> = wanted.files.iter().cloned().chain(walked.files).collect();
    let mut logs: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in &all {
        let of = base(path).filter(|base| all.contains(base));
        match of {
            Some(base) => logs.entry(base).or_default().push(path.clone()),
            None => {
                logs.entry(path.clone()).or_default();
            }
        }
    }
    (logs.into_iter().collect(), walked.skipped)
}

/// Regular files and directories; links to directories lead out of where a person pointed and are not followed.
struct Walk<'w> {
    wanted: &'w Wanted,
    files: Vec<PathBuf>,
    dirs: Vec<PathBuf>,
    skipped: Skipped,
}

impl<'w> Walk<'w> {
    fn through(wanted: &'w Wanted) -> Walk<'w> {
        let mut walk = Walk { wanted, files: Vec::new(), dirs: Vec::new(), skipped: Skipped::new() };
        wanted.dirs.iter().for_each(|dir| walk.enter(dir, 0));
        walk
    }

    fn enter(&mut self, dir: &Path, depth: usize) {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) => return self.skip(dir, &error),
        };
        for entry in entries {
            let looked = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)));
            match looked {
                Ok((path, _)) if path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.')) => {}
                Ok((path, kind)) => self.look(path, kind, depth),
                Err(error) => self.skip(dir, &error),
            }
        }
    }

    fn look(&mut self, path: PathBuf, kind: fs::FileType, depth: usize) {
        if kind.is_dir() && depth == DEEPEST {
            self.skipped.insert(path, format!("not looked into: more than {DEEPEST} directories deep"));
        } else if kind.is_dir() && !self.wanted.is_in_store(&path) {
            self.enter(&path, depth + 1);
            self.dirs.push(path);
        } else if kind.is_file() {
            match is_text(&path) {
                Ok(true) => self.files.push(path),
                Ok(false) => {}
                Err(error) => self.skip(&path, &error),
            }
        }
    }

    fn skip(&mut self, path: &Path, error: &io::Error) {
        // What has gone since it was listed is missed by nobody.
        if error.kind() != io::ErrorKind::NotFound {
            self.skipped.insert(path.to_owned(), error.to_string());
        }
    }
}

/// Whether a file found in a directory can be a log: it is packed or holds no zero bytes at its beginning.
fn is_text(path: &Path) -> io::Result<bool> {
    let head = super::identity::head(&open_regular(path)?)?;
    Ok(Packing::of(&head).is_some() || !head.contains(&0))
}

/// What is put behind a log's name, or before its ending, when it is renamed away: numbers, dates, `old`.
static AGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[._-](?:\d[\dT:._-]*|old|bak|prev)(?:\.(?:gz|zst|zstd))?$").ok());

fn is_age(text: &str) -> bool {
    AGE.as_ref().is_some_and(|age| age.is_match(text)) || matches!(text, ".gz" | ".zst")
}

/// The log that a file is an older part of, by its name: `app.log` of `app.log.1`, `app.log-20261122.gz` and `app.2026-11-22.log`.
fn base(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    for (at, _) in name.char_indices().skip(1) {
        let (front, back) = name.split_at(at);
        if is_age(back) && !front.ends_with(['.', '-', '_']) {
            return Some(path.with_file_name(front));
        }
        if let Some((age, ending)) = back.rsplit_once('.')
            && is_age(age)
            // `worker-1.log` is a log of its own; a date is an age.
            && age.bytes().filter(u8::is_ascii_digit).count() >= 6
            && !ending.bytes().any(|byte| byte.is_ascii_digit())
        {
            return Some(path.with_file_name(format!("{front}.{ending}")));
        }
    }
    None
}

/// Whether a file is an older part of a log by name.
pub(super) fn is_older(path: &Path, of: &Path) -> bool {
    bases(path).iter().any(|base| base == of)
}

/// Every log that a file may be an older part of: `app.log.1.gz` may be of `app.log` and of `app.log.1`.
pub(super) fn bases(path: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut at = base(path);
    while let Some(found) = at.take().filter(|_| all.len() < 4) {
        at = base(&found);
        all.push(found);
    }
    all
}

/// Opens a regular file for reading. A link that was named is followed; opening a pipe would wait for its other end.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        // Another kind of thing is in its place.
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(file)
}

/// How a file begins once it is unpacked.
pub(super) fn unpacked_head(file: &File, head: &[u8]) -> Vec<u8> {
    let Some(packing) = Packing::of(head) else { return head.to_vec() };
    let mut unpacked = vec![0; 256];
    let len = Unpacked::open(file, packing).and_then(|mut stream| stream.read(&mut unpacked)).unwrap_or(0);
    unpacked.truncate(len);
    unpacked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_parts_are_known_by_their_names() {
        let of = |name: &str| base(Path::new(name)).map(|path| path.to_string_lossy().into_owned());
        for name in [
            "app.log.1",
            "app.log-20261122",
            "app.log.2026-11-22_17-15.gz",
            "app.2026-11-22.log",
            "app.log.old",
            "app.log.gz",
        ] {
            assert_eq!(of(name).as_deref(), Some("app.log"), "{name}");
        }
        for name in ["app.log", "app.error.log", "application.log", "app2.log", "app-1.log"] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
