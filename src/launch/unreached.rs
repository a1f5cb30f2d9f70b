//! Why a program left no record: told from its command line and from who did record. A program that logq cannot
//! reach is run all the same; this is for the verdict to say so.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::recorded::Spool;

/// Why nothing, or nothing of the root, was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreached {
    /// Python was told to ignore its environment or its site module, which is how logq gets in: the flag as
    /// written (`-I`, `-E`, `-S`, or a cluster like `-sE`).
    IsolatedFlag(String),
    /// The command is no Python and started none that recorded: its name.
    NotPython(String),
    /// A Python by its name, or started through one, and yet no process of the run recorded: older than 3.9, ended
    /// before it had begun, or with an environment of its own. The interpreter's name.
    NoRecord(String),
}

impl fmt::Display for Unreached {
    /// The reason in words, to stand after "not recorded:".
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreached::IsolatedFlag(flag) => write!(
                out,
                "Python was started with {flag}, which keeps PYTHONPATH and so logq out; without the flag it \
                 records, or let the program call logq.install()"
            ),
            Unreached::NotPython(name) => write!(out, "{name} is not Python, and started no Python that recorded"),
            Unreached::NoRecord(name) => {
                write!(out, "{name} ran without logq: older than 3.9, ended while starting, or without our environment")
            }
        }
    }
}

/// `None` when the root recorded, or is no Python itself and some process that it started did.
pub(super) fn reason(command: &[OsString], root: u32, spool: &Spool) -> Option<Unreached> {
    let keys = spool.keys();
    if keys.contains_key(&root) {
        return None;
    }
    judge(&words_of(command), !keys.is_empty())
}

/// `words` is the command line as the kernel ran it; `someone_recorded` means another process than the root.
fn judge(words: &[String], someone_recorded: bool) -> Option<Unreached> {
    let place = words.iter().position(|word| is_python(word));
    let flag = place.and_then(|place| isolating_flag(&words[place + 1..]));
    match (place, flag) {
        // The root is the interpreter, so the flag is certain, whoever else recorded.
        (Some(0), Some(flag)) => Some(Unreached::IsolatedFlag(flag)),
        _ if someone_recorded => None,
        // `env python -I x.py`: further on it is only likely, and nobody recorded.
        (Some(_), Some(flag)) => Some(Unreached::IsolatedFlag(flag)),
        (Some(place), None) => Some(Unreached::NoRecord(name_of(&words[place]).to_owned())),
        (None, _) => Some(Unreached::NotPython(words.first().map(|word| name_of(word)).unwrap_or_default().to_owned())),
    }
}

/// The command line, with the interpreter of a script's `#!` line before it.
fn words_of(command: &[OsString]) -> Vec<String> {
    let mut words: Vec<String> = command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if let Some(line) = command.first().and_then(|program| find(program)).and_then(|path| interpreter(&path)) {
        words.splice(0..0, line);
    }
    words
}

/// The words of a script's first line after `#!`; `env` and what is meant for it left out.
pub(super) fn interpreter(script: &Path) -> Option<Vec<String>> {
    let mut start = Vec::new();
    // The kernel looks at no more than this.
    File::open(script).ok()?.take(256).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line).into_owned();
    let mut words: Vec<String> = line.split_ascii_whitespace().map(str::to_owned).collect();
    if words.first().is_some_and(|word| name_of(word) == "env") {
        let meant_for_env = words[1..].iter().take_while(|word| word.starts_with('-') || word.contains('=')).count();
        words.drain(..1 + meant_for_env);
    }
    (!words.is_empty()).then_some(words)
}

/// The file that a command's first word names, looked for as the kernel's `execvp` does.
pub(super) fn find(program: &OsStr) -> Option<PathBuf> {
    let as_path = Path::new(program);
    if as_path.components().count() > 1 || as_path.is_absolute() {
        return as_path.is_file().then(|| as_path.to_owned());
    }
    let path = env::var_os("PATH")?;
    let executable =
        |path: &PathBuf| path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    env::split_paths(&path).map(|folder| folder.join(program)).find(executable)
}

fn name_of(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// `python`, `python3.13t`, `pypy3`; not `python-config` and not `pythonic.py`.
fn is_python(word: &str) -> bool {
    let name = name_of(word);
    let version = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    version.is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || b".tdm".contains(&byte)))
}

/// The first of Python's own flags that keeps logq out. They end at the script, `-c`, `-m` or `-`.
fn isolating_flag(words: &[String]) -> Option<String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--check-hash-based-pycs" {
            words.next();
            continue;
        }
        if word.starts_with("--") {
            continue;
        }
        let letters = word.strip_prefix('-').filter(|letters| !letters.is_empty())?;
        for (place, letter) in letters.char_indices() {
            match letter {
                'I' | 'E' | 'S' => return Some(word.clone()),
                'c' | 'm' => return None,
                'X' | 'W' | 'Q' => {
                    if place + 1 == letters.len() {
                        words.next();
                    }
                    break;
                }
                _ => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn check(line: &str, someone_recorded: bool, expected: Option<Unreached>) {
        assert_eq!(judge(&words(line), someone_recorded), expected, "{line}");
    }

    #[test]
    fn flags_that_keep_logq_out() {
        let flag = |flag: &str| Some(Unreached::IsolatedFlag(flag.to_owned()));
        check("python -I x.py", false, flag("-I"));
        check("python -I x.py", true, flag("-I"));
        check("/usr/bin/python3.11 -u -sE -m mod", false, flag("-sE"));
        check("python3 -X dev -Walways -S -c pass", false, flag("-S"));
        check("env A=1 python -I x.py", false, flag("-I"));
        check("env A=1 python -I x.py", true, None);
    }

    #[test]
    fn flags_of_the_program_are_not_pythons() {
        let silent = Some(Unreached::NoRecord("python".to_owned()));
        for line in [
            "python x.py -I",
            "python -c -I",
            "python -m mod -E",
            "python -ucprint -S",
            "python -X -I x",
            "python - -I",
        ] {
            check(line, false, silent.clone());
        }
    }

    #[test]
    fn whoever_records_is_enough() {
        check("bash -c x", true, None);
        check("pytest", true, None);
        check("bash -c x", false, Some(Unreached::NotPython("bash".to_owned())));
        check("/bin/python-config", false, Some(Unreached::NotPython("python-config".to_owned())));
        check("python3.9 x.py", true, None);
    }

    #[test]
    fn a_scripts_first_line_counts() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("script");
        let check = |first_line: &str, expected: Option<&str>| {
            std::fs::write(&path, first_line).expect("written");
            assert_eq!(interpreter(&path), expected.map(words), "{first_line}");
        };
        check("#!/usr/bin/python3 -I\nimport x\n", Some("/usr/bin/python3 -I"));
        check("#!/usr/bin/env -S A=1 python3 -I\n", Some("python3 -I"));
        check("#! /bin/sh\n", Some("/bin/sh"));
        check("#!\n", None);
        check("import x\n", None);
    }
}
