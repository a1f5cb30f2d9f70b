//! Lines of other systems: what they say, in our terms, and how that is written as a line of our own.
//!
//! [`Form`] finds out in which form a file is written and which lines make one record; [`Said`] is what a record says;
//! [`Said::write`] makes a line of the wire format of it. Whatever has no place of its own is kept in `extra`: nothing that a
//! line says is lost. The one alias table is in `names`, and queries use it too.

pub mod clock;
mod form;
#[cfg(test)]
mod fuzz;
mod items;
mod json;
mod keys;
mod logfmt;
mod loguru;
mod names;
mod otlp;
mod own;
mod syslog;
mod text;
mod traceback;
mod wire;

use serde_json::{Map, Value};

use super::Level;

pub use clock::Clock;
pub use form::{Form, Input, Open, Understood};
pub use names::{aliases, canonical};
pub use own::Own;
pub use wire::{Beginning, Origin, Spot, Written, write_lane, write_loss, write_proc, written};

/// What one record of a foreign log says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Said {
    /// Nanoseconds since 1970; `None` where the line has no time.
    pub ts: Option<i64>,
    pub level: Option<Level>,
    pub logger: Option<String>,
    pub msg: String,
    pub tpl: Option<String>,
    pub thread: Option<String>,
    pub tid: Option<u64>,
    pub task: Option<String>,
    pub pid: Option<u32>,
    /// Name of the process.
    pub process: Option<String>,
    pub host: Option<String>,
    pub file: Option<String>,
    pub line: Option<u64>,
    pub func: Option<String>,
    /// `{type, msg, stack, cause}`.
    pub exc: Option<Value>,
    pub stack: Option<String>,
    pub extra: Map<String, Value>,
}

impl Said {
    /// A line that is only text.
    pub fn text(text: impl Into<String>) -> Said {
        Said { msg: text.into(), ..Said::default() }
    }

    /// Cuts what names a level, a lane, a process or a host to the length of a name: each becomes a term, a key of a table, a
    /// line that is repeated. Where one is longer the whole stands in `extra`.
    pub fn shorten_names(&mut self) {
        let Said { thread, task, process, host, extra, .. } = self;
        for (key, name) in [("thread", thread), ("task", task), ("process", process), ("host", host)] {
            let Some(name) = name.as_mut().filter(|name| name.len() > LONGEST_NAME) else { continue };
            let short = beginning(name).to_owned();
            let whole = std::mem::replace(name, short);
            if !extra.values().any(|value| value.as_str() == Some(&whole)) {
                keys::keep(extra, key, whole.into());
            }
        }
        if let Some(level) = self.level.as_mut().filter(|level| level.name.len() > LONGEST_NAME) {
            let short = beginning(&level.name).into();
            keys::keep(extra, "level", std::mem::replace(&mut level.name, short).as_ref().into());
        }
    }
}

/// In bytes.
const LONGEST_NAME: usize = 256;

fn beginning(name: &str) -> &str {
    let end = (0..=LONGEST_NAME).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    &name[..end]
}

/// A level under one name, however it was spelt.
fn level_named(name: &str) -> Level {
    let name = name.trim();
    let level = Level::named(name);
    let known = super::level::number_of(name).is_some();
    match super::level::canonical(level.number).filter(|_| known) {
        Some(usual) => Level { name: usual.into(), number: level.number },
        None if known => Level { name: name.to_ascii_uppercase().into(), number: level.number },
        None => level,
    }
}

/// The level of a number on Python's scale: one of the usual names, or Python's own for others.
fn level_of_number(number: u16) -> Level {
    let name = super::level::canonical(number).map_or_else(|| format!("Level {number}"), str::to_owned);
    Level { name: name.into(), number }
}

/// Text without the escape sequences that colour it on a terminal.
fn without_colour(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' && letters.peek() == Some(&'[') {
            // A control sequence goes up to its first letter, and is short.
            let _ = letters.by_ref().take(32).skip(1).find(char::is_ascii_alphabetic);
        } else {
            plain.push(letter);
        }
    }
    plain.into()
}
