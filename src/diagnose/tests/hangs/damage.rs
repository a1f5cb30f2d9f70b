//! Hangs in records of which some are missing or cannot be true.

use super::*;

#[test]
fn what_is_missing_weakens_the_verdict() {
    let whole = spelled("t2 holds a; waits lock b of t3\nt3 holds b; waits lock a of t2");
    let lossy = format!("{whole}\n1.5 w1 \"ev\":\"lost\",\"n\":3");
    let found = found(&lossy);
    let deadlock = found.iter().find(|finding| finding.kind == "deadlock").expect("a deadlock");
    assert_eq!(deadlock.certainty, Certainty::Likely);
    assert_eq!(deadlock.missing, ["process 1 could not write 3 records"]);
}

#[test]
fn stamps_that_contradict_each_other_bear_no_certain_hang() {
    let whole = spelled("t2 holds a; waits lock b of t3\nt3 holds b; waits lock a of t2");
    let damaged = format!(
        "{whole}\n1.5 t4 \"ev\":\"lane\",\"kind\":\"thread\",\"hb\":[\"t5@1\"]\n\
         1.5 t5 \"ev\":\"lane\",\"kind\":\"thread\",\"hb\":[\"t4@1\"]"
    );
    let found = found(&damaged);
    assert_eq!((found[0].kind, sure(&found[0])), ("deadlock", "likely"));
    let damage = "damaged: the stamps of 1.t4@1 and 1.t5@1 say that each came before the other; none of them is used";
    assert_eq!(found[0].missing, [damage]);
    let missing = found.iter().find(|finding| finding.kind == "data-missing").expect("it is named");
    assert_eq!((missing.missing.as_slice(), missing.evidence.len()), (&[damage.to_owned()][..], 2));
}
