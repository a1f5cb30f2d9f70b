//! The closed list of events.
//!
//! An [`Event`] keeps its keys as they were written; what they say, in types, is for [`super::readings`]. The Python twin
//! of the list is `python-handler/src/logq/events.py`; a test holds the two together.

use serde::Deserialize;
use serde_json::{Map, Value};

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
