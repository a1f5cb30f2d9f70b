//! What a record is an instance of: a template and the place in the code where it was logged; of an event its kind and what
//! it is about. Numbers that differ from run to run are no part of it.

use std::collections::HashMap;

use crate::record::{Event, EventKind, Log, Site};

/// A template, a hand-over's object or another name that runs have in common, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameId(pub usize);

/// What stands behind a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// What a person reads: a message's template or its first instance, `queue jobs`, `ended`.
    pub text: String,
    pub place: Option<Place>,
}

/// A place in the code, wherever the code was unpacked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub file: String,
    pub line: u64,
    pub func: String,
}

/// The names that several runs have in common.
#[derive(Debug, Default)]
pub struct Names {
    by_key: HashMap<String, NameId>,
    all: Vec<Name>,
}

impl Place {
    pub fn of(site: &Site) -> Place {
        let file = site.file.rsplit(['/', '\\']).next().unwrap_or(&site.file);
        Place { file: file.to_owned(), line: site.line, func: site.func.clone() }
    }
}

impl Names {
    pub fn get(&self, id: NameId) -> &Name {
        &self.all[id.0]
    }

    /// The number of what this key and place stand for; `text` is how it reads when it is new.
    pub(super) fn intern(&mut self, key: &str, text: &str, place: Option<Place>) -> NameId {
        let place_key =
            place.as_ref().map_or_else(String::new, |place| format!("{}:{}:{}", place.file, place.line, place.func));
        let key = format!("{key}\0{place_key}");
        if let Some(known) = self.by_key.get(&key) {
            return *known;
        }
        let id = NameId(self.all.len());
        self.all.push(Name { text: text.to_owned(), place });
        self.by_key.insert(key, id);
        id
    }
}

/// Key, text and place of a log record.
pub(super) fn of_log(log: &Log) -> (String, String, Option<Place>) {
    let place = log.site.as_ref().map(Place::of);
    // Without arguments the message may have been put together before it was logged: then its place says more than it.
    let template = match (&log.tpl, &place) {
        (Some(tpl), _) => tpl.clone(),
        (None, Some(_)) => String::new(),
        (None, None) => masked(&log.msg),
    };
    let exc = log.exc.as_ref().map_or("", |exc| exc.kind.as_str());
    let key = format!("log\0{}\0{}\0{template}\0{exc}", log.level.name, log.logger);
    let text = format!("{} {}", log.level.name, log.tpl.as_ref().unwrap_or(&log.msg));
    let text = if exc.is_empty() { text } else { format!("{text} ({exc})") };
    (key, text, place)
}

/// Text and place of an event; `None` for those that depend on how long something took, or tell only names.
pub(super) fn of_event(event: &Event) -> Option<(String, Option<Place>)> {
    let text = match event.kind {
        EventKind::End => match event.end()?.how {
            Some("exc") => format!("died: {}", event.exception().unwrap_or_default().kind),
            Some("ok") | None => "ended".to_owned(),
            Some(how) => how.to_owned(),
        },
        EventKind::Exit => match event.exit()?.rc {
            Some(rc) => format!("process exits with {rc}"),
            None => "process exits".to_owned(),
        },
        EventKind::Exc => {
            let place = event.unhandled().and_then(|exc| exc.place).unwrap_or("program");
            format!("{} that nobody handled ({place})", event.exception()?.kind)
        }
        EventKind::Child => format!("starts process {}", masked(event.child()?.name.unwrap_or_default())),
        EventKind::Reap => {
            let reap = event.reap()?;
            match (reap.killed_by(), reap.rc) {
                (Some(signal), _) => format!("sees a process ended by signal {signal}"),
                (None, Some(rc)) => format!("sees a process end with {rc}"),
                (None, None) => "sees a process end".to_owned(),
            }
        }
        EventKind::Note => of_note(event)?,
        EventKind::Send => "sends".to_owned(),
        EventKind::Recv => "receives".to_owned(),
        EventKind::Acq => "takes".to_owned(),
        EventKind::Rel => "gives back".to_owned(),
        EventKind::Access => if event.access()?.rw == Some("w") { "writes" } else { "reads" }.to_owned(),
        EventKind::Other => event.name.to_string(),
        _ => return None,
    };
    Some((text, event.site().as_ref().map(Place::of)))
}

/// Facts that are noted; those on wake-ups are there only where somebody happened to be waiting.
fn of_note(event: &Event) -> Option<String> {
    let note = event.note()?;
    match note.what? {
        "notify" | "throttled" | "task_done" => None,
        "never-awaited" => Some(format!("{} was never awaited", note.function.or(note.name).unwrap_or("a coroutine"))),
        "retrieved" => Some("is told of a failure".to_owned()),
        "cancel" => Some("asks a task to cancel".to_owned()),
        "foreign" => Some("touches what belongs to a loop of another thread".to_owned()),
        "kill" => Some("sends a signal to a process".to_owned()),
        "put-rejected" => Some("finds no room in".to_owned()),
        "set" => Some("sets".to_owned()),
        "shutdown" => Some("shuts down".to_owned()),
        what => Some(what.to_owned()),
    }
}

/// The text with each number in it as `#`, and each word that only numbers and hexadecimal letters make up.
pub(super) fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for word in text.split_inclusive(|letter: char| !letter.is_alphanumeric()) {
        let end = word.chars().last().filter(|last| !last.is_alphanumeric());
        let bare = &word[..word.len() - end.map_or(0, char::len_utf8)];
        let is_hex = bare.len() >= 6 && bare.chars().all(|letter| letter.is_ascii_hexdigit());
        if is_hex && bare.contains(|letter: char| letter.is_ascii_digit()) {
            masked.push('#');
        } else {
            mask_digits(bare, &mut masked);
        }
        masked.extend(end);
    }
    masked
}

fn mask_digits(word: &str, masked: &mut String) {
    let mut in_number = false;
    for letter in word.chars() {
        let digit = letter.is_ascii_digit();
        if !digit {
            masked.push(letter);
        } else if !in_number {
            masked.push('#');
        }
        in_number = digit;
    }
}
