//! The lanes of two runs laid side by side: those of one role that did the same, and, of those that are left, which pieces
//! of work were done otherwise.

use std::collections::{BTreeMap, HashMap};

use super::account::Account;
use super::roles::{RoleId, Roles};
use super::steps::{self, Act, Step};
use crate::causality::LaneIndex;

/// What did not agree.
#[derive(Debug)]
pub(super) struct Alignment {
    /// Stretches of steps that stand for each other, and differ. One of the two may be missing.
    pub apart: Vec<(Option<Stretch>, Option<Stretch>)>,
    /// Roles whose lanes did the same work, shared out otherwise.
    pub shuffled: Vec<RoleId>,
}

/// Steps of one lane.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub lane: LaneIndex,
    pub steps: Vec<Step>,
    /// The step before them, if any.
    pub before: Option<Step>,
}

type Lanes = BTreeMap<LaneIndex, Vec<Step>>;

/// So many pieces of work of one role are laid side by side to see which is most like which.
const MOST_COMPARED: usize = 400;

impl Alignment {
    pub fn of(one: &Account, other: &Account, roles: &Roles) -> Alignment {
        let steps = [steps::steps(one, roles, 0), steps::steps(other, roles, 1)];
        let (ours, theirs) = (roles.lanes(0, one), roles.lanes(1, other));
        let mut alignment = Alignment { apart: Vec::new(), shuffled: Vec::new() };
        for role in ours.keys().chain(theirs.keys().filter(|role| !ours.contains_key(role))) {
            let none = Vec::new();
            let (ours, theirs) = (ours.get(role).unwrap_or(&none), theirs.get(role).unwrap_or(&none));
            if let ([one], [other]) = (ours.as_slice(), theirs.as_slice()) {
                alignment.compare(whole(&steps[0], *one), whole(&steps[1], *other));
                continue;
            }
            let (ours, theirs) = unlike(&steps, ours, theirs);
            alignment.share_out(*role, &steps, &ours, &theirs);
        }
        alignment
    }

    fn compare(&mut self, one: Stretch, other: Stretch) {
        if acts(&one.steps) != acts(&other.steps) {
            self.apart.push((Some(one), Some(other)));
        }
    }

    /// Interchangeable lanes of which none did just what one of the other run did: their pieces of work are compared,
    /// whoever did them.
    fn share_out(&mut self, role: RoleId, steps: &[Lanes; 2], ours: &[LaneIndex], theirs: &[LaneIndex]) {
        match (ours, theirs) {
            ([], []) => return,
            ([one], [other]) => return self.compare(whole(&steps[0], *one), whole(&steps[1], *other)),
            _ => {}
        }
        let mut ours: Vec<Stretch> = ours.iter().flat_map(|lane| pieces(&steps[0], *lane)).collect();
        let mut theirs: Vec<Stretch> = theirs.iter().flat_map(|lane| pieces(&steps[1], *lane)).collect();
        cancel(&mut ours, &mut theirs);
        if ours.is_empty() && theirs.is_empty() {
            self.shuffled.push(role);
        }
        for stretch in ours {
            let likest = likest(&stretch, &theirs);
            let other = likest.map(|place| theirs.remove(place));
            self.apart.push((Some(stretch), other));
        }
        self.apart.extend(theirs.into_iter().map(|stretch| (None, Some(stretch))));
    }
}

pub(super) fn acts(steps: &[Step]) -> Vec<Act> {
    steps.iter().map(|step| step.act).collect()
}

fn whole(lanes: &Lanes, lane: LaneIndex) -> Stretch {
    Stretch { lane, steps: lanes.get(&lane).cloned().unwrap_or_default(), before: None }
}

/// The lanes of either run that none of the other run's did just the same as.
fn unlike(steps: &[Lanes; 2], ours: &[LaneIndex], theirs: &[LaneIndex]) -> (Vec<LaneIndex>, Vec<LaneIndex>) {
    let acts_of = |run: usize, lane: &LaneIndex| steps[run].get(lane).map(|steps| acts(steps)).unwrap_or_default();
    let mut same: HashMap<Vec<Act>, usize> = HashMap::new();
    for lane in theirs {
        *same.entry(acts_of(1, lane)).or_default() += 1;
    }
    let left: Vec<LaneIndex> = ours.iter().copied().filter(|lane| !take_one(&mut same, &acts_of(0, lane))).collect();
    // What is still counted has no counterpart.
    let right = theirs.iter().copied().filter(|lane| take_one(&mut same, &acts_of(1, lane)));
    (left, right.collect())
}

/// Whether there was one left to take.
fn take_one(counted: &mut HashMap<Vec<Act>, usize>, acts: &Vec<Act>) -> bool {
    match counted.get_mut(acts).filter(|count| **count > 0) {
        Some(count) => {
            *count -= 1;
            true
        }
        None => false,
    }
}

/// A lane's steps, cut before each piece of work that it was handed.
fn pieces(lanes: &Lanes, lane: LaneIndex) -> Vec<Stretch> {
    let Some(steps) = lanes.get(&lane) else { return Vec::new() };
    let mut pieces: Vec<Stretch> = Vec::new();
    let mut before = None;
    for step in steps {
        let cut = pieces.last().is_none_or(|_| step.opens);
        match pieces.last_mut().filter(|_| !cut) {
            Some(piece) => piece.steps.push(*step),
            None => pieces.push(Stretch { lane, steps: vec![*step], before }),
        }
        before = Some(*step);
    }
    pieces
}

/// Takes away what both have.
fn cancel(ours: &mut Vec<Stretch>, theirs: &mut Vec<Stretch>) {
    let mut there: HashMap<Vec<Act>, usize> = HashMap::new();
    for stretch in theirs.iter() {
        *there.entry(acts(&stretch.steps)).or_default() += 1;
    }
    let mut gone: HashMap<Vec<Act>, usize> = HashMap::new();
    ours.retain(|stretch| {
        let key = acts(&stretch.steps);
        let is_there = take_one(&mut there, &key);
        if is_there {
            *gone.entry(key).or_default() += 1;
        }
        !is_there
    });
    theirs.retain(|stretch| !take_one(&mut gone, &acts(&stretch.steps)));
}

/// The stretch that agrees with this one for longest, then the one that has most in common with it; of equals the first.
fn likest(stretch: &Stretch, others: &[Stretch]) -> Option<usize> {
    let likeness = |other: &Stretch| {
        let both = stretch.steps.iter().zip(&other.steps);
        let agreed = both.take_while(|(one, other)| one.act == other.act).count();
        (agreed, in_common(stretch, other))
    };
    let mut best: Option<(usize, (usize, usize))> = None;
    for (place, other) in others.iter().take(MOST_COMPARED).enumerate() {
        let likeness = likeness(other);
        if likeness > (0, 0) && best.is_none_or(|(_, most)| likeness > most) {
            best = Some((place, likeness));
        }
    }
    best.map(|(place, _)| place)
}

/// How many acts both have.
fn in_common(one: &Stretch, other: &Stretch) -> usize {
    let mut there: HashMap<Act, usize> = HashMap::new();
    for step in &one.steps {
        *there.entry(step.act).or_default() += 1;
    }
    let mut is_there = |step: &Step| match there.get_mut(&step.act).filter(|count| **count > 0) {
        Some(count) => {
            *count -= 1;
            true
        }
        None => false,
    };
    other.steps.iter().filter(|step| is_there(step)).count()
}
