//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write as _};

/// What is written, family by family.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
    name: &'static str,
}

/// What a family's values do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// They only grow. The names of such families end in `_total`.
    Counter,
    /// They come and go.
    Gauge,
}

impl Exposition {
    /// Begins a family.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        self.name = name;
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.line(format_args!("# HELP {name} {}", escaped(help, false)));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// A value of the family that was begun last.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value, true)))
            .collect();
        let name = self.name;
        match labels.is_empty() {
            true => self.line(format_args!("{name} {value}")),
            false => self.line(format_args!("{name}{{{}}} {value}", labels.join(","))),
        }
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{line}");
    }

    pub(super) fn into_string(self) -> String {
        self.text
    }
}

/// A backslash and a line feed are escaped everywhere, a quotation mark only in the values of labels.
fn escaped(text: &str, quoted: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '"' if quoted => escaped.push_str("\\\""),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_value_or_a_line_is_escaped() {
        let mut text = Exposition::default();
        text.family("a_total", Kind::Counter, "one \\ two\nthree \"four\"");
        text.sample(&[("b", "\"\\\n}"), ("c", "ü{")], 7);
        assert_eq!(
            text.into_string(),
            "# HELP a_total one \\\\ two\\nthree \"four\"\n# TYPE a_total counter\n\
             a_total{b=\"\\\"\\\\\\n}\",c=\"ü{\"} 7\n"
        );
    }
}
