//! The closed list of events, and what each one says.
//!
//! An [`Event`] keeps its keys as they were written; the typed readings ([`ProcEvent`], [`LaneEvent`], …)
//! borrow from them. `decode` checks the reading of every known kind, so that a known event whose keys
//! have the wrong shape becomes a malformed record instead of a surprise further on. The Python twin of the
//! list is `python-handler/src/logq/events.py`; a test holds the two together.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Exception, Frame};

macro_rules! event_kinds {
    ($($variant:ident = $name:literal: $about:literal,)*) => {
        /// What a primitive did. The order is that of the wire format's table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $(#[doc = $about] $variant,)*
            /// A kind that this version does not know: shown as it is.
            Other,
        }

        impl EventKind {
            /// Every known kind with its name on the wire.
            pub const ALL: &'static [(EventKind, &'static str)] = &[$((EventKind::$variant, $name),)*];
        }
    };
}

event_kinds! {
    Proc = "proc": "a process began to record",
    Lane = "lane": "a lane's first record",
    End = "end": "a lane ended",
    Exit = "exit": "a process ended by itself",
    Child = "child": "a process was started",
    Reap = "reap": "the end of a child was seen",
    Obj = "obj": "an object's name, kind and place of creation",
    Wait = "wait": "a lane is blocked",
    Got = "got": "a wait ended",
    Send = "send": "a value was handed over",
    Recv = "recv": "a value was received",
    Begin = "begin": "work that had waited in a pool began",
    Acq = "acq": "a lock was taken",
    Rel = "rel": "a lock was given back",
    Nest = "nest": "a lock was taken while others were held",
    Note = "note": "a fact that a diagnosis needs",
    Exc = "exc": "an exception that nobody handled",
    Access = "access": "a watched variable was touched",
    Blocked = "blocked": "an event loop does not turn",
    Snap = "snap": "a snapshot of a process",
    Sync = "sync": "carries stamps",
    Lost = "lost": "records that could not be written",
}

impl EventKind {
    pub fn named(name: &str) -> EventKind {
        EventKind::ALL.iter().find(|(_, own)| *own == name).map_or(EventKind::Other, |(kind, _)| *kind)
    }
}

/// One event: its kind, its name as written, and its keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub kind: EventKind,
    /// The name on the wire; for [`EventKind::Other`] the only thing known of it.
    pub name: Box<str>,
    pub keys: Map<String, Value>,
}

/// A place in the user's code; on the wire `[file, line, func]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Site {
    pub file: String,
    pub line: u64,
    pub func: String,
}

impl<'de> Deserialize<'de> for Site {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Site, D::Error> {
        let (file, line, func) = <(String, u64, Option<String>)>::deserialize(from)?;
        Ok(Site { file, line, func: func.unwrap_or_default() })
    }
}

/// `proc`: the first line of every part.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ProcEvent<'a> {
    pub n: Option<u32>,
    pub part: Option<u32>,
    pub how: Option<&'a str>,
    pub from: Option<&'a str>,
    pub name: Option<&'a str>,
    pub thread: Option<&'a str>,
    pub tid: Option<u64>,
    pub ppid: Option<u32>,
    #[serde(default, borrow)]
    pub argv: Vec<&'a str>,
    pub python: Option<&'a str>,
    pub host: Option<&'a str>,
    pub run: Option<&'a str>,
    pub logq: Option<&'a str>,
}

/// `lane`: a lane's first record.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LaneEvent<'a> {
    pub kind: Option<&'a str>,
    pub name: Option<&'a str>,
    #[serde(rename = "fn")]
    pub function: Option<&'a str>,
    pub tid: Option<u64>,
    pub daemon: Option<bool>,
    pub from: Option<&'a str>,
    pub site: Option<Site>,
    /// When the lane began, monotonic ns: the line itself may be written much later.
    pub began: Option<u64>,
}

/// `end`: a lane ended.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct EndEvent<'a> {
    pub how: Option<&'a str>,
    pub exc: Option<ExcText>,
    /// CPU time of the lane, ns.
    pub cpu: Option<u64>,
}

/// An exception in short: `{type, msg}`, or its text alone.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum ExcText {
    Parts {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        msg: String,
    },
    Text(String),
}

