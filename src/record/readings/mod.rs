//! What each kind of event says, in types: one reading for each kind of the closed list in [`super::event`].
//!
//! A reading borrows from the event's keys, is made when somebody asks, and never fails: a key that is not there, and a
//! key of another shape than it should have, are both `None` or empty, and what stands beside it is still read. Keys that
//! are not known are left alone: they stay in [`Event::keys`]. No reading draws a conclusion.

#[macro_use]
mod keys;
mod blocking;
mod lifecycle;
mod plain;
mod snapshot;

use super::event::EventKind;
use super::{Event, Exception, Site};
use keys::{Keys, Reading};

pub use blocking::{BeginEvent, GotEvent, HeldLock, LastWake, NestEvent, Permit, PoolState, WaitEvent};
pub use keys::{Counts, Places};
pub use lifecycle::{
    ChildEvent, ChildLeft, DaemonLeft, EndEvent, ExcText, ExitEvent, Folded, LaneEvent, LockUse, ProcEvent, QueueLeft,
    ReapEvent, Unretrieved, Usage,
};
pub use plain::{AccessEvent, BlockedEvent, ExcEvent, LostEvent, NoteEvent, ObjEvent, Touch, TransferEvent};
pub use snapshot::{ForeignThread, PipeState, Poll, QueueState, SnapEvent, SnapLane, SnapLoop, SnapTask, SystemCall};

