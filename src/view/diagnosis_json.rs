//! Findings as JSON: one document with everything that the text says.

use serde_json::{Value, json};

use crate::diagnose::{Actor, Class, Finding, Place, Resource};
use crate::record::Site;
use crate::view::diagnosis::{certainty, class};
use crate::view::json::timestamp;
use crate::view::threads::Overview;

/// `{"run", "complete", "findings", "counts"}`.
pub fn document(findings: &[Finding], overview: &Overview) -> Value {
    let of = |wanted| findings.iter().filter(|finding| finding.class == wanted).count();
    json!({
        "run": overview.run,
        "complete": overview.missing().is_empty(),
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
        "counts": {
            "faults": of(Class::Fault),
            "observations": of(Class::Observation),
            "processes": overview.processes().len(),
            "lanes": overview.processes().into_iter().map(|process| overview.lanes(process).len()).sum::<usize>(),
            "records": overview.records(),
        },
    })
}

/// One finding.
pub fn finding(finding: &Finding) -> Value {
    json!({
        "kind": finding.kind,
        "class": class(finding.class),
        "certainty": certainty(finding.certainty),
        "title": finding.title,
        "summary": finding.summary,
        "fix": finding.fix,
        "actors": finding.actors.iter().map(actor).collect::<Vec<_>>(),
        "resources": finding.resources.iter().map(resource).collect::<Vec<_>>(),
        "sites": finding.sites.iter().map(place).collect::<Vec<_>>(),
        "notes": finding.notes,
        "evidence": finding.evidence.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "since": finding.since.map(timestamp),
        "until": finding.until.map(timestamp),
        "missing": finding.missing,
        "see": finding.see,
    })
}

fn actor(actor: &Actor) -> Value {
    json!({
        "id": actor.id,
        "process": actor.process,
        "pid": actor.pid,
        "name": actor.name,
        "kind": actor.kind,
        "role": actor.role,
    })
}

fn resource(resource: &Resource) -> Value {
    let site = resource.site.as_ref().map(site);
    json!({"obj": resource.obj, "kind": resource.kind, "name": resource.name, "site": site})
}

fn place(place: &Place) -> Value {
    let mut value = site(&place.site);
    value["role"] = place.role.clone().into();
    value["actor"] = place.actor.clone().into();
    value["since"] = place.since.map_or(Value::Null, timestamp);
    value
}

fn site(site: &Site) -> Value {
    json!({"file": site.file, "line": site.line, "func": site.func})
}
