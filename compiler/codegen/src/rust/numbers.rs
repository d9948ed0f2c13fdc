//! Numbers as Rust literals, the digits of long ones in groups.

/// A whole number.
pub(crate) fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    format!("{}{}", if value < 0 { "-" } else { "" }, grouped(&digits))
}

/// A finite number with a point.
pub(crate) fn decimal(value: f64) -> String {
    let text = format!("{value:?}");
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (digits, exponent) = text.find('e').map_or((text, ""), |at| text.split_at(at));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let fraction = fraction.map_or(String::new(), |fraction| {
        // The groups of a fraction are counted from the point; `3.14159` is read at a glance.
        let size = if fraction.len() > 5 { 3 } else { 5 };
        let digits: Vec<char> = fraction.chars().collect();
        format!(".{}", digits.chunks(size).map(String::from_iter).collect::<Vec<String>>().join("_"))
    });
    format!("{sign}{}{fraction}{exponent}", grouped(whole))
}

fn grouped(digits: &str) -> String {
    let from = |index: usize| digits.len() - index;
    let group = |(index, digit)| {
        let starts = index > 0 && digits.len() > 4 && from(index).is_multiple_of(3);
        [if starts { Some('_') } else { None }, Some(digit)]
    };
    digits.chars().enumerate().flat_map(group).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::{decimal, number};

    #[test]
    fn the_digits_of_long_numbers_are_grouped() {
        for (value, text) in [(0, "0"), (-8080, "-8080"), (12_345, "12_345"), (i64::MIN, "-9_223_372_036_854_775_808")]
        {
            assert_eq!(number(value), text);
        }
        for (value, text) in [
            (0.0, "0.0"),
            (-0.5, "-0.5"),
            (3.125_49, "3.12549"),
            (1_234_567.891_011, "1_234_567.891_011"),
            (-6.022e23, "-6.022e23"),
            (1e-9, "1e-9"),
        ] {
            assert_eq!(decimal(value), text);
        }
    }
}
