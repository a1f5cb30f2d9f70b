//! Names of things in a run: lanes, record ids, stamps; how they are written and read back.
//!
//! A record id is `1.t3@17`: process 1, lane t3, its 17th record. A stamp is what a hand-over carries:
//! `t1@12`, or `4242-k3f9xz/t1@12` from another process, with `|queue:2` behind it where an object
//! carried it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What kind of control flow a lane is; the letter of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LaneKind {
    Thread,
    Task,
    Greenlet,
    /// logq's own watchdog: never counted, never diagnosed.
    Watchdog,
    /// Not a lane of the program: the unreadable lines of one part. The lane's number is the part's, the
    /// record's number is the offset of the line in it.
    Unreadable,
    /// The lines of a foreign file that say nothing of threads.
    File,
}

const LETTERS: [(LaneKind, char); 6] = [
    (LaneKind::Thread, 't'),
    (LaneKind::Task, 'a'),
    (LaneKind::Greenlet, 'g'),
    (LaneKind::Watchdog, 'w'),
    (LaneKind::Unreadable, 'x'),
    (LaneKind::File, 'f'),
];

impl LaneKind {
    pub fn letter(self) -> char {
        LETTERS.iter().find(|(kind, _)| *kind == self).map_or('?', |(_, letter)| *letter)
    }

    /// Whether many such lanes share a thread, which runs one of them at a time.
    pub fn shares_a_thread(self) -> bool {
        matches!(self, LaneKind::Task | LaneKind::Greenlet)
    }

    fn of_letter(letter: char) -> Option<LaneKind> {
        LETTERS.iter().find(|(_, own)| *own == letter).map(|(kind, _)| *kind)
    }
}

/// One sequential flow of control inside a process: `t3`, `a17`, `g2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    pub kind: LaneKind,
    pub number: u64,
}

impl Lane {
    /// The lane that every process begins with.
    pub const MAIN: Lane = Lane { kind: LaneKind::Thread, number: 1 };

    fn of(text: &str) -> Option<Lane> {
        let mut letters = text.chars();
        let kind = LaneKind::of_letter(letters.next()?)?;
        Some(Lane { kind, number: digits(letters.as_str())? })
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.kind.letter(), self.number)
    }
}

/// Text that was to be an id, a lane or a stamp and is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not {1}")]
pub struct BadName(pub String, pub &'static str);

impl FromStr for Lane {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Lane, BadName> {
        Lane::of(text).ok_or_else(|| BadName(text.to_owned(), "a lane like t3, a17 or g2"))
    }
}

/// A number written with digits alone: `+3`, which `u64::from_str` takes, is no lane number.
fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A lane of a run: the process's key and the lane inside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneRef {
    pub proc: Arc<str>,
    pub lane: Lane,
}

/// The name of one record of a run, stable for ever.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecordId {
    /// The process's number; `None` where its `proc` event is lost, then the key is shown instead.
    pub process: Option<u32>,
    pub proc: Arc<str>,
    pub lane: Lane,
    pub seq: u64,
}

impl fmt::Display for RecordId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.process {
            Some(number) => write!(out, "{number}.{}@{}", self.lane, self.seq),
            None => write!(out, "{}/{}@{}", self.proc, self.lane, self.seq),
        }
    }
}

/// What a person typed to name a record: the process by number or by key, or not at all (`t3@17`: the
/// run's only process, or the one that `--process` names).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordName {
    pub process: ProcessName,
    pub lane: Lane,
    pub seq: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessName {
    Unsaid,
    Number(u32),
    Key(String),
}

impl FromStr for RecordName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<RecordName, BadName> {
        let bad = || BadName(text.to_owned(), "a record id like 1.t3@17");
        let (place, seq) = text.rsplit_once('@').ok_or_else(bad)?;
        let seq = digits(seq).ok_or_else(bad)?;
        let (process, lane) = if let Some((key, lane)) = place.rsplit_once('/') {
            (ProcessName::Key(key.to_owned()), lane)
        } else if let Some((number, lane)) = place.split_once('.') {
            let number = digits(number).and_then(|n| u32::try_from(n).ok()).ok_or_else(bad)?;
            (ProcessName::Number(number), lane)
        } else {
            (ProcessName::Unsaid, place)
        };
        let lane = lane.parse().map_err(|_| bad())?;
        Ok(RecordName { process, lane, seq })
    }
}

/// The id of the last record of a lane, as a hand-over carried it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Key of the process; `None` means the process of the record that holds the stamp.
    pub proc: Option<Arc<str>>,
    pub lane: Lane,
    /// All of the lane's records up to this one; 0 is legal and means none.
    pub seq: u64,
    /// The object that carried it, like `queue:2`.
    pub by: Option<Box<str>>,
}

impl fmt::Display for Stamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(proc) = &self.proc {
            write!(out, "{proc}/")?;
        }
        write!(out, "{}@{}", self.lane, self.seq)?;
        match &self.by {
            Some(by) => write!(out, "|{by}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Stamp {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Stamp, BadName> {
        let bad = || BadName(text.to_owned(), "a stamp like t1@12 or 4242-k3f9xz/t1@12|queue:2");
        StampRef::parse(text).map(|stamp| stamp.to_owned()).ok_or_else(bad)
    }
}

/// A [`Stamp`] in somebody else's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StampRef<'a> {
    pub proc: Option<&'a str>,
    pub lane: Lane,
    pub seq: u64,
    pub by: Option<&'a str>,
}

impl<'a> StampRef<'a> {
    pub fn parse(text: &'a str) -> Option<StampRef<'a>> {
        let (name, by) = match text.split_once('|') {
            Some((name, by)) => (name, Some(by)),
            None => (text, None),
        };
        let (place, seq) = name.rsplit_once('@')?;
        let (proc, lane) = match place.rsplit_once('/') {
            Some((proc, lane)) if !proc.is_empty() => (Some(proc), lane),
            Some(_) => return None,
            None => (None, place),
        };
        Some(StampRef { proc, lane: Lane::of(lane)?, seq: digits(seq)?, by })
    }

    pub fn to_owned(&self) -> Stamp {
        Stamp { proc: self.proc.map(Arc::from), lane: self.lane, seq: self.seq, by: self.by.map(Box::from) }
    }
}

impl Stamp {
    pub fn borrowed(&self) -> StampRef<'_> {
        StampRef { proc: self.proc.as_deref(), lane: self.lane, seq: self.seq, by: self.by.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ["t1@12", "4242-k3f9xz/t1@12", "a17@0|queue:2", "4242-k3f9xz/t1@12|9-aaaaaa/queue:2"] {
            assert_eq!(text.parse::<Stamp>().map(|stamp| stamp.to_string()).as_deref(), Ok(text));
        }
        let name: RecordName = "1.t3@17".parse().expect("an id");
        assert_eq!((name.process, name.lane.to_string().as_str(), name.seq), (ProcessName::Number(1), "t3", 17));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "@", "t@1", "t1@", "t1", "q1@1", "t+1@1", "/t1@1", "t1@-1", "t1@99999999999999999999999"] {
            assert!(text.parse::<Stamp>().is_err(), "{text}");
        }
        for text in ["", "1.@1", ".t1@1", "1.t1", "-1.t1@2", "99999999999.t1@1"] {
            assert!(text.parse::<RecordName>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in ".{0,40}") {
            let _ = text.parse::<Stamp>();
            let _ = text.parse::<RecordName>();
            let _ = text.parse::<Lane>();
        }
    }
}
