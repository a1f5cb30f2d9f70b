//! What differs between runs, as text: the verdict first, then what is only in one, what differs in number, and what took
//! much longer.

use std::io::{self, Write};

use crate::diff::{Account, Count, Difference, LockFrom, Names, Outcome, Part, RoleId, Roles, Side};
use crate::view::clock::duration;
use crate::view::diff_words::{Words, id};
use crate::view::names;
use crate::view::printable::{one_line, pad};
use crate::view::style::{self, paint};
use crate::view::threads::count;

/// So many lines of one kind are shown.
const MOST: usize = 12;

/// A run, and why a difference may be none.
#[derive(Clone, Copy)]
pub struct Sample<'a> {
    pub run: &'a Account,
    pub lacks: &'a [String],
}

/// Two runs held against each other.
pub struct Pair<'a> {
    pub one: Sample<'a>,
    pub other: Sample<'a>,
    pub difference: &'a Difference,
    pub names: &'a Names,
    /// Those of these two.
    pub roles: &'a Roles,
}

impl Pair<'_> {
    fn words(&self) -> Words<'_> {
        Words { names: self.names, roles: self.roles }
    }

    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_verdict(out)?;
        self.write_runs(out)?;
        if let Some(part) = &self.difference.part {
            self.write_part(part, out)?;
        }
        let records = &self.difference.tally.records;
        let only = |mine: fn(&Count) -> u64, others: fn(&Count) -> u64| -> Vec<Count> {
            records.iter().copied().filter(|count| others(count) == 0 && mine(count) > 0).collect()
        };
        self.write_counts("only in A", &only(|count| count.one, |count| count.other), out)?;
        self.write_counts("only in B", &only(|count| count.other, |count| count.one), out)?;
        let both: Vec<Count> = records.iter().copied().filter(|count| count.one > 0 && count.other > 0).collect();
        self.write_counts("how often", &both, out)?;
        self.write_counts("lanes", &self.difference.tally.lanes, out)?;
        self.write_lasting(out)?;
        self.write_shuffled(out)
    }

    fn write_verdict(&self, out: &mut dyn Write) -> io::Result<()> {
        let difference = self.difference;
        let text = match &difference.part {
            Some(part) => format!("the runs part at {}", self.parting(part)),
            None if difference.is_none() && difference.shuffled.is_empty() => "no difference".to_owned(),
            None if difference.is_none() => {
                let roles: Vec<String> = difference.shuffled.iter().map(|role| self.words().role(*role)).collect();
                format!("no difference but which of several equal lanes did what: {}", roles.join(", "))
            }
            None => "the runs did the same in the same order, in other numbers".to_owned(),
        };
        writeln!(out, "{}", paint(style::BOLD, text))
    }

    /// The lane, or those that stand for each other, and what either run did there.
    fn parting(&self, part: &Part) -> String {
        let lane = |sample: Sample, side: Side| names::lane(&sample.run.graph, side.lane, None);
        let what = |sample: Sample, side: Side| match side.next {
            Some(step) => self.words().step(sample.run, &step),
            None => self.words().standing(sample.run, side.lane),
        };
        match (part.one, part.other) {
            (Some(one), Some(other)) => {
                let (ours, theirs) = (lane(self.one, one), lane(self.other, other));
                let (did, others_did) = (what(self.one, one), what(self.other, other));
                if ours == theirs {
                    format!("{ours}: in A it {did}; in B it {others_did}")
                } else {
                    format!("{}: in A {ours} {did}; in B {theirs} {others_did}", self.role_of(one))
                }
            }
            (Some(one), None) => {
                format!("{}: in A {} {}; in B none does", self.role_of(one), lane(self.one, one), what(self.one, one))
            }
            (None, Some(other)) => {
                let did = what(self.other, other);
                let role = self.roles.role(1, other.lane);
                format!("{}: in B {} {did}; in A none does", self.role_name(role), lane(self.other, other))
            }
            (None, None) => String::new(),
        }
    }

    fn role_of(&self, side: Side) -> String {
        self.role_name(self.roles.role(0, side.lane))
    }

    fn role_name(&self, role: Option<RoleId>) -> String {
        role.map_or_else(String::new, |role| self.words().role(role))
    }

    fn write_runs(&self, out: &mut dyn Write) -> io::Result<()> {
        for (label, sample) in [("A", self.one), ("B", self.other)] {
            let lacks = if sample.lacks.is_empty() {
                String::new()
            } else {
                format!("  what is missing may look like a difference: {}", sample.lacks.join(", "))
            };
            let command = sample.run.graph.processes.iter().find(|process| process.how.as_deref() == Some("root"));
            let command = command.map_or_else(String::new, |root| format!("  {}", names::command(&root.argv)));
            write!(out, "  {label}  {}{}", sample.run.name, paint(style::DIM, command))?;
            writeln!(out, "{}", paint(style::WARN, one_line(&lacks)))?;
        }
        Ok(())
    }

    fn write_part(&self, part: &Part, out: &mut dyn Write) -> io::Result<()> {
        let ends = [("A", self.one, part.one), ("B", self.other, part.other)];
        let before: Vec<String> = ends
            .iter()
            .filter_map(|(label, sample, side)| {
                let before = side.as_ref()?.before?;
                Some(format!("{label} {}", sample.run.graph.id(before.at)))
            })
            .collect();
        let said = part.one.or(part.other).and_then(|side| side.before);
        if let Some(step) = said {
            let sample = if part.one.is_some() { self.one } else { self.other };
            let text = format!("before that: {}  {}", self.words().step(sample.run, &step), before.join("  "));
            writeln!(out, "  {}", paint(style::DIM, text))?;
        }
        self.write_locks(part, out)?;
        let why = ends.iter().filter_map(|(_, sample, side)| {
            let run = sample.run;
            Some(match side.as_ref()?.next {
                Some(next) => format!("logq why {} --run {}", run.graph.id(next.at), run.name),
                None => format!("logq diagnose --run {}", run.name),
            })
        });
        let why: Vec<String> = why.collect();
        if !why.is_empty() {
            writeln!(out, "  see: {}", why.join("   "))?;
        }
        if self.difference.tally.is_even() {
            writeln!(out, "  {}", paint(style::DIM, "both wrote the same records, in another order"))?;
        }
        if self.difference.parts > 0 {
            let others = count(self.difference.parts as u64, "other place", "other places");
            let text = format!("they differ in {others}, of which none came before this one");
            writeln!(out, "  {}", paint(style::DIM, text))?;
        }
        Ok(())
    }

    /// A lock that had come from another lane before the runs part: an accident, and often the cause.
    fn write_locks(&self, part: &Part, out: &mut dyn Write) -> io::Result<()> {
        let told = |sample: Sample, lock: Option<LockFrom>| match lock {
            Some(lock) => {
                let holder = names::lane(&sample.run.graph, lock.holder, Some(lock.at.lane));
                format!("took {} after {holder}  {}", self.words().text(lock.lock), sample.run.graph.id(lock.at))
            }
            None => "took none after another lane".to_owned(),
        };
        if part.locks == (None, None) {
            return Ok(());
        }
        let (ours, theirs) = (told(self.one, part.locks.0), told(self.other, part.locks.1));
        writeln!(out, "  by then locks had gone another way: in A it {ours}; in B it {theirs}")
    }

    fn write_counts(&self, title: &str, counts: &[Count], out: &mut dyn Write) -> io::Result<()> {
        if counts.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", paint(style::BOLD, title))?;
        for count in counts.iter().take(MOST) {
            let what = count.what.map_or_else(String::new, |what| self.words().name(what));
            let (ours, theirs) = (id(self.one.run, count.first.0), id(self.other.run, count.first.1));
            let first = match (count.one, count.other) {
                (_, 0) => ours,
                (0, _) => theirs,
                _ => format!("A {ours}  B {theirs}"),
            };
            let numbers = pad(&format!("{} : {}", count.one, count.other), 9);
            let role = pad(&self.words().role(count.role), 16);
            writeln!(out, "  {numbers} {role}  {what}  {}", paint(style::DIM, first))?;
        }
        write_more(counts.len(), out)
    }

    fn write_lasting(&self, out: &mut dyn Write) -> io::Result<()> {
        let lasting = &self.difference.tally.lasting;
        if lasting.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", paint(style::BOLD, "took much longer in one of them"))?;
        for entry in lasting.iter().take(MOST) {
            let role = entry.role.map_or_else(|| "the run".to_owned(), |role| self.words().role(role));
            let what = match entry.wait {
                Some(wait) => format!("waits for {}", self.words().text(wait)),
                None => String::new(),
            };
            let times = format!("{} : {}", duration(entry.one), duration(entry.other));
            writeln!(out, "  {} {}  {what}", pad(&times, 21), pad(&role, 16))?;
        }
        write_more(lasting.len(), out)
    }

    fn write_shuffled(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.difference.shuffled.is_empty() || self.difference.is_none() {
            return Ok(());
        }
        let roles: Vec<String> = self.difference.shuffled.iter().map(|role| self.words().role(*role)).collect();
        let text =
            format!("which of several equal lanes did what is another, and is no difference: {}", roles.join(", "));
        writeln!(out, "\n{}", paint(style::DIM, text))
    }
}

