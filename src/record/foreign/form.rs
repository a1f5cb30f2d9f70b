//! In which form a file is written, which of its lines make one record, and what each record says. Found out from the file's
//! first lines and corrected as more come; a line of another form is understood all the same, or kept as text.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::clock::Clock;
use super::text::{self, Layout};
use super::{Own, Said, json, logfmt, syslog, traceback, without_colour};

/// What a person says of a file's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Input {
    #[default]
    Auto,
    /// logq's own.
    Logq,
    Json,
    Logfmt,
    Text,
}

/// Lines that a form is told from.
const SAMPLE: usize = 200;

/// How long a line of the sample may be; and of a line whose head is looked for.
const LONGEST_HEAD: usize = 2000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Shape {
    #[default]
    Unknown,
    Json,
    Logfmt,
    Text,
}

/// How the lines of one file are read.
#[derive(Debug, Clone)]
pub struct Form {
    input: Input,
    /// The head of a line as a person gave it, in named groups.
    pattern: Option<Regex>,
    shape: Shape,
    layout: Option<Layout>,
    sample: Vec<String>,
    /// How large the sample was when the layout was last found.
    learnt_from: usize,
    pub clock: Clock,
}

/// What is open behind a line: whether and how the next one may go on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Open {
    /// The record is whole.
    #[default]
    Nothing,
    /// An object over several lines.
    Braces,
    Text,
    Traceback,
    /// The line that names the exception has been: only what it followed from may still come.
    TracebackEnd,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq)]
pub enum Understood {
    Said(Vec<Said>),
    /// No form fits: kept as text.
    Text(Box<Said>),
    /// A line of logq's own.
    Own(Own),
}

impl Form {
    pub fn new(input: Input, pattern: Option<Regex>, clock: Clock) -> Form {
        Form { input, pattern, shape: Shape::Unknown, layout: None, sample: Vec::new(), learnt_from: 0, clock }
    }

    /// Whether more lines would tell more of the form.
    pub fn is_curious(&self) -> bool {
        self.sample.len() < SAMPLE && self.pattern.is_none()
    }

    /// Looks at lines that are about to be read.
    pub fn look_at(&mut self, lines: &[u8]) {
        if !self.is_curious() {
            return;
        }
        for line in lines.split(|byte| *byte == b'\n') {
            let line = &line[..line.len().min(LONGEST_HEAD)];
            if self.sample.len() < SAMPLE && !line.trim_ascii().is_empty() {
                let text = String::from_utf8_lossy(line);
                self.sample.push(without_colour(text.trim_end()).trim_start_matches(['\0', '\u{feff}']).to_owned());
            }
        }
        // Twice as many lines may tell something else.
        if self.sample.len() >= (self.learnt_from * 2).max(1) {
            self.learnt_from = self.sample.len();
            self.learn();
        }
    }

    fn learn(&mut self) {
        let is_json = |line: &&String| line.starts_with('{');
        let json = self.sample.iter().filter(is_json).count();
        let pairs = || self.sample.iter().filter(|line| logfmt::is_one(line)).count();
        self.shape = match self.input {
            Input::Json | Input::Logq => Shape::Json,
            Input::Logfmt => Shape::Logfmt,
            Input::Text => Shape::Text,
            Input::Auto if json * 2 >= self.sample.len() || self.sample.first().is_some_and(|line| line == "{") => {
                Shape::Json
            }
            Input::Auto if pairs() * 2 >= self.sample.len() => Shape::Logfmt,
            Input::Auto => Shape::Text,
        };
        self.layout = if self.shape == Shape::Text { Layout::learn(&self.sample, &self.clock) } else { None };
    }

    /// Whether a line begins a record, and what is open behind it.
    pub fn step(&self, open: Open, line: &[u8]) -> (bool, Open) {
        let text = as_text(&line[..line.len().min(LONGEST_HEAD)]);
        let text = trimmed(&text);
        let is_inside = || text.is_empty() || text.starts_with([' ', '\t', '"', ']', '}']);
        let open = match open {
            Open::Braces if text == "}" => return (false, Open::Nothing),
            Open::Braces if is_inside() => return (false, Open::Braces),
            // The brace was another text's: an object over several lines is indented, or at least its keys are quoted.
            Open::Braces => Open::Nothing,
            open => open,
        };
        if let Some(pattern) = &self.pattern {
            return (pattern.is_match(text) || open == Open::Nothing, Open::Text);
        }
        match self.shape {
            Shape::Json | Shape::Unknown if text == "{" => (true, Open::Braces),
            Shape::Json | Shape::Unknown if text.starts_with('{') => (true, Open::Nothing),
            Shape::Logfmt if logfmt::is_one(text) => (true, Open::Nothing),
            Shape::Text => match &self.layout {
                Some(layout) => (layout.begins(text, &self.clock) || open == Open::Nothing, Open::Text),
                None => loose(open, text),
            },
            _ => loose(open, text),
        }
    }

