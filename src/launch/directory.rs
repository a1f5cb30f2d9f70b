//! Where a run is kept: `<dir>/runs/<run>/spool/`, readable by its owner alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::{Error, files};

/// A run's directory, made for it alone.
pub(super) struct RunDirectory {
    /// The run's name: `20261122-171503-k3f9`, local time, so that names sort as the runs began.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) spool: PathBuf,
}

impl RunDirectory {
    pub(super) fn create(dir: &Path) -> Result<RunDirectory, Error> {
        prepare(dir)?;
        let runs = dir.join("runs");
        private().recursive(true).create(&runs).map_err(files("create", &runs))?;
        let (name, path) = create_named(&runs)?;
        let spool = path.join("spool");
        private().create(&spool).map_err(files("create", &spool))?;
        Ok(RunDirectory { name, path, spool })
    }

    /// For a program that did not start: an empty run would be the newest one, and hide the last real one from
    /// every command.
    pub(super) fn discard(self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// `count` characters of Crockford's base32, which has no letters that look alike.
pub(super) fn random_name(count: usize) -> String {
    const ALPHABET: &[u8] = b"0123456789abcdefghjkmnpqrstvwxyz";
    (0..count).map(|_| char::from(ALPHABET[fastrand::usize(..ALPHABET.len())])).collect()
}

fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Makes `dir` if it is not there, and refuses another user's: what the run writes there would be theirs, and
/// the Python package that they keep there would run as us.
fn prepare(dir: &Path) -> Result<(), Error> {
    match fs::metadata(dir) {
        Ok(found) if found.uid() != rustix::process::geteuid().as_raw() => {
            Err(Error::ForeignDirectory { path: dir.to_owned(), owner: found.uid() })
        }
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(files("use", dir)(io::ErrorKind::NotADirectory.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            private().recursive(true).create(dir).map_err(files("create", dir))?;
            hide_from_git(dir)
        }
        Err(error) => Err(files("read", dir)(error)),
    }
}

fn hide_from_git(dir: &Path) -> Result<(), Error> {
    let path = dir.join(".gitignore");
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    match opened.and_then(|mut file| file.write_all(b"*\n")) {
        // Another run made the directory at the same time.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        written => written.map_err(files("write", path)),
    }
}

fn create_named(runs: &Path) -> Result<(String, PathBuf), Error> {
    let mut attempts = 0;
    loop {
        let name = format!("{}-{}", chrono::Local::now().format("%Y%m%d-%H%M%S"), random_name(4));
        let path = runs.join(&name);
        attempts += 1;
        match private().create(&path) {
            Ok(()) => return Ok((name, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempts < 100 => {}
            Err(error) => return Err(files("create", path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn a_run_is_private_and_its_name_is_its_time() {
        let parent = tempfile::tempdir().expect("a directory");
        let dir = parent.path().join("deep/.logq");
        let run = RunDirectory::create(&dir).expect("created");
        let shape = regex::Regex::new(r"^\d{8}-\d{6}-[0-9a-z]{4}$").expect("a pattern");
        assert!(shape.is_match(&run.name), "{}", run.name);
        assert_eq!(run.spool, dir.join("runs").join(&run.name).join("spool"));
        for path in [&dir, &dir.join("runs"), &run.path, &run.spool] {
            assert_eq!(mode(path), 0o700, "{}", path.display());
        }
        assert_eq!(fs::read_to_string(dir.join(".gitignore")).expect("written"), "*\n");
        run.discard();
        assert_eq!(fs::read_dir(dir.join("runs")).expect("there").count(), 0);
    }

    #[test]
    fn a_directory_that_is_there_is_left_as_it_is() {
        let dir = tempfile::tempdir().expect("a directory");
        RunDirectory::create(dir.path()).expect("created");
        assert!(!dir.path().join(".gitignore").exists());
    }

    #[test]
    fn what_is_no_directory_is_refused() {
        let parent = tempfile::tempdir().expect("a directory");
        let path = parent.path().join("file");
        fs::write(&path, "").expect("written");
        let error = RunDirectory::create(&path).err().expect("refused");
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }

    #[test]
    fn the_directory_of_someone_else_is_refused() {
        let me = rustix::process::geteuid();
        let Some(theirs) = ["/", "/etc", "/var"]
            .into_iter()
            .map(Path::new)
            .find(|path| fs::metadata(path).is_ok_and(|found| found.uid() != me.as_raw()))
        else {
            return chown_and_check();
        };
        assert!(matches!(prepare(theirs), Err(Error::ForeignDirectory { .. })));
    }

    /// As root every directory of the system is ours: one is given away.
    fn chown_and_check() {
        let dir = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::chown(dir.path(), Some(12345), None).expect("root may");
        assert!(matches!(prepare(dir.path()), Err(Error::ForeignDirectory { owner: 12345, .. })));
    }
}