impl std::fmt::Display for ExcText {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ExcText::Parts { kind, msg } if msg.is_empty() => out.write_str(kind),
            ExcText::Parts { kind, msg } => write!(out, "{kind}: {msg}"),
            ExcText::Text(text) => out.write_str(text),
        }
    }
}

/// `exit`: a process ended by itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ExitEvent<'a> {
    pub rc: Option<i64>,
    pub how: Option<&'a str>,
    pub cpu: Option<u64>,
    #[serde(default)]
    pub unretrieved: Vec<Unretrieved>,
    #[serde(default)]
    pub folded: Vec<Folded>,
}

/// A future that failed and that no one has asked by the end of the process.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Unretrieved {
    pub obj: Option<String>,
    pub lane: Option<String>,
    pub site: Option<Site>,
    pub exc: Option<ExcText>,
}

/// Short silent lanes that ended well, by the place that made them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Folded {
    pub site: Option<Site>,
    #[serde(rename = "fn")]
    pub function: Option<String>,
    pub n: u64,
}

/// `child`: a process was started. Its keys are not called `pid` and `proc`: those are the writer's, in every
/// record.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ChildEvent<'a> {
    pub child_pid: Option<u32>,
    pub child_proc: Option<&'a str>,
    pub name: Option<&'a str>,
    #[serde(default, borrow)]
    pub argv: Vec<&'a str>,
    pub site: Option<Site>,
}

/// `reap`: the end of a child was seen. A negative `rc` is Python's way to say a signal.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ReapEvent<'a> {
    pub child_pid: Option<u32>,
    pub child_proc: Option<&'a str>,
    pub rc: Option<i64>,
    pub signal: Option<i64>,
}

impl ReapEvent<'_> {
    /// The signal that ended the child, whichever way it was written.
    pub fn killed_by(&self) -> Option<i64> {
        self.signal.or_else(|| self.rc.filter(|rc| *rc < 0).map(i64::abs))
    }
}

/// `obj`: an object's name, kind and place of creation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ObjEvent<'a> {
    pub obj: &'a str,
    pub kind: Option<&'a str>,
    pub name: Option<&'a str>,
    pub site: Option<Site>,
}

/// `wait`: a lane is blocked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WaitEvent<'a> {
    pub obj: Option<&'a str>,
    pub on: Option<&'a str>,
    /// The lane that has what is waited for.
    pub owner: Option<&'a str>,
    /// Where and when (`mono`, ns) the owner took it.
    pub held_at: Option<Site>,
    pub held_since: Option<u64>,
    /// What the waiting lane holds itself.
    #[serde(default)]
    pub held: Vec<HeldLock>,
    pub timeout: Option<f64>,
    pub since: Option<u64>,
}

/// A lock that a waiting lane holds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct HeldLock {
    pub obj: String,
    pub site: Option<Site>,
    /// `mono`, ns.
    pub since: Option<u64>,
}

/// `got`: that wait ended.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GotEvent<'a> {
    pub obj: Option<&'a str>,
    pub waited: Option<u64>,
    pub res: Option<&'a str>,
}

/// `send` and `recv`: a hand-over that carries a value.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TransferEvent<'a> {
    pub obj: Option<&'a str>,
    pub via: Option<&'a str>,
    pub from: Option<&'a str>,
}

/// `note`: a fact that a diagnosis needs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NoteEvent<'a> {
    pub what: Option<&'a str>,
    pub obj: Option<&'a str>,
    pub sig: Option<i64>,
}

/// `exc`: an exception nobody handled, or that no one has fetched.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ExcEvent<'a> {
    #[serde(rename = "where")]
    pub place: Option<&'a str>,
    pub obj: Option<&'a str>,
    pub target: Option<&'a str>,
    pub hook: Option<&'a str>,
}

/// `lost`: records that could not be written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LostEvent<'a> {
    pub n: Option<u64>,
    pub why: Option<&'a str>,
}