    /// What the lines of one record say.
    pub fn understand(&self, block: &[u8]) -> Understood {
        let text = as_text(block);
        let text = trimmed(&text);
        match Own::of(text).filter(|_| self.may_be_json()) {
            Some(own) => Understood::Own(own),
            None => self.understand_text(text),
        }
    }

    /// What they say as another system's, whatever they look like.
    pub fn understand_foreign(&self, block: &[u8]) -> Understood {
        self.understand_text(trimmed(&as_text(block)))
    }

    fn understand_text(&self, text: &str) -> Understood {
        if text.starts_with('{')
            && self.may_be_json()
            && let Ok(said) = json::read(text, &self.clock)
        {
            return Understood::Said(said);
        }
        let text = without_colour(text);
        match self.read_text(&text) {
            Some(said) => Understood::Said(vec![said]),
            None => Understood::Text(Box::new(with_traceback(Said::text(""), &text))),
        }
    }

    fn may_be_json(&self) -> bool {
        self.input != Input::Text && self.pattern.is_none()
    }

    fn read_text(&self, text: &str) -> Option<Said> {
        let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
        let head = head.trim_end();
        let said = if let Some(pattern) = &self.pattern {
            of_captures(pattern, head, &self.clock)?
        } else if let Some(pairs) = (self.shape == Shape::Logfmt).then(|| logfmt::read(head)).flatten() {
            json::said_flat(pairs, &self.clock)
        } else {
            let by_layout = || self.layout.as_ref().and_then(|layout| layout.read(head, &self.clock));
            let said =
                syslog::read(head, &self.clock).or_else(by_layout).or_else(|| text::read_freely(head, &self.clock))?;
            with_pairs(said)
        };
        Some(if rest.is_empty() { said } else { with_traceback(said, rest) })
    }
}

/// Bytes as text, whatever they are; most are.
fn as_text(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Without what may stand around a text and says nothing.
fn trimmed(text: &str) -> &str {
    text.trim_end().trim_start_matches(['\0', '\u{feff}'])
}

/// Lines without a head: each is a record, but a traceback is one, and what is indented belongs to the line before.
fn loose(open: Open, text: &str) -> (bool, Open) {
    let is_inside = text.is_empty() || text.starts_with([' ', '\t']);
    match open {
        Open::Traceback if is_inside => (false, Open::Traceback),
        Open::Traceback => (false, Open::TracebackEnd),
        Open::TracebackEnd
            if text.is_empty() || text.ends_with("exception occurred:") || text.ends_with("following exception:") =>
        {
            (false, Open::TracebackEnd)
        }
        Open::TracebackEnd if traceback::begins(text) => (false, Open::Traceback),
        _ if traceback::begins(text) => (true, Open::Traceback),
        Open::Text if is_inside => (false, Open::Text),
        _ => (true, Open::Text),
    }
}

/// Adds the lines that follow a record's first: its traceback, or more of its message.
fn with_traceback(mut said: Said, rest: &str) -> Said {
    let at = rest.split_inclusive('\n').scan(0, |at, line| {
        let begin = *at;
        *at += line.len();
        Some((begin, line.trim_end_matches(['\r', '\n'])))
    });
    let begin = at.into_iter().find(|(_, line)| traceback::begins(line)).map(|(at, _)| at);
    let exception = begin.and_then(|begin| traceback::parse(rest.get(begin..)?)).filter(|_| said.exc.is_none());
    let more = match (&exception, begin) {
        (Some(_), Some(begin)) => rest[..begin].trim_end(),
        _ => rest,
    };
    if !more.trim().is_empty() {
        if !said.msg.is_empty() {
            said.msg.push('\n');
        }
        said.msg.push_str(more);
    }
    if said.msg.is_empty() {
        // A traceback alone: what it says in one line is its message.
        let last = rest.trim_end().lines().next_back().unwrap_or_default();
        said.msg = last.trim().to_owned();
    }
    if exception.is_some() {
        said.exc = exception;
    }
    said
}

static PAIR: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:^| )([A-Za-z_][\w.]*)=").ok());

/// structlog's console form: `the shop opens       [shop.orders] order_id=8812`, the event filled up with blanks.
fn with_pairs(mut said: Said) -> Said {
    let Some(at) = said.msg.find("  ") else { return said };
    let mut rest = said.msg[at..].trim();
    let logger = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    if let Some((_, behind)) = logger {
        rest = behind.trim_start();
    }
    let Some(pair) = PAIR.as_ref() else { return said };
    let keys: Vec<_> = pair.captures_iter(rest).filter_map(|found| Some((found.get(0)?, found.get(1)?))).collect();
    let is_all = keys.first().map_or(rest.is_empty(), |(whole, _)| whole.start() == 0);
    if !is_all || (keys.is_empty() && logger.is_none()) {
        return said;
    }
    let ends = keys.iter().skip(1).map(|(whole, _)| whole.start()).chain([rest.len()]);
    for ((whole, key), end) in keys.iter().zip(ends) {
        said.extra.insert(key.as_str().to_owned(), logfmt::typed(rest[whole.end()..end].trim()));
    }
    if let Some((name, _)) = logger {
        said.logger.get_or_insert_with(|| name.to_owned());
    }
    let event = said.msg[..at].to_owned();
    said.msg = event;
    said
}

