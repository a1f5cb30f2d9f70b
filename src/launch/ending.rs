//! The time limit has passed: ending every process of the run, politely first.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::journal::{self, Entry};
use super::processes::{self, Live, Seen};
use super::question::{self, Question};
use super::supervise::Supervisor;
use super::{EndedProcess, Process};

/// How long a process may take to end itself after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// How long the processes may take, together, to write down where they are before any is ended.
const SNAPSHOTS: Duration = Duration::from_secs(1);

/// How often it is looked whether they have.
const NEXT_LOOK: Duration = Duration::from_millis(20);

/// How long processes are looked for and killed. Only one that sleeps in the kernel, or that is not ours to
/// signal, lives through it.
const KILLING: Duration = Duration::from_secs(5);

/// How soon after a round of SIGKILL the next look is, for those that were forked meanwhile.
const NEXT_ROUND: Duration = Duration::from_millis(50);

/// What became of the run's processes.
pub(super) struct Ending {
    pub(super) ended: Vec<EndedProcess>,
    pub(super) left: Vec<Live>,
}

/// A process that was sent a signal.
struct Told {
    seen: Seen,
    process: Process,
    signal: Signal,
}

/// Asks every process of the run for a snapshot, since what it is doing is what will be asked for afterwards. Those
/// that cannot answer (no watchdog, stopped) are not waited for.
pub(super) fn ask_for_snapshots(supervisor: &mut Supervisor) {
    let deadline = Instant::now() + SNAPSHOTS;
    let living = processes::of_run(&supervisor.spool);
    let can_answer = |live: &&Live| !live.is_stopped() && question::is_watched(live.seen.pid);
    let ask = |live: &Live| question::ask(supervisor.spool.path(), live.key.as_deref()?, "timeout").ok();
    let mut open: Vec<(&Live, Question)> =
        living.iter().filter(can_answer).filter_map(|live| Some((live, ask(live)?))).collect();
    while !open.is_empty() && Instant::now() < deadline {
        std::thread::sleep(NEXT_LOOK);
        open.retain_mut(|(live, question)| live.is_alive() && question.answer().is_none());
    }
    for (_, question) in &open {
        question.withdraw();
    }
    supervisor.drop_signals();
}

/// SIGTERM to every process of the run; [`GRACE`], less when all are gone; then SIGKILL until none is left.
pub(super) fn end_run(supervisor: &mut Supervisor) -> Ending {
    if !processes::are_shown() {
        end_root_alone(supervisor);
    }
    let mut told: Vec<Told> = Vec::new();
    let mut left = rounds(supervisor, &mut told, Signal::TERM, GRACE, None);
    if !left.is_empty() {
        left = rounds(supervisor, &mut told, Signal::KILL, KILLING, Some(NEXT_ROUND));
    }
    // The last ones have ended since the last round began.
    supervisor.reap();
    let is_left = |told: &Told| left.iter().any(|live| live.same_process(&told.seen));
    let ended = told.iter().filter(|told| !is_left(told)).map(Told::as_ended).collect();
    Ending { ended, left }
}

impl Told {
    fn as_ended(&self) -> EndedProcess {
        EndedProcess { process: self.process.clone(), signal: self.signal.as_raw() }
    }
}

/// Where processes cannot be listed, the root is the one that is known; it may see to its own children.
fn end_root_alone(supervisor: &mut Supervisor) {
    for (signal, time) in [(Signal::TERM, GRACE), (Signal::KILL, KILLING)] {
        supervisor.tell_root(signal);
        if supervisor.wait_for_root(Some(Instant::now() + time)) {
            return;
        }
    }
}

/// Sends the signal to every process that has not had it, until none is left or the time is over; who is left.
///
/// Each round looks anew, since a process may fork while it is being ended. Between rounds it waits for one of
/// them to end, `between` at the most.
fn rounds(
    supervisor: &mut Supervisor,
    told: &mut Vec<Told>,
    signal: Signal,
    time: Duration,
    between: Option<Duration>,
) -> Vec<Live> {
    let deadline = Instant::now() + time;
    loop {
        supervisor.reap();
        let living = processes::of_run(&supervisor.spool);
        if living.is_empty() || Instant::now() >= deadline {
            return living;
        }
        let mut refusing = 0;
        for live in &living {
            if told.iter().any(|told| told.signal == signal && live.same_process(&told.seen)) {
                continue;
            }
            if tell(supervisor, live, signal) {
                remember(told, live, signal);
            } else if live.is_alive() {
                refusing += 1;
            }
        }
        if refusing == living.len() {
            return living;
        }
        let next_round = between.map(|between| Instant::now() + between);
        supervisor.wait(&living, Some(next_round.unwrap_or(deadline).min(deadline)));
        supervisor.drop_signals();
    }
}

/// False when the process is not ours to signal, or ended just now.
fn tell(supervisor: &mut Supervisor, live: &Live, signal: Signal) -> bool {
    let mono = journal::now();
    if live.send(signal).is_err() {
        return false;
    }
    if signal == Signal::TERM && live.is_stopped() {
        // A stopped process does not see SIGTERM before it goes on.
        let _ = live.send(Signal::CONT);
    }
    let pid = live.seen.pid.to_string();
    let target = live.key.as_deref().unwrap_or(&pid);
    supervisor.journal.write_at(mono, Entry::Kill { what: "kill", sig: signal.as_raw(), target });
    true
}

fn remember(told: &mut Vec<Told>, live: &Live, signal: Signal) {
    match told.iter_mut().find(|told| live.same_process(&told.seen)) {
        Some(told) => told.signal = signal,
        None => told.push(Told { seen: live.seen.clone(), process: Process::of(live), signal }),
    }
}
