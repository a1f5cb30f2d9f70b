//! The Python package that the binary carries, and putting it where an interpreter can import it.
//!
//! It is unpacked under the hash of its content and stays there: processes of a run may outlive `logq run`, and
//! the next run finds it ready. Nothing is ever changed in place, so any number of runs may unpack at once.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::{Error, files};

include!(concat!(env!("OUT_DIR"), "/python_package.rs"));

/// Makes sure that the package is complete below `dir`; the directory for PYTHONPATH.
pub(super) fn unpack(dir: &Path) -> Result<PathBuf, Error> {
    let package = dir.join("python").join(HASH).join("logq");
    for (name, content) in FILES {
        let path = package.join(name);
        if fs::read(&path).is_ok_and(|found| found == *content) {
            continue;
        }
        place(&path, content)?;
    }
    Ok(package.join("boot"))
}

/// Whether a directory on PYTHONPATH is one that some `logq run` put there.
pub(super) fn is_boot(directory: &Path) -> bool {
    let mut names = directory.components().rev().map(|part| part.as_os_str());
    let end = [names.next(), names.next(), names.next(), names.next()];
    let hash_is_one = end[2].is_some_and(|hash| hash.len() == HASH.len());
    end[0].is_some_and(|name| name == "boot")
        && end[1].is_some_and(|name| name == "logq")
        && end[3].is_some_and(|name| name == "python")
        && hash_is_one
}

/// Writes a file under another name and renames it: whoever imports sees all of it or none.
fn place(path: &Path, content: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(files("create", folder))?;
    let unfinished = folder.join(format!(".{}-{:08x}.tmp", std::process::id(), fastrand::u32(..)));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&unfinished, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&unfinished);
        files("write", path)(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_of_the_package_is_carried_and_nothing_else() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("python-handler/src/logq");
        let mut folders = vec![root.clone()];
        let mut sources = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the package") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "py") || path.ends_with("py.typed") {
                    sources.push(path.strip_prefix(&root).expect("below the root").display().to_string());
                }
            }
        }
        sources.sort();
        assert_eq!(FILES.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>(), sources);
        assert!(sources.iter().any(|name| name == "boot/sitecustomize.py"), "{sources:?}");
    }

    #[test]
    fn a_damaged_package_is_mended() {
        let dir = tempfile::tempdir().expect("a directory");
        let boot = unpack(dir.path()).expect("unpacked");
        let package = boot.parent().expect("a parent");
        let (first, last) = (package.join(FILES[0].0), package.join(FILES[FILES.len() - 1].0));
        fs::write(&first, "broken").expect("written");
        fs::remove_file(&last).expect("removed");

        assert_eq!(unpack(dir.path()).expect("unpacked"), boot);
        assert_eq!(fs::read(&first).expect("read"), FILES[0].1);
        assert_eq!(fs::read(&last).expect("read"), FILES[FILES.len() - 1].1);
    }

    #[test]
    fn many_may_unpack_at_once() {
        let dir = tempfile::tempdir().expect("a directory");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let boot = unpack(dir.path()).expect("unpacked");
                    let package = boot.parent().expect("a parent").to_owned();
                    for (name, content) in FILES {
                        assert_eq!(fs::read(package.join(name)).expect("there"), *content);
                    }
                });
            }
        });
    }

    #[test]
    fn boot_directories_are_known_by_their_shape() {
        assert!(is_boot(Path::new("/a/.logq/python/0123456789abcdef/logq/boot")));
        assert!(!is_boot(Path::new("/a/python/3.11/logq/boot")));
        assert!(!is_boot(Path::new("/boot")));
    }
}
