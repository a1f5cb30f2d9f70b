//! What a hang comes to: title, summary, why nobody helps, what would, and where to look.

use super::{Account, MOST_MEMBERS};
use crate::causality::LaneIndex;
use crate::diagnose::hang::words;
use crate::record::LaneKind;

impl Account<'_> {
    /// Title, summary, why nobody helps, what does, and where to look.
    pub(super) fn conclude(&mut self) {
        let hang = self.hang;
        let first = self.blocked(hang.members[0]);
        let on = first.and_then(|blocked| blocked.wait.on).unwrap_or_default();
        let process = self.process(hang.members[0]);
        let who: Vec<String> =
            hang.members.iter().take(3).map(|lane| words::lane(self.graph, *lane, process)).collect();
        let roles: Vec<String> = hang
            .members
            .iter()
            .take(4)
            .filter_map(|lane| Some((words::lane(self.graph, *lane, process), self.blocked(*lane)?)))
            .map(|(name, blocked)| format!("{name} {}", words::waits(self.graph, process, &blocked.wait)))
            .collect();
        let told = roles.join("; ");
        let (title, summary, fix) = match (hang.kind, hang.is_circle) {
            ("pool-exhausted", _) => (
                format!(
                    "{} for work queued behind {} in the same pool",
                    waits_of(&who),
                    if who.len() == 1 { "it" } else { "them" }
                ),
                format!("{told}. Every worker of the pool waits like that, so the queued work never begins."),
                "give the inner work to another pool, or do it in place".to_owned(),
            ),
            (_, true) => (self.circle_title(), self.circle_summary(&told), self.circle_fix()),
            ("deadlock", false) => (
                format!("{} for a child that waits for its pipe", waits_of(&who)),
                format!("{told}; the child cannot end before its pipe is read or closed."),
                "read the child's output (communicate()) before waiting for its end, or close its input".to_owned(),
            ),
            ("orphaned-lock", _) => (
                format!("{} for a lock whose owner is gone", waits_of(&who)),
                format!("{told}; nobody can release it any more."),
                self.orphan_fix(),
            ),
            ("lost-wakeup", _) => (
                format!("{} was notified before it waited", who.join(", ")),
                format!("{told}; the last notify came when nobody waited, and nobody is left to notify again."),
                words::fix("cond").to_owned(),
            ),
            _ => (
                format!("{}, and {}", roles.first().map_or("somebody waits", String::as_str), self.who_goes_on()),
                format!("{told}; {}.", self.why_nobody(on)),
                if self.waits_for_lost_job() { words::fix("job") } else { words::fix(on) }.to_owned(),
            ),
        };
        self.finding.title = title;
        self.finding.summary = summary + &self.beside();
        self.finding.fix = fix;
        let ids: Vec<String> = hang.members.iter().take(MOST_MEMBERS).map(|lane| self.graph.address(*lane)).collect();
        let threads: Vec<&String> = ids.iter().filter(|id| id.contains(".t")).collect();
        let tasks: Vec<&String> = ids.iter().filter(|id| !id.contains(".t")).collect();
        let mut see = "logq timeline".to_owned();
        for (flag, lanes) in [("--thread", threads), ("--task", tasks)] {
            if !lanes.is_empty() {
                let lanes: Vec<&str> = lanes.iter().map(|id| id.as_str()).collect();
                see.push_str(&format!(" {flag} {}", lanes.join(",")));
            }
        }
        self.finding.see = Some(see);
    }

    fn who_goes_on(&self) -> String {
        match self.bystanders() {
            None => "nobody can end that".to_owned(),
            Some((names, false)) => format!("only {names} goes on"),
            Some((names, true)) => format!("only {names} go on"),
        }
    }

    /// Why those who go on are no help.
    fn beside(&self) -> String {
        match self.bystanders() {
            None => String::new(),
            Some((names, _)) if self.hang.bystanders.iter().all(|lane| self.evidence.standing.is_apart(*lane)) => {
                format!(" {names} cannot get at it: neither variables nor code lead there.")
            }
            Some((names, several)) => {
                format!(" {names} {} had nothing to do with it so far.", if several { "have" } else { "has" })
            }
        }
    }

    /// The names of the bystanders, and whether they are several.
    fn bystanders(&self) -> Option<(String, bool)> {
        let process = self.process(self.hang.members[0]);
        let name = |lane: &LaneIndex| words::lane(self.graph, *lane, process);
        let names: Vec<String> = self.hang.bystanders.iter().take(3).map(name).collect();
        let more = self.hang.bystanders.len() - names.len();
        let more = if more > 0 { format!(", {more} more") } else { String::new() };
        (!names.is_empty()).then(|| (names.join(", ") + &more, names.len() > 1))
    }

    fn circle_title(&self) -> String {
        let lanes = self.hang.members.len();
        let locks = self.finding.resources.iter().filter(|resource| resource.obj.contains("lock:")).count();
        if lanes == 1 {
            let name = words::lane(self.graph, self.hang.members[0], self.process(self.hang.members[0]));
            return format!("{name} waits for itself");
        }
        let is_task = |lane: &&LaneIndex| self.graph.lane(**lane).lane.kind == LaneKind::Task;
        let tasks = self.hang.members.iter().filter(is_task).count();
        let greenlets = self.hang.members.iter().filter(|lane| self.graph.lane(**lane).lane.kind == LaneKind::Greenlet);
        let what = if greenlets.count() == lanes {
            "greenlets"
        } else if tasks == lanes {
            "tasks"
        } else if tasks == 0 {
            "threads"
        } else {
            "threads and tasks"
        };
        match locks {
            0 => format!("{lanes} {what} wait for each other"),
            1 => format!("{lanes} {what}, 1 lock"),
            n => format!("{lanes} {what}, {n} locks"),
        }
    }

    fn circle_summary(&self, told: &str) -> String {
        if self.hang.members.len() == 1 {
            return format!("{told}, which it has itself.");
        }
        format!("{told}: a circle, so none of them can go on.")
    }

    fn circle_fix(&self) -> String {
        let mut blocked = self.hang.members.iter().filter_map(|lane| self.blocked(*lane));
        let only_locks = blocked.all(|blocked| matches!(blocked.wait.on, Some("lock" | "rlock")));
        match (only_locks, self.hang.members.len()) {
            (true, 1) => "use an RLock, or take the lock in one place only and call what needs it held",
            (true, _) => "take them in one order everywhere",
            (false, 1) => "let it not wait for its own end or result",
            (false, _) => "hold nothing, and owe nothing, while waiting for the other; or wait with a timeout",
        }
        .to_owned()
    }

    fn orphan_fix(&self) -> String {
        let lane = self.hang.members[0];
        let forked = self
            .blocked(lane)
            .is_some_and(|blocked| self.evidence.standing.left_at_fork(self.process(lane), &blocked.wait).is_some());
        let fix = if forked {
            "start processes by spawn, or fork before threads start; never fork while another thread holds a lock"
        } else {
            words::fix("lock")
        };
        fix.to_owned()
    }

    fn why_nobody(&self, on: &str) -> &'static str {
        let lane = self.hang.members[0];
        if self.waits_for_lost_job() {
            return "the worker that had it is gone, and such a pool gives it to no other";
        }
        let strictly = self.evidence.standing.party(lane).is_some_and(|party| party.stuck);
        match (strictly, on) {
            (true, _) => "everybody else who could do something for it has ended or is stuck too",
            (false, "queue-get") => "whoever has put into it has ended or is stuck",
            (false, "queue-join") => "whoever has taken from it has ended, or waits for more with that undone",
            (false, _) => "whoever did that until then has ended or is stuck",
        }
    }

    fn waits_for_lost_job(&self) -> bool {
        let lane = self.hang.members[0];
        let standing = &self.evidence.standing;
        self.blocked(lane).is_some_and(|blocked| standing.lost_job(self.process(lane), &blocked.wait).is_some())
    }
}

fn waits_of(who: &[String]) -> String {
    match who {
        [one] => format!("{one} waits"),
        several => format!("{} wait", several.join(", ")),
    }
}
