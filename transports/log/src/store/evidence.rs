//! What an opening makes of the place where no batch follows: the table of `docs/log-format.md`.

/// What stands where the next batch should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The file ends there, or there are only zeros.
    pub(crate) empty: bool,
    /// The checkpoint or a later batch says that this offset was durable.
    pub(crate) was_durable: bool,
    /// A whole batch with a higher offset follows in this segment, or another segment does.
    pub(crate) follows: bool,
}

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The log ends here.
    End,
    /// A write was cut off: the log ends here, and what follows is cut.
    Torn,
    /// Bytes that were durable are damaged: they stay, and reading goes on at the batch that follows.
    DamageWithin,
    /// Bytes that were durable are damaged or gone, and nothing whole follows: what there is stays, and a new segment
    /// goes on behind every offset that was ever acknowledged.
    DamageAtEnd,
}

/// The rows, in the order of the page: a field of `None` takes either value. Exactly one row applies.
pub(crate) const TABLE: [(Option<bool>, bool, Option<bool>, Verdict); 5] = [
    // empty      durable follows
    (Some(true), false, Some(false), Verdict::End),
    (Some(true), false, Some(true), Verdict::Torn),
    (Some(false), false, None, Verdict::Torn),
    (None, true, Some(true), Verdict::DamageWithin),
    (None, true, Some(false), Verdict::DamageAtEnd),
];

impl Evidence {
    pub(crate) fn verdict(self) -> Verdict {
        let row = TABLE.iter().find(|row| self.fits(row));
        // Not reached, as the test below shows; keeping everything is right whatever happened.
        row.map_or(Verdict::DamageAtEnd, |(.., verdict)| *verdict)
    }

    fn fits(self, (empty, durable, follows, _): &(Option<bool>, bool, Option<bool>, Verdict)) -> bool {
        empty.is_none_or(|empty| empty == self.empty)
            && *durable == self.was_durable
            && follows.is_none_or(|follows| follows == self.follows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_row_applies_to_every_evidence() {
        for bits in 0..8 {
            let evidence = Evidence { empty: bits & 1 != 0, was_durable: bits & 2 != 0, follows: bits & 4 != 0 };
            let rows: Vec<Verdict> = TABLE.iter().filter(|row| evidence.fits(row)).map(|row| row.3).collect();
            assert_eq!(rows, [evidence.verdict()], "{evidence:?}");
        }
    }
}
