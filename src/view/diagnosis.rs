//! Findings as text: verdict and certainty first, names before ids, who holds and waits since when and where, why
//! nobody else can help, how to fix it, where to look next, and what is missing.

use std::io::{self, Write};

use crate::diagnose::{Actor, Certainty, Class, Finding, LASTING, Place, Resource};
use crate::view::clock::time_of_day;
use crate::view::names;
use crate::view::printable::one_line;
use crate::view::style::{self, paint};
use crate::view::threads::{Overview, count};

/// At most so many findings in the verdict of a run.
const MOST: usize = 5;

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
    for finding in findings {
        write_finding(finding, out)?;
        writeln!(out)?;
    }
    writeln!(out, "{}", counts(findings, overview))
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
    for resource in &finding.resources {
        writeln!(out, "  {}", said_of(resource))?;
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

/// `A (1.t2)  holds vault_1 since 17:15:03.002000  bank.py:14, waits for …  1.t2@4`: what it did where, else its role.
fn write_actor(finding: &Finding, actor: &Actor, out: &mut dyn Write) -> io::Result<()> {
    let places = finding.sites.iter().filter(|place| place.actor.as_deref() == Some(&actor.id));
    let mut words: Vec<String> = places.map(said_at).collect();
    if words.is_empty() {
        words.push(one_line(&actor.role).into_owned());
    }
    let ids = finding.evidence.iter().map(ToString::to_string);
    let own: Vec<String> = ids.filter(|id| id.starts_with(&format!("{}@", actor.id))).collect();
    let name = match actor.kind {
        "process" => format!("{} (process {})", actor.name, actor.id),
        _ => format!("{} ({})", actor.name, actor.id),
    };
    let (name, said) = (paint(style::BOLD, one_line(&name)), words.join(",  "));
    writeln!(out, "  {name}  {said}  {}", paint(style::DIM, own.join(" ")))
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
