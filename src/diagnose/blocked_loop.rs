//! Kind `blocked-loop`: one step of a task, or one callback, kept an event loop from turning while others were due.

use std::collections::BTreeMap;

use super::wording::{counted, is_own, lasting, list, name_of, place};
use super::{Actor, Certainty, Diagnosis, Evidence, Finding};
use crate::causality::{CausalGraph, LaneIndex, Observed, ProcessIndex};
use crate::record::readings::BlockedEvent;
use crate::record::{EventKind, Site};

pub struct BlockedLoop;

/// Shorter ones, in ms, are every program's daily bread.
const SHORT: u64 = 250;
/// A lane that is later than this, in ms, has been held up.
const LATE: u64 = 100;
const FRAMES: usize = 4;
const VICTIMS: usize = 6;

impl Diagnosis for BlockedLoop {
    fn kind(&self) -> &'static str {
        "blocked-loop"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let mut blocks: BTreeMap<(ProcessIndex, LaneIndex), Vec<Block>> = BTreeMap::new();
        for observed in graph.observed.of(EventKind::Blocked) {
            let Some(told) = observed.event.blocked() else { continue };
            let home = told.in_loop.and_then(|lane| graph.mentioned(observed.process, lane));
            let holder = told.lane.and_then(|lane| graph.mentioned(observed.process, lane));
            let Some(holder) = holder.or(home) else { continue };
            let of_holder = blocks.entry((observed.process, holder)).or_default();
            match of_holder.last_mut().filter(|block| block.is_open) {
                Some(block) => block.go_on(observed, told),
                None => of_holder.push(Block::of(observed, told)),
            }
        }
        let found = blocks.into_iter().flat_map(|((_, holder), blocks)| by_place(graph, holder, blocks));
        found.collect()
    }

    fn explain(&self) -> &'static str {
        "blocked-loop: an event loop did not turn, because one step of a task or one callback went on for long; everything \
         else in the loop was late.\n\
         Seen by: the watchdog, which looks ten times a second at what the loop's thread is doing. Certain where it saw \
         the same function more than once in one turn, for over 250 ms, not counting the time for which the machine had \
         no processor for the thread, and other tasks were due meanwhile; otherwise possible.\n\
         Helps: await asyncio.sleep instead of time.sleep; await asyncio.to_thread(…) or a process pool for what blocks \
         or computes for long."
    }
}

/// One time that a loop did not turn: what the watchdog wrote of it at its beginning, while it went on, and at its end.
struct Block<'a> {
    first: &'a Observed,
    last: &'a Observed,
    stack: Vec<Site>,
    ms: u64,
    /// For how long of that the machine had no processor for it.
    unserved: u64,
    samples: u64,
    victims: Vec<(&'a str, u64)>,
    calls: Vec<(&'a str, u64)>,
    is_open: bool,
}

impl<'a> Block<'a> {
    fn of(observed: &'a Observed, told: BlockedEvent<'a>) -> Block<'a> {
        Block {
            first: observed,
            last: observed,
            ms: told.ms.unwrap_or(0),
            unserved: told.unserved.unwrap_or(0),
            samples: told.samples.unwrap_or(1),
            is_open: !told.over,
            stack: told.stack,
            victims: told.victims,
            calls: told.calls,
        }
    }

    fn go_on(&mut self, observed: &'a Observed, told: BlockedEvent<'a>) {
        self.last = observed;
        self.ms = self.ms.max(told.ms.unwrap_or(0));
        self.unserved = self.unserved.max(told.unserved.unwrap_or(0));
        self.samples = self.samples.max(told.samples.unwrap_or(1));
        self.is_open = !told.over;
        if !told.stack.is_empty() {
            self.stack = told.stack;
        }
        add_late(&mut self.victims, told.victims);
        add_late(&mut self.calls, told.calls);
    }

    /// The innermost frame of the program's own.
    fn place(&self) -> Option<&Site> {
        self.stack.iter().find(|site| is_own(&site.file)).or(self.stack.first())
    }

    fn certainty(&self) -> Certainty {
        let held_up = self.victims.iter().chain(&self.calls).any(|(_, late)| *late >= LATE);
        // A machine that has no processor for the thread holds up the best of loops.
        let own = self.ms.saturating_sub(self.unserved);
        if own >= SHORT && self.samples >= 2 && held_up { Certainty::Certain } else { Certainty::Possible }
    }
}