/// What the groups of a person's pattern caught: their names are those of fields, ours or anybody's.
fn of_captures(pattern: &Regex, line: &str, clock: &Clock) -> Option<Said> {
    let captures = pattern.captures(line)?;
    let named = pattern.capture_names().zip(captures.iter());
    let caught = named.filter_map(|(name, caught)| Some((name?, caught?.as_str().trim().into()))).collect();
    let mut said = json::said_flat(caught, clock);
    if said.msg.is_empty() && !pattern.capture_names().flatten().any(|name| super::canonical(name) == "msg") {
        // A pattern of the head alone leaves the message behind it.
        let end = captures.get(0).map_or(0, |all| all.end());
        said.msg = line[end..].trim().to_owned();
    }
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(input: Input, sample: &str) -> Form {
        let clock = Clock { zone: chrono::FixedOffset::east_opt(0), near: 1_800_000_000_000_000_000 };
        let mut form = Form::new(input, None, clock);
        form.look_at(sample.as_bytes());
        form
    }

    /// The records of a text: their messages, `?` before those that are only text.
    fn records(text: &str) -> Vec<String> {
        let form = form(Input::Auto, text);
        let mut blocks: Vec<String> = Vec::new();
        let mut open = Open::Nothing;
        for line in text.lines() {
            let (begins, then) = form.step(open, line.as_bytes());
            if begins || blocks.is_empty() {
                blocks.push(String::new());
            }
            let last = blocks.last_mut().expect("a block");
            last.push_str(line);
            last.push('\n');
            open = then;
        }
        let told = blocks.iter().flat_map(|block| match form.understand(block.as_bytes()) {
            Understood::Said(said) => said.into_iter().map(shown).collect(),
            Understood::Text(said) => vec![format!("?{}", shown(*said))],
            Understood::Own(own) => vec![own.proc],
        });
        told.collect()
    }

    fn shown(said: Said) -> String {
        let exc = said.exc.map(|exc| format!(" !{}", exc["type"].as_str().unwrap_or_default()));
        format!("{}{}", said.msg, exc.unwrap_or_default())
    }

    #[test]
    fn what_belongs_together_is_one_record() {
        let trace = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x\nKeyError: 1\n";
        let text =
            format!("2026-11-23 05:48:52,1 ERROR shop.a failed\n{trace}2026-11-23 05:48:53,1 INFO shop.a on\n  more\n");
        assert_eq!(records(&text), ["failed !KeyError", "on\n  more"]);
        let text = format!("{{\"msg\":\"a\"}}\n{trace}{{\"msg\":\"b\"}}\nnot json\n");
        assert_eq!(records(&text), ["a", "?KeyError: 1 !KeyError", "b", "?not json"]);
        assert_eq!(records(&format!("one\ntwo\n{trace}three\n")), ["?one", "?two", "?KeyError: 1 !KeyError", "?three"]);
        let text = format!("2026-11-23 05:48:52,1 ERROR shop.a failed\nto\n{trace}").replace('\n', "\r\n");
        assert_eq!(records(&text), ["failed\nto !KeyError"]);
        assert_eq!(records("{\n{\"msg\":\"a\"}\n{\nplain\n{\n\"msg\": \"b\"\n}\n"), ["?{", "a", "?{", "?plain", "b"]);
        assert_eq!(records("{\n  \"body\": \"a\",\n  \"x\": {\n  }\n}\n{\n  \"body\": \"b\"\n}\n"), ["a", "b"]);
    }

    #[test]
    fn a_pattern_names_the_fields() {
        let pattern =
            Regex::new(r"^(?P<levelname>\w+)/(?P<threadName>\w+) (?P<order_id>\d+) (?P<message>.*)$").expect("a regex");
        let form = Form::new(Input::Auto, Some(pattern), Clock { zone: None, near: 0 });
        let Understood::Said(said) = form.understand(b"WARN/a 12 low\n  on") else { panic!("no record") };
        assert_eq!(
            (said[0].msg.as_str(), said[0].thread.as_deref(), &said[0].extra["order_id"]),
            ("low\n  on", Some("a"), &"12".into())
        );
        assert_eq!(form.step(Open::Text, b"else"), (false, Open::Text));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_records(
            blocks in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120), 1..4),
            words in "(\\{|\\}|\"msg\":|\"time\":1|,|\\[|ERROR|2026-11-23 05:48:52|Traceback \\(most recent call last\\):|\n|  |a=b ){0,20}",
        ) {
            for block in blocks.iter().map(Vec::as_slice).chain([words.as_bytes()]) {
                let form = form(Input::Auto, &String::from_utf8_lossy(block));
                let _ = form.understand(block);
                for open in [Open::Nothing, Open::Braces, Open::Text, Open::Traceback, Open::TracebackEnd] {
                    let _ = form.step(open, block);
                }
            }
        }
    }
}
