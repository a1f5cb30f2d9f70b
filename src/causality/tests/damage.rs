//! What is missing in the records or contradicts itself: kept as a fact, named by whatever passes it, never used.

use super::*;

/// A record: lane, number, clock, what it merged. Lane 0 is t1.
type Told<'a> = (usize, u64, u64, &'a [(usize, u64)]);

fn graph_of(records: &[Told]) -> CausalGraph {
    let mut builder = Builder::new();
    for (lane, seq, mono, merged) in records {
        builder.add(&record(*lane, *seq, *mono, &merged.iter().copied().collect(), &Seen::new()));
    }
    builder.finish()
}

#[test]
fn missing_and_repeated_numbers_are_counted() {
    let merged: &[(usize, u64)] = &[(1, 5)];
    let graph = graph_of(&[2, 3, 3, 7].map(|seq| (0, seq, seq, merged)));
    let facts = graph.lanes.iter().find(|facts| !facts.nodes.is_empty()).expect("the lane");
    assert_eq!((facts.gaps, facts.repeated, graph.dangling), (4, 1, 4));
}

#[test]
fn a_circle_of_stamps_is_named_and_orders_nothing() {
    let graph = graph_of(&[
        (0, 1, 1, &[]),
        (0, 2, 2, &[(1, 2)]),
        (1, 1, 3, &[(0, 1)]),
        (1, 2, 4, &[(0, 2)]),
        (2, 1, 5, &[(1, 2)]),
    ]);
    let (a, b) = (node(&graph, 0, 2), node(&graph, 1, 2));
    assert_eq!(graph.circles, [vec![a, b]]);
    assert!(!graph.before(a, b, Reading::Full) && !graph.before(b, a, Reading::Full));
    // What was told before and after stands.
    assert!(graph.before(node(&graph, 0, 1), b, Reading::Full) && graph.before(b, node(&graph, 2, 1), Reading::Full));
    assert_eq!(graph.causal_order().len(), 5);
    let chain = graph.chain(node(&graph, 2, 1));
    let doubts: Vec<&Doubt> = chain.hops.iter().flat_map(|hop| &hop.doubts).chain(&chain.doubts).collect();
    assert_eq!(doubts, [&Doubt::Circle { records: vec![a, b] }]);
    assert_eq!(graph.damage().iter().filter(|damage| matches!(damage, Damage::Circle { .. })).count(), 1);
}

#[test]
fn lanes_that_began_each_other_began_after_nothing() {
    let place = Place { proc: "1-aaaaaa".into(), process: Some(1), part: 1, offset: 0 };
    let mut builder = Builder::new();
    for (lane, from, mono) in [("a1", "a2@0", 1), ("a2", "a1@0", 2), ("a3", "a2@0", 3)] {
        let line = format!(
            r#"{{"ts":"2026-11-22T17:15:03Z","mono":{mono},"proc":"1-aaaaaa","pid":1,"lane":"{lane}","seq":1,"ev":"lane","from":"{from}"}}"#
        );
        builder.add(&decode(line.as_bytes(), &place));
    }
    let graph = builder.finish();
    assert_eq!(graph.causal_order().len(), 3);
    let last = graph.named(&"1.a3@1".parse().expect("a name"), None).expect("a record");
    assert!(graph.chain(last).hops.len() <= 1);
}

#[test]
fn a_chain_says_what_it_passes() {
    let graph = graph_of(&[
        (0, 1, 1, &[]),
        (0, 2, 2, &[]),
        // Records 2 and 3 are lost, and what they were handed.
        (1, 1, 3, &[(0, 1)]),
        (1, 4, 4, &[]),
        (2, 3, 5, &[(1, 6)]),
    ]);
    let chain = graph.chain(node(&graph, 2, 3));
    let (second, first) = (node(&graph, 1, 4), node(&graph, 1, 1));
    let lane = graph.lane_named(ProcessIndex(0), second_lane()).expect("t2");
    assert_eq!(chain.hops[0].doubts, [Doubt::NotThere { lane, seq: 6 }]);
    assert_eq!((chain.hops[0].from, chain.hops[1].to), (Some(second), first));
    assert_eq!(chain.hops[1].doubts, [Doubt::Gap { before: second, records: 2 }]);
    assert_eq!((graph.missing_before(second), graph.missing_before(node(&graph, 2, 3))), (2, 2));
    assert!(chain.doubts.is_empty());
}

fn second_lane() -> Lane {
    "t2".parse().expect("a lane")
}

proptest! {
    /// Whatever the stamps say, what is left orders the records, and only hand-overs that lead round were taken out.
    #[test]
    fn stamps_at_random_leave_an_order(
        stamps in proptest::collection::vec(((0_usize..4, 1_u64..6), (0_usize..4, 0_u64..7)), 0..14),
    ) {
        let mut merged: BTreeMap<(usize, u64), Seen> = BTreeMap::new();
        for (at, (lane, seq)) in stamps {
            join(merged.entry(at).or_default(), &Seen::from([(lane, seq)]));
        }
        let mut builder = Builder::new();
        for lane in 0..4 {
            for seq in 1..6 {
                let hard = merged.get(&(lane, seq)).cloned().unwrap_or_default();
                builder.add(&record(lane, seq, 10 * seq + lane as u64, &hard, &Seen::new()));
            }
        }
        let graph = builder.finish();
        let order = graph.causal_order();
        prop_assert_eq!(order.len(), 20);
        let place = |at: NodeRef| order.iter().position(|other| *other == at);
        for to in &order {
            for source in graph.edges_into(*to).filter_map(|edge| graph.source(edge)).filter(|from| from.lane != to.lane) {
                prop_assert!(place(source) < place(*to), "{:?} before {:?}", source, to);
            }
        }
        let before = closure(&merged);
        for ((lane, seq), seen) in &merged {
            for (from, upto) in seen.iter().filter(|(from, upto)| *from != lane && **upto > 0) {
                let source = (*from, (*upto).min(5));
                let (to, at) = (node(&graph, *lane, *seq), node(&graph, source.0, source.1));
                if !before[&source].contains(&(*lane, *seq)) {
                    prop_assert!(graph.before(at, to, Reading::Full), "{source:?} to {lane} {seq} was taken out");
                }
            }
        }
    }
}

/// What came before each record, itself included, by brute force.
fn closure(merged: &BTreeMap<(usize, u64), Seen>) -> HashMap<(usize, u64), Vec<(usize, u64)>> {
    let all: Vec<(usize, u64)> = (0..4).flat_map(|lane| (1..6).map(move |seq| (lane, seq))).collect();
    let mut before: HashMap<(usize, u64), Vec<(usize, u64)>> = all.iter().map(|at| (*at, vec![*at])).collect();
    for _ in 0..all.len() {
        for at in &all {
            let mut known = before[at].clone();
            let own = (at.1 > 1).then(|| (at.0, at.1 - 1));
            let stamps = merged.get(at).into_iter().flatten().filter(|(_, seq)| **seq > 0);
            for source in own.into_iter().chain(stamps.map(|(lane, seq)| (*lane, (*seq).min(5)))) {
                known.extend(before[&source].clone());
            }
            known.sort_unstable();
            known.dedup();
            before.insert(*at, known);
        }
    }
    before
}
