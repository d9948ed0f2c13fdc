//! Every target holds for its seeds, and for a number of inputs that are made of them.
//!
//! `THRIFTWOOD_FUZZ=100000` sets the number; a failure names the one that it happened at.

use std::panic::{AssertUnwindSafe, catch_unwind};

use thriftwood_fuzz::{Mutator, TARGETS};

/// So many that all targets take a few seconds.
const INPUTS: u64 = 1500;

#[test]
fn every_target_holds_for_what_is_made_of_its_seeds() {
    let wanted = std::env::var("THRIFTWOOD_FUZZ").ok().and_then(|number| number.parse().ok());
    for (name, target, seeds) in TARGETS {
        let seeds = seeds();
        seeds.iter().for_each(|seed| target(seed));
        for number in 0..wanted.unwrap_or(INPUTS) {
            let input = Mutator::new(number).input(&seeds);
            let outcome = catch_unwind(AssertUnwindSafe(|| target(&input)));
            assert!(outcome.is_ok(), "`{name}` does not hold for input {number}:\n{}", input.escape_ascii());
        }
    }
}

#[test]
fn an_input_is_the_same_each_time_and_another_for_each_number() {
    let seeds = vec![b"struct Album { 1: string title }".to_vec()];
    let input = |number| Mutator::new(number).input(&seeds);
    assert_eq!(input(7), input(7));
    let different: std::collections::HashSet<Vec<u8>> = (0..100).map(input).collect();
    assert!(different.len() > 90, "only {} of 100 inputs differ", different.len());
}

#[test]
fn a_target_that_does_not_hold_is_noticed() {
    let fails = |bytes: &[u8]| assert!(!bytes.contains(&b'{'), "there is a bracket");
    let seeds = vec![b"a b c".to_vec()];
    let found = (0..INPUTS).any(|number| catch_unwind(|| fails(&Mutator::new(number).input(&seeds))).is_err());
    assert!(found, "no input in {INPUTS} has a bracket in it");
}