impl Event {
    /// The typed reading of the keys.
    ///
    /// # Errors
    /// Where a key that the reading knows has another shape. `decode` lets no such event through for the
    /// kinds of [`Event::check`].
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.keys)
    }

    /// The typed reading when the event is of that kind.
    fn read_as<'a, T: Deserialize<'a>>(&'a self, kind: EventKind) -> Option<T> {
        if self.kind == kind { self.read().ok() } else { None }
    }

    pub fn proc(&self) -> Option<ProcEvent<'_>> {
        self.read_as(EventKind::Proc)
    }

    pub fn lane(&self) -> Option<LaneEvent<'_>> {
        self.read_as(EventKind::Lane)
    }

    pub fn end(&self) -> Option<EndEvent<'_>> {
        self.read_as(EventKind::End)
    }

    pub fn exit(&self) -> Option<ExitEvent<'_>> {
        self.read_as(EventKind::Exit)
    }

    pub fn child(&self) -> Option<ChildEvent<'_>> {
        self.read_as(EventKind::Child)
    }

    pub fn reap(&self) -> Option<ReapEvent<'_>> {
        self.read_as(EventKind::Reap)
    }

    pub fn object(&self) -> Option<ObjEvent<'_>> {
        self.read_as(EventKind::Obj)
    }

    pub fn wait(&self) -> Option<WaitEvent<'_>> {
        self.read_as(EventKind::Wait)
    }

    pub fn got(&self) -> Option<GotEvent<'_>> {
        self.read_as(EventKind::Got)
    }

    pub fn transfer(&self) -> Option<TransferEvent<'_>> {
        match self.kind {
            EventKind::Send | EventKind::Recv => self.read().ok(),
            _ => None,
        }
    }

    pub fn note(&self) -> Option<NoteEvent<'_>> {
        self.read_as(EventKind::Note)
    }

    pub fn unhandled(&self) -> Option<ExcEvent<'_>> {
        self.read_as(EventKind::Exc)
    }

    pub fn lost(&self) -> Option<LostEvent<'_>> {
        self.read_as(EventKind::Lost)
    }

    /// The object that the event is about.
    pub fn obj(&self) -> Option<&str> {
        self.keys.get("obj").and_then(Value::as_str)
    }

    pub fn site(&self) -> Option<Site> {
        Site::deserialize(self.keys.get("site")?).ok()
    }

    /// The exception of an `exc` event, or of an `end` by exception.
    pub fn exception(&self) -> Option<Exception> {
        match self.kind {
            EventKind::Exc => Some(Exception {
                kind: self.keys.get("type").and_then(Value::as_str).unwrap_or_default().to_owned(),
                msg: self.keys.get("msg").and_then(Value::as_str).unwrap_or_default().to_owned(),
                stack: self
                    .keys
                    .get("stack")
                    .and_then(|stack| Vec::<Frame>::deserialize(stack).ok())
                    .unwrap_or_default(),
                cause: self.keys.get("cause").and_then(Exception::of_json).map(Box::new),
            }),
            EventKind::End => Exception::of_json(self.keys.get("exc")?),
            _ => None,
        }
    }

    /// Whether the keys of a known kind have the shape that its reading expects.
    ///
    /// # Errors
    /// What is wrong, for the reason of a malformed record.
    pub fn check(&self) -> Result<(), serde_json::Error> {
        match self.kind {
            EventKind::Proc => self.read::<ProcEvent>().map(drop),
            EventKind::Lane => self.read::<LaneEvent>().map(drop),
            EventKind::End => self.read::<EndEvent>().map(drop),
            EventKind::Exit => self.read::<ExitEvent>().map(drop),
            EventKind::Child => self.read::<ChildEvent>().map(drop),
            EventKind::Reap => self.read::<ReapEvent>().map(drop),
            EventKind::Obj => self.read::<ObjEvent>().map(drop),
            EventKind::Wait => self.read::<WaitEvent>().map(drop),
            EventKind::Got => self.read::<GotEvent>().map(drop),
            EventKind::Send | EventKind::Recv => self.read::<TransferEvent>().map(drop),
            EventKind::Note => self.read::<NoteEvent>().map(drop),
            EventKind::Exc => self.read::<ExcEvent>().map(drop),
            EventKind::Lost => self.read::<LostEvent>().map(drop),
            _ => Ok(()),
        }
    }
}
