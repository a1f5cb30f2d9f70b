//! What the program's environment gets on top of ours: where to record, how much, and the carried package.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::error::Error;
use super::{RunOptions, package};

/// The variables to set. What was not asked for keeps the value that it has: a user may export
/// `LOGQ_CAPTURE` once for all runs.
pub(super) fn variables(
    options: &RunOptions,
    run: &str,
    parent: &str,
    boot: &Path,
) -> Result<Vec<(&'static str, OsString)>, Error> {
    let mut variables: Vec<(&'static str, OsString)> = vec![
        ("LOGQ_DIR", options.dir.clone().into()),
        ("LOGQ_RUN", run.into()),
        ("LOGQ_PARENT", parent.into()),
        ("PYTHONPATH", python_path(boot, env::var_os("PYTHONPATH").as_deref())?),
    ];
    // Where the binary cannot be told, the handler does without the few things that it asks the binary for.
    variables.extend(env::current_exe().ok().map(|path| ("LOGQ_BIN", path.into())));
    let asked = [
        ("LOGQ_CAPTURE", options.capture.clone()),
        ("LOGQ_RECORD_LEVEL", options.record_level.clone()),
        ("LOGQ_RING", options.ring.map(|bytes| bytes.to_string())),
        ("LOGQ_SPOOL_CAP", options.spool_cap.map(|bytes| bytes.to_string())),
        ("LOGQ_RACES", options.races.then(|| "1".to_owned())),
        ("LOGQ_PRINTS", options.prints.then(|| "1".to_owned())),
    ];
    variables.extend(asked.into_iter().filter_map(|(name, value)| Some((name, value?.into()))));
    Ok(variables)
}

/// `boot`, then what was on the path. The boot directory of a surrounding run goes: our `sitecustomize` chains to
/// the next one on the path, which is to be the user's own and not logq a second time.
fn python_path(boot: &Path, inherited: Option<&OsStr>) -> Result<OsString, Error> {
    let mut entries = vec![boot.to_owned()];
    if let Some(inherited) = inherited.filter(|inherited| !inherited.is_empty()) {
        entries.extend(env::split_paths(inherited).filter(|entry| !package::is_boot(entry)));
    }
    env::join_paths(entries).map_err(|_| Error::ColonInPath { path: PathBuf::from(boot) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(inherited: Option<&str>) -> String {
        let path = python_path(Path::new("/d/python/0123456789abcdef/logq/boot"), inherited.map(OsStr::new));
        path.expect("no colon").into_string().expect("UTF-8")
    }

    #[test]
    fn the_path_that_was_there_is_kept() {
        assert_eq!(joined(None), "/d/python/0123456789abcdef/logq/boot");
        assert_eq!(joined(Some("")), "/d/python/0123456789abcdef/logq/boot");
        assert_eq!(joined(Some("/a::b")), "/d/python/0123456789abcdef/logq/boot:/a::b");
        let nested = "/e/python/fedcba9876543210/logq/boot:/a";
        assert_eq!(joined(Some(nested)), "/d/python/0123456789abcdef/logq/boot:/a");
    }

    #[test]
    fn a_directory_with_a_colon_is_refused() {
        assert!(matches!(python_path(Path::new("/a:b/boot"), None), Err(Error::ColonInPath { .. })));
    }

    #[test]
    fn only_what_was_asked_for_is_set() {
        let names = |options: &RunOptions| -> Vec<&str> {
            let variables = variables(options, "r", "1-a/t1@2", Path::new("/boot")).expect("no colon");
            variables.into_iter().map(|(name, _)| name).filter(|name| *name != "LOGQ_BIN").collect()
        };
        let plain = RunOptions::new("/d/.logq", ["true"]);
        assert_eq!(names(&plain), ["LOGQ_DIR", "LOGQ_RUN", "LOGQ_PARENT", "PYTHONPATH"]);
        let capture = Some("events".to_owned());
        let all = RunOptions { capture, ring: Some(1), races: true, ..plain };
        assert_eq!(names(&all)[4..], ["LOGQ_CAPTURE", "LOGQ_RING", "LOGQ_RACES"]);
    }
}
