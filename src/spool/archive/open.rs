//! Opens an archive: what is in it is put into a directory of the user's cache, once, and read there as a store with one run, with
//! an index like any other's. What has not been opened for a week goes.
//!
//! Archives come from strangers. Only what `make` writes is taken: regular files of names that it gives, each once, of one run;
//! nothing is written under a name that was not checked, and whatever else a tar can say makes it no archive.

use std::fs::{self, File};
use std::io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tar::{Archive, Entry, EntryType};

use super::{ArchiveError, END, belongs};
use crate::spool::{Content, StoreDir};

/// How long what was opened is kept after it was last asked for.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// More files no run has.
const MOST_FILES: usize = 100_000;

/// A part that grows beyond this when unpacked, and by more than [`MOST_GROWTH`], is a trap.
const HARMLESS: u64 = 64 << 20;
const MOST_GROWTH: u64 = 1000;

/// The store in an archive.
///
/// # Errors
/// [`ArchiveError::Other`] for a file that is none, or not whole.
pub fn open(file: &Path) -> Result<StoreDir, ArchiveError> {
    let cache = cache().ok_or_else(|| ArchiveError::NoCache { path: file.to_owned() })?;
    open_in(file, &cache)
}

/// The same, into that directory.
pub(super) fn open_in(file: &Path, cache: &Path) -> Result<StoreDir, ArchiveError> {
    let place = cache.join(key(file).map_err(ArchiveError::io("open", file))?);
    StoreDir::create(cache)?;
    forget_old(cache);
    if !has_run(&place) {
        // It was removed from there, as by `logq prune`.
        let _ = fs::remove_dir(place.join("runs")).and_then(|()| fs::remove_dir_all(&place));
        let fresh = cache.join(format!("{}.{}.new", fastrand::u64(..), std::process::id()));
        let unpacked = unpack(file, &fresh).and_then(|()| match fs::rename(&fresh, &place) {
            // Somebody else has opened it meanwhile.
            Err(_) if has_run(&place) => Ok(()),
            renamed => renamed.map_err(ArchiveError::io("make", &place)),
        });
        let _ = fs::remove_dir_all(&fresh);
        unpacked?;
    }
    // It was asked for now. Where that cannot be noted it is only forgotten sooner.
    let _ = File::open(&place).and_then(|dir| dir.set_modified(SystemTime::now()));
    Ok(StoreDir::open(&place)?)
}

fn has_run(place: &Path) -> bool {
    fs::read_dir(place.join("runs")).is_ok_and(|mut runs| runs.next().is_some())
}

/// Where an archive that lies there is opened: another file there is another archive.
fn key(file: &Path) -> io::Result<String> {
    let about = fs::metadata(file)?;
    let modified = about.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(fs::canonicalize(file)?.as_os_str().as_encoded_bytes());
    hash.update(about.len().to_le_bytes());
    hash.update(modified.as_nanos().to_le_bytes());
    #[cfg(unix)]
    hash.update(std::os::unix::fs::MetadataExt::ctime_nsec(&about).to_le_bytes());
    Ok(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

fn cache() -> Option<PathBuf> {
    let of = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = of("XDG_CACHE_HOME").or_else(|| Some(of("HOME")?.join(".cache")))?;
    Some(caches.join("logq").join("archives"))
}

/// Removes what was opened long ago, and what was never finished.
fn forget_old(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|about| about.modified()).map(|time| time.elapsed().unwrap_or_default());
        if age.is_ok_and(|age| age > KEPT) {
            // It may be another's, or gone.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn unpack(file: &Path, into: &Path) -> Result<(), ArchiveError> {
    let other = |why: String| ArchiveError::Other { path: file.to_owned(), why };
    let tar = File::open(file).map_err(ArchiveError::io("open", file))?;
    let store = StoreDir::create(into)?;
    let mut archive = Archive::new(tar);
    // Raw: what says a name or a size of another entry is an entry that is refused.
    let entries = archive.entries().map_err(|error| other(error.to_string()))?.raw(true);
    let mut run: Option<String> = None;
    for (count, entry) in entries.enumerate() {
        let mut entry = entry.map_err(|error| other(error.to_string()))?;
        let (of, name) = names(&entry).map_err(other)?;
        if *run.get_or_insert_with(|| of.clone()) != of || count > MOST_FILES {
            return Err(other("it holds more than one run".into()));
        }
        if name == END {
            return if count > 0 { Ok(()) } else { Err(other("it holds nothing".into())) };
        }
        let spool = store.create_run(&of)?.spool_path();
        let path = spool.join(name);
        write(&mut entry, &path).map_err(|error| match error.kind() {
            // That is no fault of the archive.
            StorageFull | QuotaExceeded | FileTooLarge | PermissionDenied | ReadOnlyFilesystem => {
                ArchiveError::io("write", &path)(error)
            }
            _ => other(error.to_string()),
        })?;
    }
    Err(other("its end is missing".into()))
}

/// The run and the file that an entry is of.
fn names(entry: &Entry<File>) -> Result<(String, String), String> {
    let path = entry.path_bytes();
    let shown = || String::from_utf8_lossy(&path).chars().take(100).collect::<String>();
    let parts = std::str::from_utf8(&path).ok().and_then(|path| path.split_once('/'));
    let Some((run, name)) = parts.filter(|(_, name)| belongs(name) || *name == END) else {
        return Err(format!("it holds {:?}", shown()));
    };
    if entry.header().entry_type() != EntryType::Regular {
        return Err(format!("{:?} is no plain file", shown()));
    }
    Ok((run.to_owned(), name.to_owned()))
}

fn write(entry: &mut Entry<File>, path: &Path) -> io::Result<()> {
    let len = entry.header().size()?;
    let mut options = File::options();
    // Two of one name are none of ours.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    if io::copy(&mut entry.take(len), &mut file)? != len {
        return Err(io::Error::other("it was cut"));
    }
    // That it is there will say that it is whole.
    file.sync_all()?;
    let most = len.saturating_mul(MOST_GROWTH).max(HARMLESS);
    if path.extension().is_some_and(|end| end == "zst") && Content::open(path)?.len()? > most {
        return Err(io::Error::other(format!("a part unpacks to more than {most} bytes")));
    }
    Ok(())
}
