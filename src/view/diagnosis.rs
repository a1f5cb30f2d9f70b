//! Findings as text: verdict and certainty first, names before ids, who holds and waits since when and where, why
//! nobody else can help, how to fix it, where to look next, and what is missing.

use std::collections::HashSet;
use std::io::{self, Write};

use crate::diagnose::{Actor, Certainty, Class, Finding, LASTING, Place, Resource};
use crate::view::clock::time_of_day;
use crate::view::names;
use crate::view::printable::one_line;
use crate::view::style::{self, paint};
use crate::view::threads::{Overview, count};

/// At most so many findings in the verdict of a run.
const MOST: usize = 5;
/// At most so many of an actor's records are named; the JSON has all.
const IDS: usize = 8;
/// An actor's first two places share its line if that is no longer.
const FITS: usize = 120;

pub fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Certain => "certain",
        Certainty::Likely => "likely",
        Certainty::Possible => "possible",
    }
}

pub fn class(class: Class) -> &'static str {
    match class {
        Class::Fault => "fault",
        Class::Observation => "observation",
    }
}

/// Prints every finding, and a line that counts them.
pub fn write(findings: &[Finding], overview: &Overview, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", title(overview))?;
    for finding in findings {
        write_finding(finding, out)?;
        writeln!(out)?;
    }
    writeln!(out, "{}", counts(findings, overview))
}

/// `run 20261122-171503-k3f9  shop.py`.
fn title(overview: &Overview) -> String {
    let root = overview.graph.processes.iter().find(|process| process.number == Some(1));
    let program = root.map_or_else(String::new, |root| format!("  {}", names::command(&root.argv)));
    format!("{}{program}\n", paint(style::BOLD, format!("run {}", overview.run)))
}

/// `1 fault. 1 process, 3 threads, 11 log records; nothing missing.`
fn counts(findings: &[Finding], overview: &Overview) -> String {
    let of = |wanted| findings.iter().filter(|finding| finding.class == wanted).count() as u64;
    let (faults, observations) = (of(Class::Fault), of(Class::Observation));
    let mut found = vec![if faults == 0 { "no faults".to_owned() } else { count(faults, "fault", "faults") }];
    if observations > 0 {
        found.push(count(observations, "observation", "observations"));
    }
    let missing = if overview.missing().is_empty() { "nothing missing" } else { "some data is missing" };
    format!("{}. {}; {missing}.", found.join(", "), overview.counts())
}

fn write_finding(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", headline(finding))?;
    if !finding.summary.is_empty() {
        writeln!(out, "  {}", one_line(&finding.summary))?;
    }
    for actor in &finding.actors {
        write_actor(finding, actor, out)?;
    }
    for place in finding.sites.iter().filter(|place| actor_of(finding, place).is_none()) {
        writeln!(out, "  {}", said_at(place))?;
    }
    let mut resources: Vec<String> = finding.resources.iter().map(said_of).collect();
    let mut told = HashSet::new(); // futures of one line, locks of one loop: they read alike
    resources.retain(|words| told.insert(words.clone()));
    for words in resources {
        writeln!(out, "  {words}")?;
    }
    for note in &finding.notes {
        writeln!(out, "  {}", one_line(note))?;
    }
    for missing in &finding.missing {
        writeln!(out, "  {} {}", paint(style::WARN, "missing:"), one_line(missing))?;
    }
    if !finding.fix.is_empty() {
        writeln!(out, "  {} {}", paint(style::GOOD, "fix:"), one_line(&finding.fix))?;
    }
    if let Some(see) = &finding.see {
        writeln!(out, "  {}", paint(style::DIM, format!("see: {}", one_line(see))))?;
    }
    Ok(())
}

/// `DEADLOCK  certain  2 threads, 2 locks  since 17:15:03.104000, never resolved`.
fn headline(finding: &Finding) -> String {
    let colour = match (finding.class, finding.certainty) {
        (Class::Fault, Certainty::Certain | Certainty::Likely) => style::BAD,
        _ => style::WARN,
    };
    let kind = paint(colour, finding.kind.to_uppercase());
    let lasts = LASTING.contains(&finding.kind) || finding.until.is_some();
    let until = match finding.until {
        Some(until) => format!(", until {}", time_of_day(until)),
        None if LASTING.contains(&finding.kind) => ", never resolved".to_owned(),
        None => String::new(),
    };
    let since = finding.since.map_or_else(String::new, |since| {
        format!("  {} {}{until}", if lasts { "since" } else { "at" }, time_of_day(since))
    });
    // What is only worth knowing must not read like an alarm.
    let weight = match finding.class {
        Class::Fault => certainty(finding.certainty),
        Class::Observation => "observation",
    };
    format!("{kind}  {weight}  {}{}", one_line(&finding.title), paint(style::DIM, since))
}

fn actor_of<'a>(finding: &'a Finding, place: &Place) -> Option<&'a Actor> {
    let id = place.actor.as_ref()?;
    finding.actors.iter().find(|actor| actor.id == *id)
}

