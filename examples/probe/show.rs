//! Reports on a terminal, in a log, and as data.

use std::io::IsTerminal;
use xmpp_tls::io;
use xmpp_tls::ledger::Assessment;
use xmpp_tls::security::{SecurityReport, View};

/// How wide and how colourful.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) coloured: bool,
    pub(crate) columns: Option<usize>,
}

impl Style {
    /// As the terminal says, if it is one (<https://no-color.org>).
    pub(crate) fn of_terminal() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        Style {
            coloured: terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            columns: columns.or(terminal.then_some(80)),
        }
    }

    /// `text` in the colour of what is good, doubtful or bad.
    pub(crate) fn paint(self, text: &str, outcome: crate::Outcome) -> String {
        let colour = match outcome {
            crate::Outcome::Secure => 32,
            crate::Outcome::Changed | crate::Outcome::Usage => 33,
            _ => 31,
        };
        match self.coloured {
            true => format!("\x1b[{colour}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

fn view<'a>(report: &'a SecurityReport, found: Option<&'a Assessment>) -> View<'a> {
    let view = report.view().at(io::now().wall);
    match found {
        Some(found) => view.with_change(found),
        None => view,
    }
}

/// For people.
pub(crate) fn text(report: &SecurityReport, found: Option<&Assessment>, style: Style) -> String {
    let view = view(report, found);
    let mut text = view.text();
    if let Some(columns) = style.columns {
        text = text.width(columns);
    }
    match style.coloured {
        true => text.coloured().to_string(),
        false => text.to_string(),
    }
}

/// For logs.
pub(crate) fn line(report: &SecurityReport, found: Option<&Assessment>) -> String {
    view(report, found).line().to_string()
}

/// What is weaker than it should be, in sentences.
pub(crate) fn warnings(report: &SecurityReport, found: Option<&Assessment>) -> Vec<String> {
    let warnings = view(report, found).warnings();
    warnings.iter().map(ToString::to_string).collect()
}
