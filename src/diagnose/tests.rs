//! The diagnoses on small histories.

use super::*;

#[test]
fn every_kind_has_a_name_of_its_own_and_explains_itself() {
    let kinds: Vec<&str> = ALL.iter().map(|diagnosis| diagnosis.kind()).collect();
    for diagnosis in ALL {
        assert!(diagnosis.explain().starts_with(&format!("{}: ", diagnosis.kind())));
        assert_eq!(kinds.iter().filter(|kind| **kind == diagnosis.kind()).count(), 1);
    }
    assert_eq!(kinds.last(), Some(&"data-missing"));
}