/// `A (1.t2)  holds vault_1 since 17:15:03.002000  bank.py:14,  waits for …  1.t2@4`: what it did where, and what that does
/// not say of its role; what is more than fits has lines of its own.
fn write_actor(finding: &Finding, actor: &Actor, out: &mut dyn Write) -> io::Result<()> {
    let places: Vec<&Place> = finding.sites.iter().filter(|place| place.actor.as_deref() == Some(&actor.id)).collect();
    let mut said: Vec<String> = places.iter().map(|place| said_at(place)).collect();
    let begun = places.iter().position(|place| !place.role.is_empty() && actor.role.starts_with(&place.role));
    match begun {
        _ if is_told_by(&actor.role, &places) => {}
        // `took vault_1 since …  bank.py:12, then died: …`
        Some(at) => said[at].push_str(&one_line(&actor.role[places[at].role.len()..])),
        None => said.insert(0, one_line(&actor.role).into_owned()),
    }
    let own = records_of(finding, actor);
    let name = called(finding, actor);
    let length = |text: &str| text.chars().count();
    let both = said.iter().take(2).map(|words| length(words) + 3).sum::<usize>() + length(&name) + length(&own);
    let on_first = if both <= FITS { 2 } else { 1 };
    let (first, rest) = said.split_at(on_first.min(said.len()));
    let line = format!("  {}  {}", paint(style::BOLD, one_line(&name)), first.join(",  "));
    writeln!(out, "{}", if own.is_empty() { line } else { format!("{line}  {}", paint(style::DIM, own)) })?;
    for words in rest {
        writeln!(out, "      {words}")?;
    }
    Ok(())
}

/// `1.t2@4 1.t2@9`, of many like failures `… and 94 more`.
fn records_of(finding: &Finding, actor: &Actor) -> String {
    let ids = finding.evidence.iter().map(ToString::to_string);
    let own: Vec<String> = ids.filter(|id| id.starts_with(&format!("{}@", actor.id))).collect();
    let named = own.iter().take(IDS).map(String::as_str).collect::<Vec<_>>().join(" ");
    if own.len() > IDS { format!("{named} and {} more", own.len() - IDS) } else { named }
}

/// With its process where the finding is about several.
fn called(finding: &Finding, actor: &Actor) -> String {
    let several = finding.actors.iter().any(|other| other.pid != actor.pid);
    match actor.kind {
        "process" => format!("{} (process {})", actor.name, actor.id),
        _ if several && actor.name != actor.process => format!("{} of {} ({})", actor.name, actor.process, actor.id),
        _ => format!("{} ({})", actor.name, actor.id),
    }
}

/// Whether the places say all that the role does: `holds vault_1, waits for vault_2`.
fn is_told_by(role: &str, places: &[&Place]) -> bool {
    role.is_empty() && !places.is_empty()
        || places.iter().any(|place| place.role.ends_with(role))
        || role.split(", ").all(|part| places.iter().any(|place| place.role == part))
}

fn said_at(place: &Place) -> String {
    let since = place.since.map_or_else(String::new, |since| format!(" since {}", time_of_day(since)));
    format!("{}{since}  {}", one_line(&place.role), names::site(&place.site))
}

fn said_of(resource: &Resource) -> String {
    let kind = resource.kind.as_deref().unwrap_or("object");
    let made = resource.site.as_ref().map_or_else(String::new, |site| format!(", made at {}", names::site(site)));
    format!("{}: {}{made}", one_line(&resource.called()), one_line(kind))
}

/// The findings in short, for the end of `logq run` and for a run that stands still: those that are more than possible.
pub fn write_short(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let faults: Vec<&Finding> = findings.iter().filter(|finding| finding.counts()).collect();
    for finding in faults.iter().take(MOST) {
        writeln!(out, "  {}", headline(finding))?;
        if !finding.summary.is_empty() {
            writeln!(out, "    {}", one_line(&finding.summary))?;
        }
    }
    if faults.len() > MOST {
        writeln!(out, "  … and {} more", faults.len() - MOST)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Lane, RecordId};

    /// A thread that failed so many times, as the line about it reads.
    fn line(failures: u64) -> String {
        let mut finding = Finding::fault("lost-exception", Certainty::Certain, "ValueError: seen by nobody");
        let actor = Actor {
            id: "1.t2".to_owned(),
            process: "shop.py".to_owned(),
            pid: 7,
            name: "clerk".to_owned(),
            kind: "thread",
            role: "raises ValueError".to_owned(),
        };
        let lane: Lane = "t2".parse().expect("a lane");
        let record = |seq| RecordId { process: Some(1), proc: "1-aaaaaa".into(), lane, seq };
        finding.evidence = (1..=failures).map(record).collect();
        let mut out = Vec::new();
        write_actor(&finding, &actor, &mut out).expect("text");
        String::from_utf8(out).expect("text in UTF-8")
    }

    #[test]
    fn of_many_records_the_first_are_named() {
        let eight = "1.t2@1 1.t2@2 1.t2@3 1.t2@4 1.t2@5 1.t2@6 1.t2@7 1.t2@8";
        assert!(line(8).contains(eight) && !line(8).contains("more"), "{}", line(8));
        assert!(line(102).contains(&format!("{eight} and 94 more")), "{}", line(102));
    }
}
