//! The store on this machine: one tantivy index a run, under `<run>/index`. Only this folder knows tantivy.
//!
//! The spool is the truth and the index points into it: it holds words, columns and the place of every line, but no
//! line. How far each source is indexed stands in the payload of the commit that made it so; therefore nothing is ever
//! lost or doubled, whatever dies when. `store.json` says the format; another format is never read.

mod columns;
mod dictionary;
mod docs;
mod document;
mod fill;
mod frozen;
mod growing;
mod inverted;
mod keys;
mod kinds;
mod lines;
mod merge;
mod messages;
mod numbers;
mod outline;
mod postings;
mod read;
mod row;
mod schema;
mod segment;
mod side_by_side;
mod tally;
mod template;
mod terms;
mod top;
mod translate;
mod values;
mod write;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Reader, Store, StoreError, Writer, guard};
use crate::spool::{Positions, RunDir, SourceId};

/// The format of what is written here. Raised whenever an index of the former format would answer wrongly.
const FORMAT: u32 = 4;

const FORMAT_FILE: &str = "store.json";

/// Held by whoever writes the index; its content is their pid.
const LOCK_FILE: &str = "collector.lock";

/// The index of one run.
#[derive(Debug, Clone)]
pub struct LocalStore {
    run: RunDir,
}

impl LocalStore {
    pub fn of(run: &RunDir) -> LocalStore {
        LocalStore { run: run.clone() }
    }

    /// Whether there is an index, of whatever format.
    pub fn exists(&self) -> bool {
        self.path(FORMAT_FILE).exists()
    }

