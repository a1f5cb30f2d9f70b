//! New records as they are written, as server-sent events: one thread a listener, and no more listeners than fit. Follows the
//! run that was named; else the newest, and goes over to a newer one when it begins.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::response::sse::Event;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::cases::Cases;
use super::error::ServeError;
use super::question::Question;
use crate::investigation::{self, InvestigationError, RunChoice, Selection};
use crate::query::Query;
use crate::spool::{Entry, Follower, Positions, RunDir, StoreDir};
use crate::store::{Judge, RunReader};
use crate::view::json;

/// How long a line may be on disk before it is seen.
const STEP: Duration = Duration::from_millis(50);
/// How often a newer run is looked for.
const LOOK_FOR_RUNS: Duration = Duration::from_millis(500);
/// Listeners at once; a browser opens six.
const MOST: usize = 24;
/// Records between the thread and a slow browser; the thread waits for it, the program does not.
const AHEAD: usize = 1000;
/// A browser that has taken nothing for so long does not listen: it loses its seat, and may come again.
const DEAF: Duration = Duration::from_secs(30);

static LISTENERS: AtomicUsize = AtomicUsize::new(0);

/// Events on their way to a listener.
pub type Events = mpsc::Receiver<Result<Event, Infallible>>;
type Sender = mpsc::Sender<Result<Event, Infallible>>;

/// One listener; it makes room when it goes.
struct Seat;

impl Seat {
    fn take() -> Option<Seat> {
        let free = |count: usize| (count < MOST).then_some(count + 1);
        LISTENERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free).ok().map(|_| Seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Begins to listen: what a run gets from now on, as far as it is asked for.
///
/// # Errors
/// A question that cannot be read, no such run, or too many listeners.
pub fn listen(cases: &Arc<Cases>, question: &Question, now: i64) -> Result<Events, ServeError> {
    let selection = question.selection(cases.store.path().to_owned(), now)?;
    let query = question.parsed(now)?.query;
    let followed = match investigation::newest_run(&cases.store, &selection.run) {
        Ok(run) => {
            let here = RunReader::open(&run)?.positions();
            Some(Followed::of(run, &here, &selection, &query)?)
        }
        // The first run of a store is waited for.
        Err(InvestigationError::NotFound { .. }) if selection.run == RunChoice::Newest => None,
        Err(error) => return Err(error.into()),
    };
    let seat = Seat::take().ok_or(ServeError::Full(MOST))?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    let store = cases.store.clone();
    std::thread::spawn(move || {
        let _seat = seat;
        tell(&store, &selection, &query, followed, &sender);
    });
    Ok(receiver)
}

/// Until nobody listens any more, or the run cannot be read.
fn tell(store: &StoreDir, selection: &Selection, query: &Query, mut followed: Option<Followed>, sender: &Sender) {
    let mut looked = Instant::now();
    let tells = |followed: &mut Option<Followed>| followed.as_mut().is_none_or(|followed| followed.tell(sender));
    while !sender.is_closed() && tells(&mut followed) {
        std::thread::sleep(STEP);
        if selection.run != RunChoice::Newest || looked.elapsed() < LOOK_FOR_RUNS {
            continue;
        }
        looked = Instant::now();
        let run = followed.as_ref().map(|followed| &followed.run);
        let Some(newer) = newer(store, run, selection, query) else { continue };
        if !tells(&mut followed) {
            return;
        }
        followed = Some(newer);
    }
}

/// A run that has begun since; one in which the chosen lanes are not there yet is looked at again later.
fn newer(store: &StoreDir, than: Option<&RunDir>, selection: &Selection, query: &Query) -> Option<Followed> {
    let run = investigation::newest_run(store, &RunChoice::Newest).ok().filter(|run| Some(run) != than)?;
    Followed::of(run, &Positions::default(), selection, query).ok()
}

struct Followed {
    run: RunDir,
    follower: Follower,
    judge: Judge,
}

impl Followed {
    fn of(run: RunDir, from: &Positions, selection: &Selection, query: &Query) -> Result<Followed, InvestigationError> {
        let judge = investigation::filter_for(&run, selection, query)?.compile();
        let follower = Follower::new(run.spool(), from);
        Ok(Followed { run, follower, judge })
    }

    /// Sends what is new; `false` where nobody listens or nothing can be read.
    fn tell(&mut self, sender: &Sender) -> bool {
        let (run, judge) = (json!(self.run.name()), &self.judge);
        let polled = self.follower.poll(&mut |entry: Entry<'_>| {
            if sender.is_closed() {
                return ControlFlow::Break(());
            }
            if !judge.passes(&entry.record) {
                return ControlFlow::Continue(());
            }
            let mut line = Vec::new();
            // Writing into memory cannot fail.
            let _ = json::write_record(&entry.record, entry.line, &mut line);
            let text = format!(r#"{{"run":{run},"record":{}}}"#, String::from_utf8_lossy(line.trim_ascii_end()));
            send(sender, "record", &text, DEAF)
        });
        match polled {
            Ok(flow) => flow.is_continue(),
            Err(error) => {
                let text = json!({"run": self.run.name(), "error": error.to_string()}).to_string();
                let _ = send(sender, "trouble", &text, DEAF);
                false
            }
        }
    }
}

/// Sends an event as soon as there is room for it.
fn send(sender: &Sender, name: &str, text: &str, patience: Duration) -> ControlFlow<()> {
    // The one character that an event may not have; in JSON it only ever stands between values.
    let mut event = Ok(Event::default().event(name).data(text.replace('\r', " ")));
    let begun = Instant::now();
    loop {
        event = match sender.try_send(event) {
            Ok(()) => return ControlFlow::Continue(()),
            Err(TrySendError::Full(event)) if begun.elapsed() < patience => event,
            Err(_) => return ControlFlow::Break(()),
        };
        std::thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_nothing_or_has_gone_is_not_waited_for() {
        let (sender, receiver) = mpsc::channel(1);
        let soon = Duration::from_millis(1);
        assert!(send(&sender, "record", "{}", soon).is_continue());
        assert!(send(&sender, "record", "{}", soon).is_break());
        let waits = std::thread::spawn(move || send(&sender, "record", "{}", Duration::MAX));
        drop(receiver);
        assert!(waits.join().expect("no panic").is_break());
    }

    #[test]
    fn a_run_that_cannot_be_read_any_more_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = StoreDir::create(folder.path()).expect("a store");
        let run = store.create_run("20261122-171503-k3f9").expect("a run");
        let selection = Selection::default();
        let mut followed =
            Followed::of(run.clone(), &Positions::default(), &selection, &Query::And(Vec::new())).expect("followed");
        std::fs::remove_dir_all(run.spool_path()).expect("removed");
        std::fs::write(run.spool_path(), "no folder").expect("written");
        let (sender, mut receiver) = mpsc::channel(AHEAD);
        assert!(!followed.tell(&sender));
        let told = receiver.blocking_recv().map(|event| format!("{event:?}")).expect("an event");
        assert!(told.contains("trouble") && told.contains("20261122-171503-k3f9"), "{told}");
    }
}
