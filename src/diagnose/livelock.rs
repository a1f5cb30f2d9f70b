//! Kind `livelock`: lanes that are busy and get nowhere, since each goes by a state that only the others could change.

use super::{Actor, Certainty, Diagnosis, Evidence, Finding, Resource};
use crate::causality::{LaneIndex, Need, Party, ProcessIndex, Standing, State};
use crate::record::LaneKind;
use crate::record::readings::{Poll, SnapEvent};

/// A flag that was asked so often without a change is polled.
const OFTEN: u64 = 20;
/// So many log records have to repeat each other.
const REPEATED: usize = 8;

pub struct Livelock;

impl Diagnosis for Livelock {
    fn kind(&self) -> &'static str {
        "livelock"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let processes = (0..evidence.graph.processes.len()).map(ProcessIndex);
        processes.filter_map(|process| check_process(evidence, process)).collect()
    }

    fn explain(&self) -> &'static str {
        "livelock: threads stay busy and get nowhere: each asks a state that only the others could change, backs off, and \
         asks again.\n\
         Seen by: two or more threads of a snapshot have asked the same flags or locks over and over without a change, what \
         they log repeats word by word or each holds the lock that the other one tries for, somebody waits for them, and nobody else is left who could change anything.\n\
         Helps: break the symmetry (an order among the rivals, or a random pause), or take turns by a lock or a queue."
    }
}

/// One who polls, and what.
struct Poller<'g> {
    lane: LaneIndex,
    polls: Vec<Poll<'g>>,
    /// The locks that it holds.
    held: Vec<&'g str>,
    /// Who had the locks that it tried for in vain.
    owners: Vec<LaneIndex>,
}

impl Poller<'_> {
    /// It tries for a lock that the other one holds, or held each time.
    fn tries_what_is_held_by(&self, other: &Poller) -> bool {
        let mut tried = self.polls.iter().filter_map(|poll| poll.obj);
        self.owners.contains(&other.lane) || tried.any(|obj| other.held.contains(&obj))
    }

    /// Each of the two holds a lock that the other one tries for in vain.
    fn keeps_out(&self, other: &Poller) -> bool {
        self.lane != other.lane && self.tries_what_is_held_by(other) && other.tries_what_is_held_by(self)
    }
}

fn check_process(evidence: &Evidence, process: ProcessIndex) -> Option<Finding> {
    let standing = &evidence.standing;
    let (snap, told) = standing.snap(process)?;
    let pollers = rivals(standing, process, told);
    if pollers.len() < 2 || !nobody_else(standing, process, &pollers, told) {
        return None;
    }
    let waiting = waiting_for(standing, process, &pollers);
    if waiting.is_empty() {
        return None;
    }
    let repeats = |poller: &Poller| evidence.graph.lane(poller.lane).rhythm.repeats(REPEATED);
    // One that logs what is new each time gets somewhere, though not into the other's lock.
    let is_silent = |poller: &Poller| evidence.graph.lane(poller.lane).logs == 0 || !poller.held.is_empty();
    let is_kept_out = |poller: &Poller| is_silent(poller) && pollers.iter().any(|other| poller.keeps_out(other));
    let certainty = if pollers.iter().all(|poller| repeats(poller) || is_kept_out(poller)) {
        Certainty::Likely
    } else {
        Certainty::Possible
    };
    let mut finding = describe(evidence, process, &pollers, certainty);
    for lane in waiting.iter().take(2) {
        finding.actor(Actor::lane(evidence.graph, *lane, "waits for them"));
    }
    finding.evidence(snap.id.clone());
    for poller in &pollers {
        let last = evidence.graph.last_up_to(poller.lane, u64::MAX);
        finding.evidence.extend(last.map(|last| evidence.graph.id(last)));
    }
    Some(finding)
}