    /// How many bytes the index has on disk.
    pub fn size(&self) -> u64 {
        let Ok(entries) = fs::read_dir(self.run.index_path()) else { return 0 };
        entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|about| about.len()).sum()
    }

    /// A snapshot; `None` where there is no index yet.
    pub fn open(&self) -> Result<Option<Box<dyn Reader>>, StoreError> {
        match self.format()? {
            None => Ok(None),
            Some(FORMAT) => Ok(Some(Box::new(read::LocalReader::open(&self.run)?))),
            Some(found) => Err(self.other_version(found)),
        }
    }

    /// Like [`Store::write`]. Where the index is of an older format, or damaged, it is built anew: then the reason is
    /// given, too.
    pub fn write_or_rebuild(&self) -> Result<(Box<dyn Writer>, Option<String>), StoreError> {
        let lock = self.lock()?;
        let (found, damage) = match self.format() {
            Ok(found) => (found, None),
            Err(StoreError::Damaged { why, .. }) => (None, Some(why)),
            Err(other) => return Err(other),
        };
        let reason = match found {
            Some(FORMAT) => match self.open_writer(lock.clone()) {
                Ok(writer) => return Ok((Box::new(writer), None)),
                Err(StoreError::Damaged { why, .. }) => Some(why),
                Err(other) => return Err(other),
            },
            Some(newer) if newer > FORMAT => return Err(self.other_version(newer)),
            Some(older) => Some(format!("it had format {older}, this logq writes {FORMAT}")),
            None => damage,
        };
        self.create_anew()?;
        Ok((Box::new(write::LocalWriter::open(&self.run, lock.clone())?), reason))
    }

    /// Whether the index is as it was written, by its checksums. While somebody writes into it that is not looked at: they have
    /// done so themselves when they began.
    pub fn check(&self) -> Result<(), StoreError> {
        match self.lock() {
            Ok(lock) => self.open_writer(lock).map(drop),
            Err(StoreError::Busy { .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Whether it is of a format that this logq does not know.
    pub fn is_newer(&self) -> bool {
        self.format().is_ok_and(|found| found.is_some_and(|found| found > FORMAT))
    }

    /// Makes the index an empty one.
    pub fn discard(&self) -> Result<(), StoreError> {
        let _lock = self.lock()?;
        self.create_anew()
    }

    fn open_writer(&self, lock: HeldLock) -> Result<write::LocalWriter, StoreError> {
        let opened = guard::caught(|| write::LocalWriter::open(&self.run, lock));
        opened.unwrap_or_else(|why| Err(StoreError::Damaged { path: self.run.index_path(), why }))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.run.index_path().join(name)
    }

    fn format(&self) -> Result<Option<u32>, StoreError> {
        let path = self.path(FORMAT_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
            Err(error) => return Err(engine("read", &path, error)),
        };
        let format = serde_json::from_str::<Format>(&text).map_err(|error| StoreError::Damaged {
            path: self.run.index_path(),
            why: format!("{FORMAT_FILE}: {error}"),
        })?;
        Ok(Some(format.format))
    }

    fn other_version(&self, found: u32) -> StoreError {
        StoreError::OtherVersion { path: self.run.index_path(), found, ours: FORMAT }
    }

    /// Takes the writer's lock. It goes with the process, however that ends.
    fn lock(&self) -> Result<HeldLock, StoreError> {
        let dir = self.run.index_path();
        make_private(&dir).map_err(|error| engine("make the directory", &dir, error))?;
        let path = self.path(LOCK_FILE);
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| engine("open", &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
                return Err(StoreError::Busy { path: dir, holder });
            }
            Err(fs::TryLockError::Error(error)) => return Err(engine("lock", &path, error)),
        }
        // Only for the message of whoever comes second: failing to say who we are is no reason not to work.
        let _ = file
            .set_len(0)
            .and_then(|()| io::Write::write_all(&mut &file, format!("{}\n", std::process::id()).as_bytes()));
        Ok(HeldLock(std::sync::Arc::new(file)))
    }

    /// Removes whatever index there is and makes an empty one. The format file goes first and comes last: without it
    /// there is no index, so that no half of one is ever taken for a whole.
    fn create_anew(&self) -> Result<(), StoreError> {
        let dir = self.run.index_path();
        let remove = |path: &Path| match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(engine("remove", path, error)),
            _ => Ok(()),
        };
        remove(&self.path(FORMAT_FILE))?;
        for entry in fs::read_dir(&dir).map_err(|error| engine("list", &dir, error))? {
            let entry = entry.map_err(|error| engine("list", &dir, error))?;
            if entry.file_name() != LOCK_FILE {
                remove(&entry.path())?;
            }
        }
        schema::create(&dir)?;
        let path = self.path(FORMAT_FILE);
        let text = serde_json::json!({"format": FORMAT, "logq": env!("CARGO_PKG_VERSION")}).to_string();
        let new = self.path("store.json.new");
        fs::write(&new, text).and_then(|()| fs::rename(&new, &path)).map_err(|error| engine("write", &path, error))?;
        make_files_private(&dir).map_err(|error| engine("write", &dir, error))
    }
}

impl Store for LocalStore {
    fn write(&self) -> Result<Box<dyn Writer>, StoreError> {
        self.write_or_rebuild().map(|(writer, _)| writer)
    }

    fn read(&self) -> Result<Box<dyn Reader>, StoreError> {
        match self.open()? {
            Some(reader) => Ok(reader),
            None => Ok(Box::new(read::LocalReader::empty())),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Format {
    format: u32,
}

/// What a commit says of itself.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Payload {
    positions: Positions,
    /// The `src` column holds places in this list.
    sources: Vec<String>,
    /// How many documents the index has, whatever segments they are in.
    documents: u64,
    /// A sum over all this: the file that it stands in has none of its own.
    #[serde(default)]
    check: u64,
}

impl Payload {
    fn to_text(&self) -> serde_json::Result<String> {
        serde_json::to_string(&Payload { check: self.sum()?, ..self.unchecked() })
    }

    fn unchecked(&self) -> Payload {
        Payload {
            positions: self.positions.clone(),
            sources: self.sources.clone(),
            documents: self.documents,
            check: 0,
        }
    }

    fn sum(&self) -> serde_json::Result<u64> {
        let text = serde_json::to_string(&self.unchecked())?;
        // JSON keeps integers of 53 bits whatever reads it.
        Ok(terms::hash(text.as_bytes()) >> 11)
    }

    /// Of the index in `dir`, whose segments have so many documents.
    fn read(text: Option<&str>, documents: u64, dir: &Path) -> Result<(Payload, Vec<SourceId>), StoreError> {
        let bad = |why: String| StoreError::Damaged { path: dir.to_owned(), why: format!("payload: {why}") };
        let payload: Payload = match text {
            None => Payload::default(),
            Some(text) => {
                let payload: Payload = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
                if payload.sum().ok() != Some(payload.check) {
                    return Err(bad("it is not as it was written".to_owned()));
                }
                payload
            }
        };
        if payload.documents != documents {
            return Err(bad(format!("it counts {} documents, the segments {documents}", payload.documents)));
        }
        let sources = payload.sources.iter().map(|name| name.parse()).collect::<Result<_, _>>();
        let sources = sources.map_err(|error: crate::spool::BadSource| bad(error.to_string()))?;
        Ok((payload, sources))
    }
}

/// The writer's lock; released when the last clone is dropped.
#[derive(Debug, Clone)]
struct HeldLock(#[expect(dead_code, reason = "held, never used")] std::sync::Arc<File>);

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Takes from others the right to read what the engine has written: it leaves that to the directory.
fn make_files_private(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    for entry in fs::read_dir(dir)? {
        use std::os::unix::fs::PermissionsExt;
        let entry = entry?;
        // What is merged away meanwhile is nobody's any more; a link would be followed.
        let Ok(about) = entry.metadata() else { continue };
        if !about.is_file() || about.permissions().mode() & 0o077 == 0 {
            continue;
        }
        match fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o600)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn engine(doing: &'static str, path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Engine { doing, path: path.to_owned(), source: source.into() }
}
