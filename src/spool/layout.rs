//! The directories of a store, `<dir>/runs/<run>/{spool,index}`, and who may use them. What lies inside a spool
//! is for `sources`, what lies inside an index for the store that made it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Spool, SpoolError};

/// The longest name of a run, in bytes: a file name leaves room for suffixes on every file system.
pub(super) const MAX_NAME: usize = 128;

/// The name of a store's directory where none is given.
const DEFAULT_NAME: &str = ".logq";

/// A directory that holds runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreDir {
    path: PathBuf,
}

impl StoreDir {
    /// The directory that the user named. It need not be theirs: they said which one.
    pub fn open(path: &Path) -> Result<StoreDir, SpoolError> {
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => Ok(StoreDir { path: path.to_owned() }),
            Ok(_) => Err(SpoolError::io("open the store", path, io::ErrorKind::NotADirectory.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SpoolError::NoStore { path: path.to_owned() }),
            Err(error) => Err(SpoolError::io("open the store", path, error)),
        }
    }

    /// The nearest `.logq` in `from` or above it. One that someone else has put there is refused, as git does:
    /// in a shared directory like `/tmp` it could feed us anything. One's own in such a directory serves what is
    /// started right there, not everything below: whatever uses temporary folders would share it unasked.
    pub fn find(from: &Path) -> Result<StoreDir, SpoolError> {
        for dir in from.ancestors() {
            let path = dir.join(DEFAULT_NAME);
            let Ok(about) = fs::metadata(&path) else { continue };
            if !about.is_dir() || (dir != from && anybody_may_write(dir)) {
                continue;
            }
            refuse_foreign(&path, &about)?;
            return Ok(StoreDir { path });
        }
        Err(SpoolError::NoStore { path: PathBuf::from(DEFAULT_NAME) })
    }

    /// The directory, made (only for its user) where it is not there yet.
    pub fn create(path: &Path) -> Result<StoreDir, SpoolError> {
        make_private(path)?;
        StoreDir::open(path)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every run, oldest first.
    pub fn runs(&self) -> Result<Vec<RunDir>, SpoolError> {
        let path = self.path.join("runs");
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(SpoolError::io("list the runs in", &path, error)),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| SpoolError::io("list the runs in", &path, error))?;
            // A link is not followed: it could lead out of the store.
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if let (true, Ok(name)) = (is_dir, entry.file_name().into_string())
                && is_valid_name(&name)
            {
                runs.push(RunDir { path: path.join(&name), name });
            }
        }
        // Names begin with the second of the start; of two in one second the directory tells which is older.
        runs.sort_by_cached_key(|run| (second_of(run), made(&run.path), run.name.clone()));
        Ok(runs)
    }

    /// The run of exactly that name.
    pub fn run(&self, name: &str) -> Result<RunDir, SpoolError> {
        let run = self.place_of(name)?;
        match fs::symlink_metadata(&run.path) {
            Ok(about) if about.is_dir() => Ok(run),
            _ => Err(SpoolError::NoRun { name: name.to_owned(), dir: self.path.clone() }),
        }
    }

    /// The run of that name with its spool, made where they are not there yet.
    pub fn create_run(&self, name: &str) -> Result<RunDir, SpoolError> {
        let run = self.place_of(name)?;
        make_private(&run.spool_path())?;
        Ok(run)
    }

    fn place_of(&self, name: &str) -> Result<RunDir, SpoolError> {
        if !is_valid_name(name) {
            return Err(SpoolError::BadName { name: name.to_owned() });
        }
        Ok(RunDir { path: self.path.join("runs").join(name), name: name.to_owned() })
    }
}

/// The directory of one run. It may lack its spool: then the run is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunDir {
    name: String,
    path: PathBuf,
}

impl RunDir {
    /// A run by its directory alone, wherever it lies.
    pub fn at(path: &Path) -> RunDir {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        RunDir { name, path: path.to_owned() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn spool_path(&self) -> PathBuf {
        self.path.join("spool")
    }

    pub fn index_path(&self) -> PathBuf {
        self.path.join("index")
    }

    pub fn spool(&self) -> Spool {
        Spool::new(self.spool_path())
    }
}

/// `20261122-171503` of `20261122-171503-k3f9`; of a name that a person gave, the second in which the run was made.
fn second_of(run: &RunDir) -> String {
    let begin = run.name.get(..15).filter(|begin| {
        begin.bytes().enumerate().all(|(place, byte)| if place == 8 { byte == b'-' } else { byte.is_ascii_digit() })
    });
    let second = || Some(chrono::DateTime::<chrono::Local>::from(made(&run.path)?).format("%Y%m%d-%H%M%S").to_string());
    begin.map(str::to_owned).or_else(second).unwrap_or_else(|| run.name.clone())
}

fn made(path: &Path) -> Option<std::time::SystemTime> {
    let about = fs::metadata(path).ok()?;
    about.created().or_else(|_| about.modified()).ok()
}

fn is_valid_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= MAX_NAME && !name.starts_with('.') && name.bytes().all(plain)
}

fn make_private(path: &Path) -> Result<(), SpoolError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| SpoolError::io("make the directory", path, error))
}

#[cfg(unix)]
fn anybody_may_write(dir: &Path) -> bool {
    fs::metadata(dir).is_ok_and(|about| std::os::unix::fs::MetadataExt::mode(&about) & 0o002 != 0)
}

#[cfg(not(unix))]
fn anybody_may_write(_: &Path) -> bool {
    false
}

#[cfg(unix)]
fn refuse_foreign(path: &Path, about: &fs::Metadata) -> Result<(), SpoolError> {
    let owner = std::os::unix::fs::MetadataExt::uid(about);
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(SpoolError::NotOurs { path: path.to_owned(), owner })
}

#[cfg(not(unix))]
fn refuse_foreign(_: &Path, _: &fs::Metadata) -> Result<(), SpoolError> {
    Ok(())
}