fn write_more(all: usize, out: &mut dyn Write) -> io::Result<()> {
    if all > MOST {
        writeln!(out, "  {}", paint(style::DIM, format!("… and {} more (--format json has all)", all - MOST)))?;
    }
    Ok(())
}

/// Runs that passed held against runs that failed.
pub struct Many<'a> {
    pub runs: &'a [Sample<'a>],
    pub passed: usize,
    pub failed: usize,
    pub outcome: &'a Outcome,
    pub names: &'a Names,
    pub roles: &'a Roles,
}

impl Many<'_> {
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let outcome = self.outcome;
        writeln!(out, "{}", paint(style::BOLD, self.verdict()))?;
        if outcome.too_few() {
            let text = format!(
                "too few runs to tell: {} vary among them, and there are only {} ways to divide {} like this, so that some \
                 divide them by accident",
                count(outcome.varying as u64, "fact", "facts"),
                outcome.ways,
                count(self.runs.len() as u64, "run", "runs"),
            );
            writeln!(out, "{}", paint(style::WARN, text))?;
        }
        for sample in self.runs.iter().filter(|sample| !sample.lacks.is_empty()) {
            let text = format!("{}: {}", sample.run.name, sample.lacks.join(", "));
            writeln!(out, "{}", paint(style::WARN, one_line(&text)))?;
        }
        let words = Words { names: self.names, roles: self.roles };
        for separator in outcome.separators.iter().take(MOST) {
            let numbers = format!(
                "{} of {} failed, {} of {} passed",
                separator.failed, self.failed, separator.passed, self.passed
            );
            let example = separator.example.map_or_else(String::new, |(run, at)| {
                let run = self.runs[run].run;
                format!("  {} --run {}", run.graph.id(at), run.name)
            });
            let text = words.feature(&separator.feature, separator.at_least);
            writeln!(out, "  {}  {text}{}", pad(&numbers, 30), paint(style::DIM, example))?;
        }
        write_more(outcome.separators.len(), out)
    }

    fn verdict(&self) -> String {
        let runs = format!("{} that passed, {} that failed", self.passed, self.failed);
        match (self.outcome.exact(), self.outcome.separators.len()) {
            (_, 0) => format!("{runs}: nothing that is on record moves with the outcome"),
            (0, n) => format!("{runs}: {} with the outcome more or less, the best first", moves(n)),
            (n, _) => format!("{runs}: {} exactly with the outcome, the earliest first", moves(n)),
        }
    }
}

fn moves(n: usize) -> String {
    if n == 1 { "1 fact moves".to_owned() } else { format!("{n} facts move") }
}
