//! What an intake has to know to go on: which files it knows, how far each was read, and how long our own parts were then.
//! What was written behind that is found in the parts themselves. Written anew and put in place at once, never changed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::IntakeError;
use super::discover::Wanted;
use super::family::Family;
use super::lanes::Lanes;
use super::process::NotedProcess;
use super::source::{Noted, Source};
use crate::spool::RunDir;

const VERSION: u32 = 1;
const FOLDER: &str = "intake";
const NAME: &str = "ledger.json";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Page {
    version: u32,
    next_source: u32,
    families: Vec<Family>,
    sources: Vec<Noted>,
    processes: Vec<NotedProcess>,
}

pub(super) struct Ledger {
    folder: PathBuf,
    page: Page,
    /// Held while the run is written into.
    _lock: File,
}

/// Whether the run is one of foreign logs.
pub fn is_foreign(run: &RunDir) -> bool {
    run.path().join(FOLDER).join(NAME).is_file()
}

/// Whether the run holds one of these files.
pub fn holds(run: &RunDir, wanted: &Wanted) -> bool {
    let page: Option<Page> =
        fs::read(run.path().join(FOLDER).join(NAME)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    page.is_some_and(|page| wanted.has_any(page.families.iter().map(|family| family.path.as_path())))
}

/// What is wrong with what the run knows of its logs.
pub fn damage(run: &RunDir) -> Option<String> {
    let path = run.path().join(FOLDER).join(NAME);
    if !path.exists() {
        return None;
    }
    read(&path).err().map(|error| error.to_string())
}

fn read(path: &Path) -> Result<Page, IntakeError> {
    let damaged = |why: String| IntakeError::Ledger { path: path.to_owned(), why };
    let page: Page = match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Page { version: VERSION, next_source: 1, ..Page::default() }
        }
        Err(error) => return Err(IntakeError::io("read", path)(error)),
    };
    if page.version > VERSION {
        return Err(damaged(format!("it is of version {}; this logq knows {VERSION}", page.version)));
    }
    Ok(page)
}

/// Keeps others from taking foreign logs into the run; `None` where somebody does, or it is no run of foreign logs.
pub fn hold(run: &RunDir) -> Option<File> {
    let lock = private(File::options().read(true)).open(run.path().join(FOLDER).join("lock")).ok()?;
    lock.try_lock().is_ok().then_some(lock)
}

/// Whether somebody takes foreign logs into the run now.
pub fn is_busy(run: &RunDir) -> bool {
    let lock = private(File::options().read(true)).open(run.path().join(FOLDER).join("lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

impl Ledger {
    pub fn open(run: &RunDir) -> Result<Ledger, IntakeError> {
        let folder = run.path().join(FOLDER);
        let is_recorded =
            !is_foreign(run) && fs::read_dir(run.spool_path()).is_ok_and(|mut entries| entries.next().is_some());
        if is_recorded {
            return Err(IntakeError::NotForeign { name: run.name().to_owned() });
        }
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).map_err(IntakeError::io("make the directory", &folder))?;
        let path = folder.join("lock");
        let lock = private(File::options().write(true).create(true).truncate(false)).open(&path);
        let lock = lock.map_err(IntakeError::io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(IntakeError::Busy { path: run.path().to_owned() }),
            Err(fs::TryLockError::Error(error)) => return Err(IntakeError::io("lock", &path)(error)),
        }
        let page = read(&folder.join(NAME))?;
        Ok(Ledger { folder, page, _lock: lock })
    }

    pub fn families(&self) -> Vec<Family> {
        self.page.families.clone()
    }

    pub fn sources(&self) -> BTreeMap<u32, Source> {
        self.page.sources.iter().map(|noted| (noted.number, Source::of_noted(noted))).collect()
    }

    pub fn processes(&self) -> &[NotedProcess] {
        &self.page.processes
    }

    pub fn next_source(&self) -> u32 {
        self.page.next_source
    }

    /// A number for a new file, never given before.
    pub fn take_number(&mut self) -> u32 {
        let number = self.page.next_source;
        self.page.next_source += 1;
        number
    }

    pub fn save(
        &mut self,
        families: &[Family],
        sources: &BTreeMap<u32, Source>,
        lanes: &Lanes,
    ) -> Result<(), IntakeError> {
        self.page.families = families.to_vec();
        self.page.sources = sources.iter().map(|(number, source)| source.noted(*number)).collect();
        self.page.processes = lanes.noted();
        let text = serde_json::to_vec(&self.page).map_err(|error| self.failed()(error.into()))?;
        let (path, fresh) = (self.folder.join(NAME), self.folder.join("ledger.new"));
        let write = || {
            let mut file = private(File::options().write(true).create(true).truncate(true)).open(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(self.failed())
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> IntakeError + use<> {
        IntakeError::io("write", &self.folder.join(NAME))
    }
}

/// For its user alone, and never through a link.
pub(super) fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options
}
