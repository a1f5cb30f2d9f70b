//! Asking a process that runs for a snapshot of itself: a file beside its parts, which its watchdog looks for, and a
//! record that answers. Nothing here waits: whoever asks looks for the answer as often as it likes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::directory::random_name;
use crate::record::decode::Place;
use crate::record::{Record, decode};

/// The name that a watchdog gives its thread.
const WATCHDOG: &str = "logq";

/// What has been asked, and how far the answer has been looked for.
#[derive(Debug)]
pub struct Question {
    spool: PathBuf,
    key: String,
    token: String,
    part: u32,
    offset: u64,
    /// What was read of a line that had no end yet.
    begun: Vec<u8>,
}

/// The snapshot that was asked for.
#[derive(Debug)]
pub struct Answer {
    pub record: Record,
    /// Its line, without the newline.
    pub line: Vec<u8>,
}

/// Whether the process has a watchdog that can answer.
pub fn is_watched(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    let name = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("comm")).ok();
    threads.filter_map(Result::ok).filter_map(name).any(|name| name.trim_end() == WATCHDOG)
}

/// Asks the process with this key; `why` is what the snapshot will say it was taken for.
///
/// # Errors
/// When the file cannot be written.
pub fn ask(spool: &Path, key: &str, why: &str) -> io::Result<Question> {
    let (part, offset) = newest_part(spool, key);
    let token = random_name(12);
    let question = Question { spool: spool.to_owned(), key: key.to_owned(), token, part, offset, begun: Vec::new() };
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(question.path())?;
    writeln!(file, "{why} {}", question.token)?;
    Ok(question)
}

impl Question {
    /// The snapshot that answers, once it is there.
    pub fn answer(&mut self) -> Option<Answer> {
        loop {
            if let Some(answer) = self.read_on() {
                return Some(answer);
            }
            let next = self.part_path(self.part + 1);
            if !next.exists() {
                return None;
            }
            (self.part, self.offset) = (self.part + 1, 0);
            self.begun.clear();
        }
    }

    /// Nobody waits for the answer any more.
    pub fn withdraw(&self) {
        // It is gone already when it was answered.
        let _ = fs::remove_file(self.path());
    }

    fn path(&self) -> PathBuf {
        self.spool.join(format!("{}.ctl", self.key))
    }

    fn part_path(&self, part: u32) -> PathBuf {
        self.spool.join(format!("{}.{part}.jsonl", self.key))
    }

    fn read_on(&mut self) -> Option<Answer> {
        let mut file = File::open(self.part_path(self.part)).ok()?;
        file.seek(SeekFrom::Start(self.offset)).ok()?;
        let mut bytes = std::mem::take(&mut self.begun);
        let begun = bytes.len();
        // What an error cut short is read again the next time.
        let _ = file.read_to_end(&mut bytes);
        self.offset += (bytes.len() - begun) as u64;
        let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1);
        self.begun = bytes.split_off(whole);
        bytes.split(|byte| *byte == b'\n').find_map(|line| self.read_line(line))
    }

    fn read_line(&self, line: &[u8]) -> Option<Answer> {
        memchr::memmem::find(line, self.token.as_bytes())?;
        let place = Place { proc: self.key.as_str().into(), process: None, part: self.part, offset: 0 };
        let record = decode(line, &place);
        let is_ours = record.event()?.snapshot()?.request == Some(self.token.as_str());
        is_ours.then(|| Answer { record, line: line.to_vec() })
    }
}

/// The newest part of a process, and its length.
fn newest_part(spool: &Path, key: &str) -> (u32, u64) {
    let length = |part: u32| fs::metadata(spool.join(format!("{key}.{part}.jsonl"))).map(|found| found.len());
    let entries = fs::read_dir(spool).into_iter().flatten().filter_map(Result::ok);
    let part = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        name.strip_prefix(key)?.strip_prefix('.')?.strip_suffix(".jsonl")?.parse::<u32>().ok()
    };
    let newest = entries.filter_map(part).max().unwrap_or(1);
    (newest, length(newest).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_found_in_the_part_it_was_written_to() {
        let spool = tempfile::tempdir().expect("a directory");
        let part = |number: u32| spool.path().join(format!("7-aaaaaa.{number}.jsonl"));
        fs::write(part(1), "{}\n").expect("written");
        let mut question = ask(spool.path(), "7-aaaaaa", "dump").expect("asked");
        let asked = fs::read_to_string(spool.path().join("7-aaaaaa.ctl")).expect("a file");
        assert_eq!(asked, format!("dump {}\n", question.token));
        assert!(question.answer().is_none());

        let snap = format!(
            r#"{{"ts":"2026-11-22T17:15:03.000000000Z","mono":5,"proc":"7-aaaaaa","pid":7,"lane":"w1","seq":2,"ev":"snap","why":"dump","request":"{}","lanes":[]}}"#,
            question.token
        );
        let (begin, end) = snap.split_at(40);
        let log = snap.replace("\"ev\":\"snap\"", "\"msg\":\"m\",\"level\":\"INFO\"");
        fs::write(part(2), format!("{log}\n{begin}")).expect("written");
        assert!(question.answer().is_none(), "half a line is no answer");
        let mut grown = OpenOptions::new().append(true).open(part(2)).expect("open");
        grown.write_all(format!("{end}\n").as_bytes()).expect("written");
        assert_eq!(question.answer().expect("an answer").record.seq, 2);
        question.withdraw();
        assert!(!spool.path().join("7-aaaaaa.ctl").exists());
    }
}
