//! Plain text logs: what stands before the message is found out from a sample of lines, as a row of items (time, level,
//! process, thread, logger, place in the code) with the same marks between them in nearly every line.

use super::clock::Clock;
use super::items::{
    Item, Kind, Mark, PROCESS, THREAD, behind, closing, first_items, found, item, items, marks_at, rest_of,
};
use super::{Said, level_named, without_colour};

/// Of a hundred lines so many must agree.
const AGREEMENT: usize = 90;

/// What a column of words is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    AsItIs,
    Logger,
    Thread,
    Process,
    Pid,
    Tid,
    Other,
}

/// The head that the lines of a file have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Layout {
    columns: Vec<(Kind, Mark, Role)>,
    behind: Mark,
}

impl Layout {
    /// The layout of these lines; `None` where they have no head.
    pub fn learn(lines: &[String], clock: &Clock) -> Option<Layout> {
        let heads: Vec<(&str, Vec<Item>)> = lines.iter().map(|line| (line.as_str(), items(line, clock))).collect();
        let mut agreeing: Vec<&(&str, Vec<Item>)> = heads
            .iter()
            .filter(|(_, items)| items.first().is_some_and(|item| matches!(item.kind, Kind::Time | Kind::Level)))
            .collect();
        let all = agreeing.len();
        let mut columns: Vec<(Kind, Mark)> = Vec::new();
        loop {
            let place = columns.len();
            let signature =
                |head: &&(&str, Vec<Item>)| head.1.get(place).map(|item| (item.kind, Mark::of(item.before)));
            let Some(next) = commonest(agreeing.iter().filter_map(signature)) else { break };
            let same: Vec<_> = agreeing.iter().copied().filter(|head| signature(head) == Some(next.clone())).collect();
            if same.len() * 100 < all * AGREEMENT && place > 0 || same.is_empty() {
                break;
            }
            columns.push(next);
            agreeing = same;
        }
        Layout::of(&columns, &agreeing)
    }

    /// Leaves the words that begin the messages to the messages, and says what each column is.
    fn of(columns: &[(Kind, Mark)], heads: &[&(&str, Vec<Item>)]) -> Option<Layout> {
        let behind = |place: usize| {
            let marks = || heads.iter().filter_map(|(line, items)| Some(Mark::of(behind(line, items.get(place)?))));
            let agreed = |mark: &Mark| marks().filter(|other| other == mark).count() * 100 >= heads.len() * AGREEMENT;
            commonest(marks()).filter(agreed).unwrap_or_default()
        };
        let mut len = 0;
        for (place, (kind, _)) in columns.iter().enumerate() {
            let is_head = match kind {
                Kind::Word => is_name_column(place, heads, &columns[place].1, &behind(place)),
                // A message may begin with a number.
                Kind::Number => {
                    behind(place).is_clear()
                        || columns[place].1.is_clear()
                        || place + 1 < columns.len()
                        || is_long(place, heads)
                }
                _ => true,
            };
            if is_head {
                len = place + 1;
            } else if *kind == Kind::Word && !columns[place + 1..].iter().any(|(kind, _)| *kind == Kind::Level) {
                break;
            }
        }
        let columns = &columns[..len];
        (!columns.is_empty()).then(|| Layout { columns: roles(columns, heads), behind: behind(len - 1) })
    }

    /// Whether a line begins a record: it starts as all of them do.
    pub fn begins(&self, line: &str, clock: &Clock) -> bool {
        let plain = without_colour(line);
        let Some((kind, mark, _)) = self.columns.first() else { return false };
        let before = marks_at(&plain, true);
        if !mark.is_of(&plain[..before]) {
            return false;
        }
        let bracket = plain[..before].chars().next_back().and_then(closing);
        item(&plain[before..], bracket, clock).is_some_and(|(first, ..)| first == *kind)
    }

    /// What a line says; `None` where it has not this head.
    pub fn read(&self, line: &str, clock: &Clock) -> Option<Said> {
        let items = first_items(line, self.columns.len(), clock);
        if items.len() < self.columns.len() {
            return None;
        }
        let mut said = Said::default();
        for ((kind, mark, role), item) in self.columns.iter().zip(&items) {
            if item.kind != *kind || !mark.is_of(item.before) {
                return None;
            }
            put(&mut said, item, *role);
        }
        let last = &items[self.columns.len() - 1];
        let rest = rest_of(line, last);
        // What closes the last item's bracket, or divides it from the message, is not the message's.
        let marks: usize = self.behind.0.trim_end().chars().count();
        let mut message = rest;
        for letter in self.behind.0.trim_end().chars().take(marks) {
            message = if letter == ' ' {
                message.trim_start()
            } else {
                message.trim_start().strip_prefix(letter).unwrap_or(message)
            };
        }
        said.msg = message.strip_prefix(' ').unwrap_or(message).trim_start_matches(' ').to_owned();
        Some(said)
    }
}