/// Each once, by as much as it was ever late.
fn add_late<'a>(known: &mut Vec<(&'a str, u64)>, told: Vec<(&'a str, u64)>) {
    for (name, late) in told {
        match known.iter_mut().find(|(other, _)| *other == name) {
            Some((_, known)) => *known = late.max(*known),
            None => known.push((name, late)),
        }
    }
}

/// One finding for each place where a lane blocked its loop.
fn by_place<'a>(graph: &CausalGraph, holder: LaneIndex, blocks: Vec<Block<'a>>) -> Vec<Finding> {
    let mut places: Vec<Vec<Block<'a>>> = Vec::new();
    for block in blocks {
        match places.iter_mut().find(|alike| alike[0].place() == block.place()) {
            Some(alike) => alike.push(block),
            None => places.push(vec![block]),
        }
    }
    places.iter().filter_map(|blocks| describe(graph, holder, blocks)).collect()
}

fn describe(graph: &CausalGraph, holder: LaneIndex, blocks: &[Block]) -> Option<Finding> {
    let worst = blocks.iter().min_by_key(|block| (block.certainty(), u64::MAX - block.ms))?;
    let certainty = worst.certainty();
    if worst.ms < SHORT {
        return None;
    }
    let name = name_of(graph, holder);
    let times = if blocks.len() == 1 { String::new() } else { format!(", {}", counted(blocks.len() as u64, "time")) };
    let title = format!("{name} held the event loop for {}{times}", lasting(worst.ms));
    let mut finding = Finding::fault("blocked-loop", certainty, title);
    let actor = Actor::lane(graph, holder, format!("held the loop for {}{times}", lasting(worst.ms)));
    let id = actor.id.clone();
    finding.actor(actor);
    for (depth, site) in worst.stack.iter().take(FRAMES).enumerate() {
        let role = if depth == 0 { "blocks the loop here" } else { "called from here" };
        finding.site(Some(site), role, Some(&id), Some(worst.first.ts));
    }
    let mut late: Vec<(LaneIndex, u64)> = Vec::new();
    for (lane, ms) in blocks.iter().flat_map(|block| &block.victims) {
        let Some(lane) = graph.mentioned(worst.first.process, lane) else { continue };
        match late.iter_mut().find(|(known, _)| *known == lane) {
            Some((_, known)) => *known = (*ms).max(*known),
            None => late.push((lane, *ms)),
        }
    }
    late.sort_by_key(|(lane, ms)| (u64::MAX - ms, *lane));
    for (lane, ms) in late.iter().take(VICTIMS) {
        finding.actor(Actor::lane(graph, *lane, format!("was late by {}", lasting(*ms))));
    }
    let mut victims: Vec<(String, u64)> = late.iter().map(|(lane, ms)| (name_of(graph, *lane), *ms)).collect();
    let mut calls = Vec::new();
    blocks.iter().for_each(|block| add_late(&mut calls, block.calls.clone()));
    victims.extend(calls.into_iter().map(|(name, ms)| (name.to_owned(), ms)));
    victims.sort_by_key(|(_, ms)| u64::MAX - ms);
    let names: Vec<String> = victims.iter().map(|(name, _)| name.clone()).collect();
    let where_at = worst.place().map_or_else(String::new, |site| format!(" at {}", place(site)));
    finding.summary = match victims.first() {
        Some((_, ms)) => {
            format!(
                "{name} did not give the turn back{where_at}; {} came late, by up to {}.",
                list(&names),
                lasting(*ms)
            )
        }
        None => format!("{name} did not give the turn back{where_at}; nobody else was seen to be due."),
    };
    finding.fix = "await something instead, or hand it to asyncio.to_thread or to a pool".to_owned();
    finding.since = Some(worst.first.ts);
    finding.until = (!worst.is_open).then_some(worst.last.ts);
    for block in blocks.iter().take(VICTIMS) {
        finding.evidence(graph.id_of(block.last.lane, block.last.seq));
    }
    Some(finding)
}
