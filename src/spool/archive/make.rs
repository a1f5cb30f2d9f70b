//! Makes an archive of a run. It is written aside, made safe and put in place at once: whatever ends it, there is no half one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::{ArchiveError, END, is_claim, is_part};
use crate::spool::content::open_plain;
use crate::spool::packing::{compare, write_packed};
use crate::spool::{RunDir, is_packed, packed};

/// Puts a run that nobody writes into any more into one file; how large it is. A file that is there is not written over.
///
/// # Errors
/// A part that cannot be read, or packed and read back; the file that cannot be made.
pub fn make(run: &RunDir, to: &Path) -> Result<u64, ArchiveError> {
    let (aside, piece) = (beside(to, "new"), beside(to, "part"));
    if to.exists() {
        return Err(ArchiveError::io("write", to)(io::ErrorKind::AlreadyExists.into()));
    }
    let made = write(run, &aside, &piece).and_then(|size| {
        put_in_place(&aside, to).map_err(ArchiveError::io("write", to))?;
        Ok(size)
    });
    for path in [aside, piece] {
        let _ = fs::remove_file(path);
    }
    made
}

/// Neither a file nor a link that came meanwhile is written over, where the file system has second names.
fn put_in_place(aside: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(aside, to) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(aside, to),
        linked => linked,
    }
}

/// A name beside it that nobody else has: what is made there may be removed again whatever happens.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{:016x}.{ending}", fastrand::u64(..)))
}

fn write(run: &RunDir, aside: &Path, piece: &Path) -> Result<u64, ArchiveError> {
    let file = private(aside).map_err(ArchiveError::io("write", aside))?;
    let mut archive = Builder::new(file);
    let spool = run.spool_path();
    for part in run.spool().list()?.parts() {
        let add = |archive: &mut Builder<File>| {
            if is_packed(part) {
                return append(archive, run, &name_of(&part.path)?, open_plain(&part.path)?);
            }
            write_packed(&part.path, piece)?;
            compare(&part.path, piece)?;
            append(archive, run, &name_of(&packed::path_of(&part.path))?, File::open(piece)?)
        };
        add(&mut archive).map_err(ArchiveError::io("pack", &part.path))?;
    }
    let entries = fs::read_dir(&spool).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let names = entries.map_err(ArchiveError::io("list", &spool))?.into_iter().map(|entry| entry.path());
    let mut claims: Vec<PathBuf> =
        names.filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_claim)).collect();
    claims.sort();
    for path in claims {
        let add = |archive: &mut Builder<File>| append(archive, run, &name_of(&path)?, open_plain(&path)?);
        add(&mut archive).map_err(ArchiveError::io("pack", &path))?;
    }
    let finish = || {
        archive.append(&header(run, END, 0)?, io::empty())?;
        let file = archive.into_inner()?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    };
    finish().map_err(ArchiveError::io("write", aside))
}

fn name_of(path: &Path) -> io::Result<String> {
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let is_ours = |name: &str| is_claim(name) || is_part(name.strip_suffix(packed::ENDING).unwrap_or(name));
    name.filter(|name| is_ours(name)).ok_or_else(|| io::Error::other("its name is not one of ours"))
}

fn append(archive: &mut Builder<File>, run: &RunDir, name: &str, file: File) -> io::Result<()> {
    let len = file.metadata()?.len();
    let mut content = io::Read::take(file, len);
    archive.append(&header(run, name, len)?, &mut content)?;
    // What follows would stand where the header does not say.
    if content.limit() > 0 { Err(io::Error::other("it became shorter")) } else { Ok(()) }
}

/// Without owner, host or time: an archive says nothing that the run does not say.
fn header(run: &RunDir, name: &str, len: u64) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(format!("{}/{name}", run.name()))?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_mtime(0);
    header.set_size(len);
    header.set_cksum();
    Ok(header)
}

/// A new file, for its user alone.
fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
