//! Where the time went, as one JSON document. All times in ns.

use serde_json::{Value, json};

use super::path::{Owner, Share};
use super::{LaneTime, ObjectTime, Stats, steps};
use crate::causality::LaneIndex;
use crate::causality::time::{ObjectIndex, Place, WaitKind};

/// The whole answer, the steps of the critical path only where they are asked for.
pub fn document(stats: &Stats, run: &str, with_steps: bool) -> Value {
    json!({
        "run": run,
        "took": stats.took(),
        "finished": !stats.unfinished,
        "tasks": stats.tasks,
        "steps": with_steps.then(|| steps::document(stats)),
        "critical_path": stats.shares.iter().map(|share| share_json(stats, share)).collect::<Vec<_>>(),
        "without": stats.without.map(|(object, least)| json!({"object": object_json(stats, object), "at_least": least})),
        "lanes": stats.lanes.iter().map(|(lane, time)| lane_json(stats, *lane, time)).collect::<Vec<_>>(),
        "objects": stats.objects.iter().map(|time| waits_json(stats, time)).collect::<Vec<_>>(),
        "pools": stats.pools.iter().map(|pool| json!({
            "object": object_json(stats, pool.object), "late_jobs": pool.backlog.jobs, "longest": pool.backlog.longest,
        })).collect::<Vec<_>>(),
    })
}

fn share_json(stats: &Stats, share: &Share) -> Value {
    let (what, object, lane) = match &share.owner {
        Owner::Object(kind, object) => (kind_name(*kind).to_owned(), Some(*object), None),
        Owner::Alone(on, object, whom) => (on.clone(), *object, *whom),
        Owner::Work(lane) => ("work".to_owned(), None, Some(*lane)),
        Owner::Resuming => ("resuming".to_owned(), None, None),
        Owner::Starting => ("starting".to_owned(), None, None),
    };
    let by = share.by.iter().map(|worker| {
        json!({"lane": stats.graph.address(worker.lane), "site": place_json(stats, worker.place), "ns": worker.ns})
    });
    json!({
        "what": what,
        "object": object.map(|object| object_json(stats, object)),
        "lane": lane.map(|lane| stats.graph.address(lane)),
        "ns": share.ns,
        "by": by.collect::<Vec<_>>(),
    })
}

fn lane_json(stats: &Stats, lane: LaneIndex, time: &LaneTime) -> Value {
    let facts = stats.graph.lane(lane);
    json!({
        "id": stats.graph.address(lane), "name": facts.name, "fn": facts.function, "wall": time.wall, "cpu": time.on_cpu,
        "waited": time.waited, "idle": time.idle, "runnable": time.no_cpu, "rest": time.rest, "gil": time.gil,
        "longest": time.longest.as_ref().map(|longest| json!({
            "on": longest.on, "object": longest.object.map(|object| object_json(stats, object)),
            "lane": longest.whom.map(|lane| stats.graph.address(lane)), "ns": longest.ns,
        })),
    })
}

fn waits_json(stats: &Stats, time: &ObjectTime) -> Value {
    let holders = time.holders.iter().map(|holder| {
        json!({"lane": stats.graph.address(holder.lane), "site": place_json(stats, holder.place), "ns": holder.ns})
    });
    json!({
        "object": object_json(stats, time.object), "kind": kind_name(time.kind), "waits": time.waits, "waited": time.waited,
        "longest": time.longest, "lanes": time.lanes, "open": time.open,
        "longest_id": time.longest_by.map(|(lane, seq)| stats.graph.id_of(lane, seq).to_string()),
        "holders": holders.collect::<Vec<_>>(),
    })
}

pub(super) fn object_json(stats: &Stats, index: ObjectIndex) -> Value {
    let object = stats.schedule.ledger.object(index);
    let facts = stats.graph.object(object.process, &object.name);
    json!({
        "obj": &*object.name, "process": stats.graph.processes[object.process.0].number, "called": stats.object(index),
        "kind": facts.and_then(|facts| facts.kind.clone()), "name": facts.and_then(|facts| facts.name.clone()),
        "site": facts.and_then(|facts| facts.site.as_ref()).map(|site| json!({"file": site.file, "line": site.line, "func": site.func})),
    })
}

pub(super) fn place_json(stats: &Stats, place: Option<Place>) -> Value {
    let site = place.map(|place| stats.schedule.ledger.place(place));
    site.map_or(Value::Null, |site| json!({"file": site.file, "line": site.line, "func": site.func}))
}

pub(super) fn kind_name(kind: WaitKind) -> &'static str {
    match kind {
        WaitKind::Exclusion => "lock",
        WaitKind::Item => "queue-empty",
        WaitKind::Room => "queue-full",
        WaitKind::Signal => "signal",
        WaitKind::Work => "work",
        WaitKind::Idle => "idle",
        WaitKind::Elsewhere => "elsewhere",
    }
}
