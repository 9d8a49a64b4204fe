//! Reports on a terminal.

use std::io::IsTerminal;
use xmpp_tls::security::View;

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

/// For people.
pub(crate) fn text(view: &View<'_>, style: Style) -> String {
    let mut text = view.text();
    if let Some(columns) = style.columns {
        text = text.width(columns);
    }
    match style.coloured {
        true => text.coloured().to_string(),
        false => text.to_string(),
    }
}