/// Threads that poll what others of them poll too, or hold: two flags at least, since one that all ask is most often a sign to stop.
fn rivals<'g>(standing: &Standing<'g>, process: ProcessIndex, told: &SnapEvent<'g>) -> Vec<Poller<'g>> {
    let all: Vec<Poller> = told
        .lanes
        .iter()
        .filter_map(|seen| {
            let lane = standing.graph.mentioned(process, seen.lane)?;
            standing.party(lane).filter(|party| matches!(party.state, State::Free))?;
            let polls = seen.polls.iter().filter(|poll| poll.n.is_some_and(|n| n >= OFTEN) && poll.obj.is_some());
            let polls: Vec<Poll> = polls.cloned().collect();
            let held = seen.held.iter().map(|held| held.obj).collect();
            let owners = polls.iter().filter_map(|poll| standing.graph.mentioned(process, poll.owner?)).collect();
            (!polls.is_empty()).then_some(Poller { lane, polls, held, owners })
        })
        .collect();
    let shares = |one: &Poller, other: &Poller| {
        let alike = || one.polls.iter().any(|poll| other.polls.iter().any(|theirs| theirs.obj == poll.obj));
        one.lane != other.lane && (alike() || one.keeps_out(other))
    };
    let kept: Vec<bool> = all.iter().map(|one| all.iter().any(|other| shares(one, other))).collect();
    let rivals: Vec<Poller> = all.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(poller, _)| poller).collect();
    let mut flags: Vec<_> = rivals.iter().flat_map(|poller| poller.polls.iter().map(|poll| poll.obj)).collect();
    flags.sort_unstable();
    flags.dedup();
    if flags.len() < 2 { Vec::new() } else { rivals }
}

/// Whether nobody but the rivals could change what they ask.
fn nobody_else(standing: &Standing, process: ProcessIndex, rivals: &[Poller], told: &SnapEvent) -> bool {
    let others = standing.parties.iter().filter(|party| standing.graph.lane(party.lane).process == process);
    let mut others = others.filter(|party| !rivals.iter().any(|rival| rival.lane == party.lane));
    let handled = told.signals.iter().any(|signal| *signal != "SIGINT");
    let goes_on = |party: &Party| matches!(party.state, State::Free | State::IdleLoop);
    let bystanders = standing.bystanders(process);
    !handled && others.all(|party| !goes_on(party) || bystanders.contains(&party.lane))
}

/// Who waits for one of the rivals, as far as it is known.
fn waiting_for(standing: &Standing, process: ProcessIndex, rivals: &[Poller]) -> Vec<LaneIndex> {
    let is_rival = |lane: &LaneIndex| rivals.iter().any(|rival| rival.lane == *lane);
    let waits = |party: &&Party| match &party.state {
        State::Exiting => true,
        State::Blocked(blocked) => match &blocked.need {
            Need::Lane(lane) | Need::EndOf(lane) => is_rival(lane),
            Need::Anyone { .. } => standing.graph.lane(party.lane).lane.kind == LaneKind::Thread,
            _ => false,
        },
        _ => false,
    };
    let own = standing.parties.iter().filter(|party| standing.graph.lane(party.lane).process == process);
    own.filter(waits).map(|party| party.lane).collect()
}

fn describe(evidence: &Evidence, process: ProcessIndex, rivals: &[Poller], certainty: Certainty) -> Finding {
    let graph = evidence.graph;
    let title = format!("{} threads are busy and get nowhere", rivals.len());
    let mut finding = Finding::fault("livelock", certainty, title);
    let mut names = Vec::new();
    for rival in rivals.iter().take(5) {
        let id = graph.address(rival.lane);
        let mut roles = Vec::new();
        for poll in rival.polls.iter().take(3) {
            let Some(obj) = poll.obj else { continue };
            let resource = Resource::of(graph, process, obj);
            let value = poll.value.as_deref().map_or_else(String::new, |value| format!(", always {value}"));
            let role = format!("has asked {} {} times{value}", resource.called(), poll.n.unwrap_or(OFTEN));
            finding.site(poll.site.as_ref(), role.clone(), Some(&id), None);
            finding.resource(resource);
            roles.push(role);
        }
        let started = graph.lane(rival.lane).site.clone();
        finding.site(started.as_ref(), "started", Some(&id), None);
        finding.actor(Actor::lane(graph, rival.lane, roles.join(", ")));
        names.push(graph.lane(rival.lane).display_name());
    }
    finding.summary = format!(
        "{} go by what the others could change, find it unchanged each time, and try again; nobody else could change it.",
        names.join(" and ")
    );
    finding.fix =
        "break the symmetry: an order among them, a random pause, or one lock or queue that says whose turn it is"
            .to_owned();
    let lanes: Vec<String> = rivals.iter().take(5).map(|rival| graph.address(rival.lane)).collect();
    finding.see = Some(format!("logq timeline --thread {}", lanes.join(",")));
    finding
}