/// Time and level of a line that has no layout, or another one.
pub(super) fn read_freely(line: &str, clock: &Clock) -> Option<Said> {
    let items = first_items(line, 2, clock);
    let leading = items.iter().take_while(|item| matches!(item.kind, Kind::Time | Kind::Level)).take(2);
    let mut said = Said::default();
    let mut last = None;
    for item in leading {
        put(&mut said, item, Role::AsItIs);
        last = Some(item);
    }
    let rest = rest_of(line, last?);
    said.msg = rest[marks_at(rest, false)..].to_owned();
    Some(said)
}

fn commonest<T: PartialEq + Clone>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: Vec<(T, usize)> = Vec::new();
    for value in values {
        match counts.iter_mut().find(|(known, _)| *known == value) {
            Some((_, count)) => *count += 1,
            None => counts.push((value, 1)),
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(value, _)| value)
}

/// Whether a column of words is names and not the beginnings of sentences.
fn is_name_column(place: usize, heads: &[&(&str, Vec<Item>)], before: &Mark, behind: &Mark) -> bool {
    let words: Vec<&str> = heads.iter().filter_map(|(_, items)| Some(items.get(place)?.text)).collect();
    let in_brackets =
        heads.iter().all(|(_, items)| items.get(place).is_some_and(|item| item.before.ends_with(['[', '(', '{', '<'])));
    let is_flow = |word: &str| found(&THREAD, word).is_some() || found(&PROCESS, word).is_some();
    if in_brackets || (!words.is_empty() && most(&words, is_flow)) {
        return true;
    }
    let mut distinct = words.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let followed = behind.0.trim();
    if matches!(followed, "-" | "|" | "/") {
        return true;
    }
    let are_names =
        distinct.iter().filter(|word| word.contains('.') || word.starts_with("__") || **word == "root").count() * 2
            > distinct.len();
    let few = distinct.len() * 8 <= words.len();
    match followed {
        ":" => {
            are_names
                || few
                || words
                    .iter()
                    .all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-0123456789".contains(&byte)))
        }
        // Behind a mark may stand the message, and many may begin with the same word.
        _ => (are_names && distinct.len() <= words.len().max(2)) || (few && words.len() >= 16 && !before.is_clear()),
    }
}

fn is_long(place: usize, heads: &[&(&str, Vec<Item>)]) -> bool {
    heads.iter().all(|(_, items)| items.get(place).is_some_and(|item| item.text.len() >= 10))
}

fn roles(columns: &[(Kind, Mark)], heads: &[&(&str, Vec<Item>)]) -> Vec<(Kind, Mark, Role)> {
    let mut taken: Vec<Role> = Vec::new();
    let mut roles = Vec::new();
    for (place, (kind, mark)) in columns.iter().enumerate() {
        let texts: Vec<&str> = heads.iter().filter_map(|(_, items)| Some(items.get(place)?.text)).collect();
        let wanted: &[Role] = match kind {
            Kind::Time | Kind::Level | Kind::Place | Kind::Call => &[Role::AsItIs],
            Kind::Number if texts.iter().any(|text| text.len() > 8) => &[Role::Tid, Role::Other],
            Kind::Number => &[Role::Pid, Role::Tid, Role::Other],
            Kind::Word if most(&texts, |text| found(&PROCESS, text).is_some()) => &[Role::Process, Role::Other],
            Kind::Word if most(&texts, is_thread_like) => &[Role::Thread, Role::Logger, Role::Other],
            Kind::Word => &[Role::Logger, Role::Thread, Role::Other],
        };
        let role =
            wanted.iter().copied().find(|role| *role == Role::AsItIs || !taken.contains(role)).unwrap_or(Role::Other);
        taken.push(role);
        roles.push((*kind, mark.clone(), role));
    }
    roles
}

/// Whether half of the texts, or more, are so.
fn most(texts: &[&str], is_so: impl Fn(&str) -> bool) -> bool {
    texts.iter().filter(|text| is_so(text)).count() * 2 >= texts.len()
}

fn is_thread_like(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_numbered = name.ends_with(|letter: char| letter.is_ascii_digit()) && name.contains(['-', '_', ' ']);
    is_numbered || lower.contains("thread") || lower == "main" || lower.contains("worker")
}