impl Event {
    fn keys(&self) -> Keys<'_> {
        Keys::of(&self.keys)
    }

    /// The typed reading when the event is of one of these kinds.
    fn read<'a, T: Reading<'a>>(&'a self, kinds: &[EventKind]) -> Option<T> {
        kinds.contains(&self.kind).then(|| T::of(self.keys()))
    }

    pub fn proc(&self) -> Option<ProcEvent<'_>> {
        self.read(&[EventKind::Proc])
    }

    pub fn lane(&self) -> Option<LaneEvent<'_>> {
        self.read(&[EventKind::Lane])
    }

    pub fn end(&self) -> Option<EndEvent<'_>> {
        self.read(&[EventKind::End])
    }

    pub fn exit(&self) -> Option<ExitEvent<'_>> {
        self.read(&[EventKind::Exit])
    }

    pub fn child(&self) -> Option<ChildEvent<'_>> {
        self.read(&[EventKind::Child])
    }

    pub fn reap(&self) -> Option<ReapEvent<'_>> {
        self.read(&[EventKind::Reap])
    }

    /// `None` also where it does not say which object.
    pub fn object(&self) -> Option<ObjEvent<'_>> {
        self.read(&[EventKind::Obj]).filter(|object: &ObjEvent| !object.obj.is_empty())
    }

    pub fn wait(&self) -> Option<WaitEvent<'_>> {
        self.read(&[EventKind::Wait])
    }

    pub fn got(&self) -> Option<GotEvent<'_>> {
        self.read(&[EventKind::Got])
    }

    pub fn transfer(&self) -> Option<TransferEvent<'_>> {
        self.read(&[EventKind::Send, EventKind::Recv, EventKind::Acq, EventKind::Rel])
    }

    pub fn begin(&self) -> Option<BeginEvent<'_>> {
        self.read(&[EventKind::Begin])
    }

    pub fn nest(&self) -> Option<NestEvent<'_>> {
        self.read(&[EventKind::Nest])
    }

    pub fn note(&self) -> Option<NoteEvent<'_>> {
        self.read(&[EventKind::Note])
    }

    pub fn unhandled(&self) -> Option<ExcEvent<'_>> {
        self.read(&[EventKind::Exc])
    }

    pub fn access(&self) -> Option<AccessEvent<'_>> {
        self.read(&[EventKind::Access])
    }

    pub fn blocked(&self) -> Option<BlockedEvent<'_>> {
        self.read(&[EventKind::Blocked])
    }

    pub fn snapshot(&self) -> Option<SnapEvent<'_>> {
        self.read(&[EventKind::Snap])
    }

    pub fn lost(&self) -> Option<LostEvent<'_>> {
        self.read(&[EventKind::Lost])
    }

    /// The object that the event is about.
    pub fn obj(&self) -> Option<&str> {
        self.keys().text("obj")
    }

    pub fn site(&self) -> Option<Site> {
        self.keys().site("site")
    }

    /// The exception of an `exc` event, or of an `end` by exception.
    pub fn exception(&self) -> Option<Exception> {
        match self.kind {
            EventKind::Exc => Some(self.keys().exception_in_place()),
            EventKind::End => self.keys().exception("exc"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn event(name: &str, keys: Value) -> Event {
        let Value::Object(keys) = keys else { panic!("keys are an object") };
        Event { kind: EventKind::named(name), name: name.into(), keys }
    }

    #[test]
    fn a_wait_says_what_its_object_knows() {
        let event = event(
            "wait",
            json!({
                "on": "queue-put", "obj": "queue:2", "owner": "t3", "held": [{"obj": "lock:1", "site": ["a.py", 3, "f"]}],
                "stack": [{"file": "a.py", "line": 7, "func": "g"}], "getters": {"t3": 4}, "doners": ["t3", "t4"],
                "permits": [{"lane": "t3", "site": ["a.py", 4, "f"]}], "last": {"what": "notify", "lane": "t2", "waiters": 0},
                "pool": {"obj": "pool:1", "size": 1, "busy": ["t3"], "queued": 2}, "runner": "t3", "timeout": 2,
            }),
        );
        let wait = event.wait().expect("a wait");
        assert_eq!((wait.on, wait.held[0].obj, wait.timeout), (Some("queue-put"), "lock:1", Some(2.0)));
        assert_eq!((wait.getters, wait.doners), (vec![("t3", 4)], vec![("t3", 1), ("t4", 1)]));
        assert_eq!(wait.site.expect("the innermost frame").line, 7);
        assert_eq!(wait.permits[0].site.as_ref().map(|site| site.line), Some(4));
        assert_eq!(wait.last.and_then(|last| last.waiters), Some(0));
        assert_eq!(wait.pool.map(|pool| (pool.size, pool.busy, pool.queued)), Some((Some(1), vec!["t3"], Some(2))));
    }

    #[test]
    fn a_snapshot_tells_of_lanes_and_of_what_tasks_await() {
        let event = event(
            "snap",
            json!({
                "why": "standstill", "lanes": [{"lane": "t1", "stack": [["a.py", 1, "f"]], "wait": "t1@3", "call": {"name": "read", "fd": 3}}, 7],
                "tasks": [{"lane": "a2", "cancelling": 1, "awaits": {"on": "lock", "obj": "lock:4", "owner": "a2"}}],
                "loops": [{"lane": "t1", "timers": 0, "fds": 0}], "queues": [{"obj": "queue:1", "left": 2}],
            }),
        );
        let snap = event.snapshot().expect("a snapshot");
        assert_eq!((snap.lanes.len(), snap.lanes[0].wait), (1, Some("t1@3")));
        let task = &snap.tasks[0];
        assert_eq!((task.cancelling, task.awaits.as_ref().and_then(|wait| wait.owner)), (Some(1), Some("a2")));
        assert_eq!((snap.loops[0].timers, snap.queues[0].left), (Some(0), Some(2)));
    }

    #[test]
    fn a_key_of_another_shape_takes_nothing_else_along() {
        let event = event(
            "exit",
            json!({
                "rc": "none", "queues": [{"obj": 7, "left": 3}, "odd"], "children": {"pid": 1}, "sigchld": "ignored",
                "unretrieved": [{"site": [1, 2], "lane": "t2", "exc": {"type": "KeyError"}}],
            }),
        );
        let exit = event.exit().expect("an exit");
        assert_eq!((exit.rc, exit.queues.len(), exit.queues[0].items), (None, 1, Some(3)));
        assert!(exit.children.is_empty() && exit.sigchld_ignored);
        let future = &exit.unretrieved[0];
        assert_eq!((future.site.is_none(), future.lane), (true, Some("t2")));
        assert_eq!(future.exc.as_ref().map(ToString::to_string).as_deref(), Some("KeyError"));
    }

    proptest! {
        #[test]
        fn no_shape_of_a_key_makes_a_reading_panic(
            name in "proc|lane|end|exit|child|reap|obj|wait|got|send|begin|nest|note|exc|access|blocked|snap|lost",
            key in "n|argv|from|site|held|timeout|since|stack|pool|last|permits|getters|lanes|tasks|queues|children|exc|signals|foreign|unretrieved|obj",
            value in r#"[0-9]{1,3}|"[a-z@]{0,4}"|null|true|\[\]|\{\}|-1|1e300|\[\[1\]\]|\[\{"lane":1,"site":[1,2]\}\]|\{"t1":-1\}"#,
        ) {
            let Ok(value) = serde_json::from_str::<Value>(&value) else { return Ok(()) };
            let event = event(&name, json!({key: value}));
            let read = format!(
                "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
                event.proc(), event.lane(), event.end(), event.exit(), event.child(), event.reap(), event.object()
            ) + &format!(
                "{:?} {:?} {:?} {:?} {:?} {:?}",
                event.wait(), event.got(), event.transfer(), event.begin(), event.nest(), event.note()
            ) + &format!(
                "{:?} {:?} {:?} {:?} {:?}",
                event.unhandled(), event.access(), event.blocked(), event.snapshot(), event.lost()
            );
            prop_assert!(!read.is_empty());
        }
    }
}
