//! Reports as a table for people.

use std::fmt::{self, Write};

use crate::report::Report;

const INDENT: usize = 4;
const NUMBER_WIDTH: usize = 14;

/// One run, or two side by side.
pub(crate) struct Table<'a> {
    pub(crate) title: &'a str,
    pub(crate) server: &'a Report,
    /// What the server is compared with, and its name.
    pub(crate) baseline: Option<(&'a str, &'a Report)>,
    /// For each figure of the server its ratio to the baseline.
    pub(crate) ratios: &'a [Option<f64>],
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "\n{}", self.title)?;
        let names = self.server.figures.iter().map(|figure| figure.name.len());
        let width = INDENT + names.max().unwrap_or(0);
        if let Some((name, _)) = self.baseline {
            let [server, ratio] = ["server", "ratio"];
            writeln!(
                formatter,
                "{:width$}{name:>NUMBER_WIDTH$}{server:>NUMBER_WIDTH$}{ratio:>NUMBER_WIDTH$}",
                ""
            )?;
        }
        let mut figures: Vec<_> = self.server.figures.iter().enumerate().collect();
        // Sections in the order in which they began; the figures of each keep theirs.
        let began = |section| self.server.figures.iter().position(|other| other.section == section);
        figures.sort_by_key(|(_, figure)| began(figure.section));
        let mut section = "";
        for (index, figure) in figures {
            if figure.section != section {
                section = figure.section;
                writeln!(formatter, "  {section}")?;
            }
            let mut line = format!("{:INDENT$}{}", "", figure.name);
            line.push_str(&" ".repeat(width - line.len()));
            if let Some((_, baseline)) = self.baseline {
                write!(line, "{:>NUMBER_WIDTH$}", optional(baseline.value(&figure.name)))?;
            }
            write!(line, "{:>NUMBER_WIDTH$}", number(figure.value))?;
            if self.baseline.is_some() {
                let ratio = self.ratios.get(index).copied().flatten();
                let ratio = ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"));
                write!(line, "{ratio:>NUMBER_WIDTH$}")?;
            }
            writeln!(formatter, "{line} {}", figure.unit)?;
        }
        for note in &self.server.notes {
            writeln!(formatter, "  note: {note}")?;
        }
        if let Some((name, baseline)) = self.baseline {
            for note in &baseline.notes {
                writeln!(formatter, "  note on the {name}: {note}")?;
            }
        }
        Ok(())
    }
}

fn optional(value: Option<f64>) -> String {
    value.map_or("-".into(), number)
}

/// As many decimals as a person reads, thousands apart.
fn number(value: f64) -> String {
    let size = value.abs();
    if size < 1000.0 {
        let decimals = if value.fract() == 0.0 {
            0
        } else if size < 10.0 {
            3
        } else {
            1
        };
        return format!("{value:.decimals$}");
    }
    let digits = format!("{size:.0}");
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(cpu: f64) -> Report {
        let mut report = Report::default();
        report.section("server").add("cpu_per_delivery", cpu, "us");
        report.section("events").count("delivered", 1_234_567).count("lost", 0);
        report.section("server").add("cores", 1.0, "cores");
        report
    }

    #[test]
    fn one_report_is_a_column() {
        let mut server = report(3.5);
        server.note("it was late");
        let table = Table { title: "fanout", server: &server, baseline: None, ratios: &[] };
        assert_eq!(
            table.to_string(),
            "\nfanout\n  server\n    cpu_per_delivery         3.500 us\n    \
             cores                        1 cores\n  events\n    \
             delivered            1 234 567 \n    lost                         0 \n  \
             note: it was late\n"
        );
    }

    #[test]
    fn two_reports_stand_side_by_side_with_their_ratio() {
        let (server, floor) = (report(3.5), report(2.0));
        let ratios = [Some(1.75), Some(1.0), None, Some(1.0)];
        let baseline = Some(("floor", &floor));
        let text =
            Table { title: "fanout", server: &server, baseline, ratios: &ratios }.to_string();
        let line = |name: &str| {
            let line = text.lines().find(|line| line.contains(name)).expect("it is in the table");
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(line("floor"), ["floor", "server", "ratio"]);
        assert_eq!(line("cpu_per"), ["cpu_per_delivery", "2", "3.500", "1.75", "us"]);
        assert_eq!(line("lost"), ["lost", "0", "0", "-"]);
    }

    #[test]
    fn numbers_are_written_for_people() {
        for (value, expected) in [
            (0.0, "0"),
            (0.12345, "0.123"),
            (12.34, "12.3"),
            (999.0, "999"),
            (1000.4, "1 000"),
            (12_345_678.9, "12 345 679"),
            (-4321.0, "-4 321"),
        ] {
            assert_eq!(number(value), expected);
        }
    }
}