fn put(said: &mut Said, item: &Item, role: Role) {
    let text = item.text;
    match (item.kind, role) {
        (Kind::Time, _) => said.ts = item.ts,
        (Kind::Level, _) => said.level = Some(level_named(text)),
        (Kind::Place, _) => {
            let (file, line) = text.rsplit_once(':').unwrap_or((text, ""));
            (said.file, said.line) = (Some(file.to_owned()), line.parse().ok());
        }
        (Kind::Call, _) => {
            let mut parts = text.splitn(3, ':').map(str::to_owned);
            (said.logger, said.func) = (parts.next(), parts.next());
            said.line = parts.next().and_then(|line| line.parse().ok());
        }
        (_, Role::Thread) => said.thread = Some(text.to_owned()),
        (_, Role::Process) => said.process = Some(text.to_owned()),
        (_, Role::Pid) if text.parse::<u32>().is_ok() => said.pid = text.parse().ok(),
        (_, Role::Tid) => said.tid = text.parse().ok(),
        (_, Role::Logger) => said.logger = Some(text.to_owned()),
        _ => {
            let name = format!("head{}", said.extra.len() + 1);
            said.extra.insert(name, text.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(lines: &[&str]) -> Vec<String> {
        let clock = Clock { zone: chrono::FixedOffset::east_opt(0), near: 1_800_000_000_000_000_000 };
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let layout = Layout::learn(&lines, &clock).expect("a layout");
        let told = |line: &String| {
            let said = layout.read(line, &clock).expect("a line of the layout");
            let level = said.level.map(|level| level.name.to_string());
            let who = said.thread.or(said.process).or(said.pid.map(|pid| pid.to_string()));
            let parts = [level, said.logger, who, said.line.map(|line| line.to_string()), Some(said.msg)];
            parts.map(|part| part.unwrap_or_else(|| "-".to_owned())).join("|")
        };
        lines.iter().map(told).collect()
    }

    #[test]
    fn the_usual_heads_are_found() {
        let cases: &[(&[&str], &[&str])] = &[
            (
                &[
                    "[2026-11-23 05:48:52 +0000] [22152] [INFO] Booting worker: 7",
                    "[2026-11-23 05:48:53 +0000] [22153] [ERROR] no",
                ],
                &["INFO|-|22152|-|Booting worker: 7", "ERROR|-|22153|-|no"],
            ),
            (
                &["INFO:     Started server process [7]", "ERROR:    Exception in ASGI application"],
                &["INFO|-|-|-|Started server process [7]", "ERROR|-|-|-|Exception in ASGI application"],
            ),
            (
                &["[2026-11-23 05:48:52,878: INFO/ForkPoolWorker-3] Task shop.sell[1] received"],
                &["INFO|-|ForkPoolWorker-3|-|Task shop.sell[1] received"],
            ),
            (
                &[
                    "2026-11-23 05:48:52.1 | INFO     | shop.orders:sell:12 - sold",
                    "2026-11-23 05:48:52.2 | WARNING  | shop:<module>:1 - low: 1",
                ],
                &["INFO|shop.orders|-|12|sold", "WARNING|shop|-|1|low: 1"],
            ),
            (
                &[
                    "2026-11-23 05:48:52,1 INFO starting: now",
                    "2026-11-23 05:48:52,2 INFO ready",
                    "2026-11-23 05:48:52,3 INFO done",
                ],
                &["INFO|-|-|-|starting: now", "INFO|-|-|-|ready", "INFO|-|-|-|done"],
            ),
            (
                &[
                    "2026-11-23 05:48:52,1 [main] INFO  com.shop.Orders - sold",
                    "2026-11-23 05:48:52,1 [pool-1-thread-2] WARN com.shop.Stock - low",
                ],
                &["INFO|com.shop.Orders|main|-|sold", "WARNING|com.shop.Stock|pool-1-thread-2|-|low"],
            ),
        ];
        for (lines, expected) in cases {
            assert_eq!(learnt(lines), *expected);
        }
    }

    #[test]
    fn messages_that_are_all_alike_are_no_columns() {
        for head in ["INFO [main] shop.orders:", "[main] shop.orders - INFO -", "INFO | main | shop.orders |"] {
            let line = |n| format!("2026-11-23 05:48:52,1 {head} processing order {n} for c{n}");
            let lines: Vec<String> = (0..40).map(line).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            assert_eq!(learnt(&lines)[7], "INFO|shop.orders|main|-|processing order 7 for c7", "{head}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_lines_make_it_panic(
            lines in proptest::collection::vec("(2026-11-23 05:48:52,1|INFO|\\[|\\]|:| |é|-|[a-z.]{1,5}|\\(|[0-9]{1,12}|/){0,14}|.{0,20}", 1..6)
        ) {
            let clock = Clock { zone: None, near: 1_800_000_000_000_000_000 };
            if let Some(layout) = Layout::learn(&lines, &clock) {
                for line in &lines {
                    let _ = (layout.begins(line, &clock), layout.read(line, &clock));
                }
            }
            for line in &lines {
                let _ = read_freely(line, &clock);
            }
        }
    }
}
