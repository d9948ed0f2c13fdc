//! "Did you mean": the nearest name there is.

/// The candidate nearest to `name`, if one is near enough to be a slip of it.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let limit = name.len() / 3 + 1;
    candidates
        .into_iter()
        // Names much longer or shorter cannot be near, and long ones take long to compare.
        .filter(|candidate| name.len() <= LONGEST && candidate.len().abs_diff(name.len()) <= limit * 4)
        .map(|candidate| (distance(&name, &candidate.to_lowercase().chars().collect::<Vec<_>>()), candidate))
        .filter(|(distance, _)| *distance <= limit && *distance < name.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Nobody needs help with the spelling of longer names.
const LONGEST: usize = 100;

/// How many letters have to be put in, taken out, changed or swapped with their neighbour (Damerau's distance, restricted).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let names = ["Album", "Track", "string", "i32"];
        assert_eq!(nearest("Ablum", names), Some("Album"));
        assert_eq!(nearest("strng", names), Some("string"));
        assert_eq!(nearest("album", names), Some("Album"));
        assert_eq!(nearest("int32", names), Some("i32"));
    }

    #[test]
    fn another_word_is_not() {
        assert_eq!(nearest("Price", ["Album", "Track"]), None);
        assert_eq!(nearest("x", ["i32"]), None);
        assert_eq!(nearest("", ["i32"]), None);
    }
}
