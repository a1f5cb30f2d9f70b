//! Which processes of the run have recorded, and which of them live: what the names and locks in the spool say.
//! No record is read here.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::kernel;

/// The spool of this run, seen by its process 0.
pub(super) struct Spool {
    path: PathBuf,
    /// The key of process 0: its own files tell nothing new. More: opening and closing its own lock file would
    /// unlock it.
    own: String,
}

impl Spool {
    pub(super) fn new(path: &Path, own: &str) -> Spool {
        Spool { path: path.to_owned(), own: own.to_owned() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The keys of all processes that have recorded, by pid. Where a pid was used twice, the later process.
    pub(super) fn keys(&self) -> BTreeMap<u32, String> {
        let mut latest: BTreeMap<u32, String> = BTreeMap::new();
        for (pid, key) in self.all_keys() {
            match latest.entry(pid) {
                Entry::Vacant(place) => drop(place.insert(key)),
                Entry::Occupied(mut place) => {
                    if self.began(place.get()) <= self.began(&key) {
                        place.insert(key);
                    }
                }
            }
        }
        latest
    }

    /// A process writes nothing into its lock file, so this is when it made it.
    fn began(&self, key: &str) -> Option<SystemTime> {
        fs::metadata(self.lock_path(key)).and_then(|found| found.modified()).ok()
    }

    /// The process that holds the lock of this key, as the kernel knows it: a pid that was given to somebody else
    /// never shows here.
    pub(super) fn holder(&self, key: &str) -> Option<u32> {
        let file = File::open(self.lock_path(key)).ok()?;
        let holder = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)).ok()??;
        holder.pid.map(kernel::number)
    }

    fn lock_path(&self, key: &str) -> PathBuf {
        self.path.join(format!("{key}.lock"))
    }

    fn all_keys(&self) -> Vec<(u32, String)> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut keys: Vec<_> =
            names.filter_map(|name| process_key(&name)).filter(|(_, key)| *key != self.own).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

/// The process that a file of a spool belongs to: `4242-k3f9xz.1.jsonl`, `4242-k3f9xz.lock`.
fn process_key(name: &str) -> Option<(u32, String)> {
    let (key, rest) = name.split_once('.')?;
    let (pid, random) = key.split_once('-')?;
    let is_ours = rest == "lock" || rest.ends_with("jsonl");
    if random.is_empty() || !is_ours {
        return None;
    }
    Some((pid.parse().ok()?, key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_names() {
        assert_eq!(process_key("4242-k3f9xz.1.jsonl"), Some((4242, "4242-k3f9xz".to_owned())));
        assert_eq!(process_key("4242-k3f9xz.lock"), Some((4242, "4242-k3f9xz".to_owned())));
        for name in ["1.claim", "x-y.lock", "4242-.lock", "4242.lock", ".gitignore", "4242-abc.ctl"] {
            assert_eq!(process_key(name), None, "{name}");
        }
    }

    #[test]
    fn our_own_files_are_no_news_and_a_lock_nobody_holds_has_no_holder() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["1-own000.lock", "7-aaaaaa.lock", "7-aaaaaa.1.jsonl", "1.claim"] {
            fs::write(dir.path().join(name), "").expect("written");
        }
        let spool = Spool::new(dir.path(), "1-own000");
        assert_eq!(spool.keys().into_iter().collect::<Vec<_>>(), [(7, "7-aaaaaa".to_owned())]);
        assert_eq!(spool.holder("7-aaaaaa"), None);
    }
}
