//! What came out: a table for people, and a file for programs.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use serde_json::{Value, json};

use crate::rounds::Compared;

/// Which way is up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Rates.
    Higher,
    /// Times and counts.
    Lower,
}

/// One figure, with its reference and its limits.
pub struct Row {
    name: &'static str,
    unit: &'static str,
    better: Better,
    ours: f64,
    reference: Option<(&'static str, f64)>,
    ratio: Option<f64>,
    floor: Option<f64>,
    goal: Option<f64>,
}

impl Row {
    /// Ours against a reference; limits are on the ratio.
    pub fn compared(
        name: &'static str,
        unit: &'static str,
        better: Better,
        reference: &'static str,
        compared: Compared,
    ) -> Self {
        Self {
            name,
            unit,
            better,
            ours: compared.ours,
            reference: Some((reference, compared.reference)),
            ratio: Some(compared.ratio),
            floor: None,
            goal: None,
        }
    }

    /// Counts that come out the same every time, so that one look at each is enough.
    pub fn counted(name: &'static str, unit: &'static str, ours: f64, reference: (&'static str, f64)) -> Self {
        let compared = Compared { ours, reference: reference.1, ratio: ours / reference.1 };
        Self::compared(name, unit, Better::Lower, reference.0, compared)
    }

    /// A figure by itself; limits are on the figure.
    pub fn alone(name: &'static str, unit: &'static str, better: Better, ours: f64) -> Self {
        Self { name, unit, better, ours, reference: None, ratio: None, floor: None, goal: None }
    }

    /// The row with what is needed, and where it is going.
    pub fn limits(mut self, floor: f64, goal: f64) -> Self {
        self.floor = Some(floor);
        self.goal = Some(goal);
        self
    }

    fn verdict(&self) -> &'static str {
        let figure = self.ratio.unwrap_or(self.ours);
        let reaches = |limit: f64| match self.better {
            Better::Higher => figure >= limit,
            Better::Lower => figure <= limit,
        };
        match (self.floor, self.goal) {
            (_, Some(goal)) if reaches(goal) => "goal",
            (Some(floor), _) if reaches(floor) => "floor",
            (None, None) => "",
            _ => "short of the floor",
        }
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.unit,
            "better": match self.better { Better::Higher => "higher", Better::Lower => "lower" },
            "ours": self.ours,
            "reference": self.reference.map(|(_, value)| value),
            "reference_name": self.reference.map(|(name, _)| name),
            "ratio": self.ratio,
            "floor": self.floor,
            "goal": self.goal,
        })
    }
}

/// Prints the table.
pub fn print(suite: &str, rounds: u32, rows: &[Row]) {
    println!("{suite}: medians of {rounds} rounds; the ratio is ours by the reference, paired round by round\n");
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let peer = rows.iter().filter_map(|row| row.reference).map(|(name, _)| name.len()).max().unwrap_or(0);
    println!(
        "{:width$}  {:>12}  {:>12}  {:12}  {:>6}  {:>6}  {:>6}  {:peer$}  reached",
        "", "ours", "reference", "unit", "ratio", "floor", "goal", "reference"
    );
    for row in rows {
        println!(
            "{:width$}  {:>12}  {:>12}  {:12}  {:>6}  {:>6}  {:>6}  {:peer$}  {}",
            row.name,
            figure(Some(row.ours)),
            figure(row.reference.map(|(_, value)| value)),
            row.unit,
            short(row.ratio),
            short(row.floor),
            short(row.goal),
            row.reference.map_or("", |(name, _)| name),
            row.verdict(),
        );
    }
}

/// The folder for results, below cargo's target folder; made if it is not there.
pub fn folder() -> io::Result<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    folder.canonicalize()
}

/// Writes `SUITE.json`, whole or not at all.
pub fn write(suite: &str, rows: &[Row]) -> io::Result<PathBuf> {
    let folder = folder()?;
    let path = folder.join(format!("{suite}.json"));
    let rows: Vec<Value> = rows.iter().map(Row::json).collect();
    let mut file = tempfile::NamedTempFile::new_in(&folder)?;
    serde_json::to_writer_pretty(&mut file, &rows)?;
    file.persist(&path)?;
    Ok(path)
}

fn figure(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value >= 1000.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.3}"),
    }
}

fn short(value: Option<f64>) -> String {
    value.map_or_else(
        || "-".to_owned(),
        |value| if value >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(better: Better, ratio: f64) -> Row {
        Row::compared("a", "1/s", better, "b", Compared { ours: 1.0, reference: 1.0, ratio })
    }

    #[test]
    fn the_verdict_knows_which_way_is_up() {
        assert_eq!(row(Better::Higher, 0.95).limits(0.90, 0.95).verdict(), "goal");
        assert_eq!(row(Better::Higher, 0.91).limits(0.90, 0.95).verdict(), "floor");
        assert_eq!(row(Better::Higher, 0.80).limits(0.90, 0.95).verdict(), "short of the floor");
        assert_eq!(row(Better::Lower, 0.20).limits(0.40, 0.25).verdict(), "goal");
        assert_eq!(row(Better::Lower, 0.50).limits(0.40, 0.25).verdict(), "short of the floor");
        assert_eq!(row(Better::Lower, 0.50).verdict(), "");
    }

    #[test]
    fn a_figure_by_itself_has_no_reference_in_the_file() {
        let value = Row::alone("a", "s", Better::Lower, 0.5).limits(1.0, 0.3).json();
        assert!(value["reference"].is_null() && value["ratio"].is_null() && value["reference_name"].is_null());
        assert_eq!((value["ours"].as_f64(), value["floor"].as_f64()), (Some(0.5), Some(1.0)));
    }
}
