//! The result, for people and for programs.

use std::fmt::Write;

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use thriftwood::call::Method;

use super::{Bench, Tally};

/// The quantiles that are shown.
const QUANTILES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// What was measured, and of what.
pub(super) struct Report<'b> {
    bench: &'b Bench,
    method: &'static Method,
    address: &'b str,
    tally: &'b Tally,
    seconds: f64,
    latencies: Histogram<u64>,
}

impl<'b> Report<'b> {
    pub(super) fn new(
        bench: &'b Bench,
        method: &'static Method,
        address: &'b str,
        tally: &'b Tally,
        seconds: f64,
    ) -> Self {
        Self { bench, method, address, tally, seconds, latencies: tally.latencies() }
    }

    /// Answers a second.
    fn rate(&self) -> f64 {
        self.tally.answers() as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    pub(super) fn table(&self) -> String {
        let mut out = String::new();
        let rate = self.bench.rate.map_or_else(String::new, |rate| format!(", {rate} calls a second wanted"));
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "{}.{} at {} on {}: {} at once for {:.1} s{rate}\n",
            self.method.service,
            self.method.name,
            self.address,
            self.bench.contract.url,
            self.bench.concurrency,
            self.seconds
        );
        let mut row = |name: &str, value: String| {
            let line = format!("  {name:<24}{value:>14}");
            let _ = writeln!(out, "{}", line.trim_end());
        };
        row("answers", grouped(self.tally.answers()));
        row("answers a second", grouped(self.rate().round() as u64));
        for (name, count) in self.tally.exceptions_by_name() {
            row(&format!("exception {name}"), grouped(count));
        }
        for (kind, count) in self.tally.errors_by_kind() {
            row(&format!("error: {kind}"), grouped(count));
        }
        if self.tally.answers() > 0 {
            let from = if self.bench.rate.is_some() { "due" } else { "sent" };
            row(&format!("latency, since {from}"), String::new());
            let latencies = &self.latencies;
            row("  min", time(latencies.min() as f64));
            row("  mean", time(latencies.mean()));
            for (name, quantile) in QUANTILES {
                row(&format!("  {name}"), time(latencies.value_at_quantile(quantile) as f64));
            }
            row("  max", time(latencies.max() as f64));
        }
        out
    }

    pub(super) fn json(&self) -> String {
        let us = |ns: f64| (ns / 100.0).round() / 10.0;
        let latencies = &self.latencies;
        let mut latency = json!({ "min": us(latencies.min() as f64), "mean": us(latencies.mean()) });
        for (name, quantile) in QUANTILES {
            latency[name] = json!(us(latencies.value_at_quantile(quantile) as f64));
        }
        latency["max"] = json!(us(latencies.max() as f64));
        let answers = self.tally.answers();
        json!({
            "method": format!("{}.{}", self.method.service, self.method.name),
            "url": self.bench.contract.url,
            "address": self.address,
            "concurrency": self.bench.concurrency,
            "rate": self.bench.rate,
            "seconds": self.seconds,
            "answers": answers,
            "answersPerSecond": self.rate(),
            "results": self.tally.results(),
            "exceptions": self.tally.exceptions_by_name(),
            "errors": self.tally.errors_by_kind(),
            "latencyMicroseconds": if answers > 0 { latency } else { Value::Null },
        })
        .to_string()
    }
}

/// A time in the unit that leaves three digits in front of the point, at most.
fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e6 => format!("{:.1} us", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s ", ns / 1e9),
    }
}

/// `1,234,567`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{grouped, time};

    #[test]
    fn numbers_are_as_people_write_them() {
        assert_eq!(
            ["1", "12", "123", "1,234", "1,234,567"],
            [1, 12, 123, 1234, 1_234_567].map(grouped).each_ref().map(String::as_str)
        );
        assert_eq!(
            ["0.5 us", "999.0 us", "12.35 ms", "1.50 s "],
            [500.0, 999e3, 12.345_6e6, 1.5e9].map(time).each_ref().map(String::as_str)
        );
    }
}
