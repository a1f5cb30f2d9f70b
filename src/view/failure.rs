//! The part of `why` that is about an exception: in which lane it was raised, who had submitted that work, and who came
//! to look, or should have.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::causality::{CausalGraph, Failure, Looked, NodeRef};
use crate::record::Lane;
use crate::view::chain::{self, write_step};
use crate::view::names;
use crate::view::style::{self, paint};
use crate::view::timeline::Contents;

/// The records whose contents it shows.
pub fn records(failure: &Failure) -> Vec<NodeRef> {
    std::iter::once(failure.at).chain(failure.looked.iter().map(Looked::at)).collect()
}

/// Between the record and the chain, where another lane tells of the failure than the one that failed.
pub fn write_place(
    graph: &CausalGraph,
    teller: NodeRef,
    failure: &Failure,
    contents: &Contents,
    out: &mut dyn Write,
) -> io::Result<()> {
    let victim = names::lane(graph, failure.victim, Some(teller.lane));
    let what = if failure.is_job() { "raised by a job of" } else { "raised in" };
    let text = format!("{what} {victim}, whose last record then was");
    writeln!(out, "   {} {}", paint(style::HAND_OVER, "▲"), paint(style::HAND_OVER, text))?;
    write_step(graph, failure.at, contents, false, out)
}

/// Behind the chain: who should have looked, and who did.
pub fn write(graph: &CausalGraph, failure: &Failure, contents: &Contents, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    writeln!(out, "{}", paint(style::BOLD, "who should have looked"))?;
    writeln!(out, "   {}", responsible(graph, failure))?;
    for looked in &failure.looked {
        writeln!(out, "   {}", paint(style::DIM, saw(*looked)))?;
        write_step(graph, looked.at(), contents, false, out)?;
    }
    Ok(())
}

/// Whoever submitted the work, and what it did not do.
fn responsible(graph: &CausalGraph, failure: &Failure) -> String {
    let is_main = graph.lane(failure.victim).lane == Lane::MAIN;
    let by_logq = failure.submitted.as_ref().is_some_and(|submitted| graph.process_of(submitted.by).is_logq());
    if failure.place == "sys" && is_main && (failure.submitted.is_none() || by_logq) {
        return "whoever reads the program's exit code: it ended the main thread".to_owned();
    }
    let who = failure.submitted.as_ref().map_or_else(
        || "whoever submitted the work, which is not on record".to_owned(),
        |submitted| {
            let did = match failure.place.as_str() {
                "future" | "pool" => "submitted it",
                "sys" => "started the process",
                "thread" => "started it",
                _ => "made it",
            };
            let site = submitted.site.as_ref().map_or_else(String::new, |site| format!(" at {}", names::site(site)));
            format!("{}, which {did}{site}", names::lane(graph, submitted.by, None))
        },
    );
    format!("{who}{}", omission(failure))
}

fn omission(failure: &Failure) -> &'static str {
    match (failure.place.as_str(), failure.looked.is_empty()) {
        ("future" | "pool", _) => ": nobody ever asked the future for its result",
        (_, false) => "",
        ("thread", true) => ": nobody joined it",
        ("sys", true) => ": nobody is known to have seen the process end",
        (_, true) => ": nobody awaited it or asked for its result",
    }
}

/// What somebody learnt of it.
fn saw(looked: Looked) -> &'static str {
    match looked {
        Looked::Joined(_) => "joined the thread: that says that it is over, not how it ended",
        Looked::Heard(_) => "heard of its end: awaited it, or asked for its outcome",
        Looked::Reaped(_) => "saw the process end: its exit code tells, to whoever reads it",
    }
}

pub fn to_json(graph: &CausalGraph, failure: &Failure, contents: &Contents) -> Value {
    let submitted = failure.submitted.as_ref().map(|submitted| {
        let site = submitted.site.as_ref();
        json!({
            "by": graph.address(submitted.by),
            "name": graph.lane(submitted.by).display_name(),
            "after": submitted.after.map(|after| graph.id(after).to_string()),
            "site": site.map(|site| json!({"file": site.file, "line": site.line, "func": site.func})),
        })
    });
    let looked = |looked: &Looked| {
        let how = match looked {
            Looked::Joined(_) => "joined",
            Looked::Heard(_) => "heard",
            Looked::Reaped(_) => "reaped",
        };
        json!({"how": how, "record": chain::step(graph, looked.at(), contents)})
    };
    json!({
        "where": failure.place,
        "lane": graph.address(failure.victim),
        "name": graph.lane(failure.victim).display_name(),
        "at": chain::step(graph, failure.at, contents),
        "submitted": submitted,
        "looked": failure.looked.iter().map(looked).collect::<Vec<_>>(),
    })
}
