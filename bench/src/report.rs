//! The figures of one run.

use serde_json::{Map, Value, json};

use crate::engine::Engine;
use crate::latency::Latency;
use crate::process::Usage;

/// Above this share of a core the generator may be what limits throughput.
const BUSY_GENERATOR_CORES: f64 = 0.9;

/// How figures that must be 0 end.
const FAULTS: [&str; 10] = [
    "lost",
    "duplicate",
    "reordered",
    "not_acknowledged",
    "not_connected",
    "sockets_left_over",
    "missing_pairs",
    "told_twice",
    "told_wrongly",
    "slow_holes",
];

/// Figures in the order in which they are shown, and remarks.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Report {
    pub(crate) figures: Vec<Figure>,
    pub(crate) notes: Vec<String>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// Figures of one section stand together.
    pub(crate) section: &'static str,
}

/// Adds the figures of one section.
pub(crate) struct Section<'a> {
    report: &'a mut Report,
    name: &'static str,
}

impl Section<'_> {
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) -> &mut Self {
        let (name, section) = (name.into(), self.name);
        self.report.figures.push(Figure { name, value, unit, section });
        self
    }

    pub(crate) fn count(&mut self, name: impl Into<String>, count: u64) -> &mut Self {
        self.add(name, count as f64, "")
    }
}

impl Report {
    pub(crate) fn section(&mut self, name: &'static str) -> Section<'_> {
        Section { report: self, name }
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// The figure of this name, if there is one.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }

    /// Percentiles of latencies.
    pub(crate) fn latency(&mut self, name: &str, latency: &Latency) {
        let mut section = self.section("latency");
        let shares = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];
        for (percentile, share) in shares {
            section.add(format!("{name}_{percentile}"), latency.quantile_us(share), "us");
        }
    }

    /// What the generator and the rest of the machine used meanwhile: how far the run can be trusted.
    pub(crate) fn generator(&mut self, usage: &Usage) {
        let cores = usage.cores(usage.own);
        self.section("generator")
            .add("bench_cores", cores, "cores")
            .add("other_cores", usage.cores(usage.others), "cores")
            .add("stolen_cores", usage.cores(usage.stolen), "cores");
        if cores > BUSY_GENERATOR_CORES {
            self.note(
                "the generator used its whole core: it limits throughput, not CPU time per message",
            );
        }
    }

    /// Remarks on what went wrong on connections.
    pub(crate) fn troubles(&mut self, engine: &Engine) {
        let troubles = &engine.troubles;
        for (tally, what) in [
            (&troubles.refused, "connections were refused"),
            (&troubles.ended, "connections were ended by the server"),
            (&troubles.errors, "error messages came from the server"),
        ] {
            if let Some(first) = &tally.first {
                self.note(format!("{} {what}, the first: {first}", tally.count));
            }
        }
    }

    /// The figures that must be 0 and are not.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &Figure> {
        let must_be_zero = |figure: &&Figure| FAULTS.iter().any(|name| figure.name.ends_with(name));
        self.figures.iter().filter(must_be_zero).filter(|figure| figure.value != 0.0)
    }

    /// The report whose figures are the medians of several runs of the same.
    pub(crate) fn median(reports: &[Self]) -> Self {
        let mut merged = reports.first().cloned().unwrap_or_default();
        for figure in &mut merged.figures {
            let values = reports.iter().filter_map(|report| report.value(&figure.name));
            figure.value = median(values.collect());
        }
        for note in reports.iter().flat_map(|report| &report.notes) {
            merged.note(note.as_str());
        }
        merged
    }

    pub(crate) fn to_json(&self) -> Value {
        let figures: Map<String, Value> = self
            .figures
            .iter()
            .map(|figure| (figure.name.clone(), json!(rounded(figure.value))))
            .collect();
        json!({ "figures": figures, "notes": self.notes })
    }

    /// The unit of each figure that has one.
    pub(crate) fn units(&self) -> Value {
        let units = self.figures.iter().filter(|figure| !figure.unit.is_empty());
        units.map(|figure| (figure.name.clone(), json!(figure.unit))).collect::<Map<_, _>>().into()
    }
}

/// A figure of the server divided by that of the baseline, each of the same round; the median over rounds.
pub(crate) fn ratio(name: &str, servers: &[Report], baselines: &[Report]) -> Option<f64> {
    let ratios: Vec<f64> = servers
        .iter()
        .zip(baselines)
        .filter_map(|(server, baseline)| Some((server.value(name)?, baseline.value(name)?)))
        .filter(|(server, baseline)| *server >= 0.0 && *baseline > 0.0)
        .map(|(server, baseline)| server / baseline)
        .collect();
    (!ratios.is_empty()).then(|| median(ratios))
}

/// Three decimals: more are noise.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(cpu: f64, lost: u64, note: &str) -> Report {
        let mut report = Report::default();
        report.section("server").add("cpu", cpu, "us");
        report.section("events").count("lost", lost);
        report.note(note);
        report
    }

    #[test]
    fn several_rounds_give_their_medians_and_all_notes() {
        let rounds = [report(3.0, 0, "a"), report(9.0, 0, "b"), report(4.0, 2, "a")];
        let merged = Report::median(&rounds);
        assert_eq!((merged.value("cpu"), merged.value("lost")), (Some(4.0), Some(0.0)));
        assert_eq!(merged.notes, ["a", "b"]);
        assert_eq!(Report::median(&rounds[..2]).value("cpu"), Some(6.0));
    }

    #[test]
    fn what_must_be_zero_and_is_not_is_a_fault() {
        let names = |report: Report| -> Vec<String> {
            report.faults().map(|figure| figure.name.clone()).collect()
        };
        assert!(names(report(3.0, 0, "")).is_empty());
        assert_eq!(names(report(3.0, 1, "")), ["lost"]);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let floors = [report(1.0, 0, ""), report(10.0, 0, ""), report(2.0, 0, "")];
        let servers = [report(2.0, 0, ""), report(11.0, 0, ""), report(3.0, 0, "")];
        assert_eq!(ratio("cpu", &servers, &floors), Some(1.5));
        assert_eq!(ratio("lost", &servers, &floors), None);
        assert_eq!(ratio("absent", &servers, &floors), None);
    }

    #[test]
    fn a_report_as_json_has_figures_units_and_notes() {
        let report = report(1.23456, 2, "careful");
        assert_eq!(
            report.to_json(),
            json!({ "figures": { "cpu": 1.235, "lost": 2.0 }, "notes": ["careful"] })
        );
        assert_eq!(report.units(), json!({ "cpu": "us" }));
    }
}
