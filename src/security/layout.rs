//! Rows of a label and a value, fit to a width. Colours go around what is laid out already, so that no line ends
//! within an escape sequence.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Where values begin, so that they stand under each other. A fingerprint of SHA-256 has 64 digits, which a terminal of
/// 80 columns then shows in one line.
const COLUMN: usize = 16;
/// Narrower than this a value is not made.
const NARROWEST: usize = 20;

/// What a value means to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Heading,
    Good,
    Caution,
    Bad,
}

impl Tone {
    /// Select Graphic Rendition (ECMA-48 section 8.3.117).
    fn begin(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Heading => "\x1b[1m",
            Tone::Good => "\x1b[32m",
            Tone::Caution => "\x1b[33m",
            Tone::Bad => "\x1b[31m",
        }
    }

    fn end(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Heading | Tone::Good | Tone::Caution | Tone::Bad => "\x1b[0m",
        }
    }
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) label: Cow<'static, str>,
    pub(super) value: String,
    pub(super) tone: Tone,
}

/// Writes rows; `width` is `None` where lines may be of any length.
pub(super) fn write(f: &mut fmt::Formatter<'_>, rows: &[Row], width: Option<usize>, coloured: bool) -> fmt::Result {
    for row in rows {
        let indent = if row.tone == Tone::Heading { 0 } else { COLUMN };
        let room = width.map_or(usize::MAX, |width| width.saturating_sub(indent).max(NARROWEST));
        let value = visible(&row.value);
        let tone = if coloured { row.tone } else { Tone::Plain };
        for (number, line) in wrap(&value, room).into_iter().enumerate() {
            let label = if number == 0 { &*row.label } else { "" };
            if indent > 0 {
                write!(f, "  {label:0$}", indent - 2)?;
            }
            for part in [tone.begin(), &line, tone.end(), "\n"] {
                f.write_str(part)?;
            }
        }
    }
    Ok(())
}

/// Whatever ends a line, moves a cursor or turns the writing direction is shown as its code: texts out of certificates
/// and from peers are fit for a line already, and reasons of an application's own source of trust need not be.
fn visible(text: &str) -> Cow<'_, str> {
    let harms = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let plain = |octet: u8| (b' '..0x7f).contains(&octet);
    if text.bytes().all(plain) || !text.contains(harms) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::new(), |mut out, c| {
        match harms(c) {
            true => out.extend(c.escape_unicode()),
            false => out.push(c),
        }
        out
    }))
}

/// Columns of a terminal, at most: scripts that may take two are counted as two.
fn columns(text: &str) -> usize {
    text.chars().map(|c| if c < '\u{1100}' { 1 } else { 2 }).sum()
}

/// Breaks at spaces, and a word that is longer than a line wherever the line ends.
fn wrap(text: &str, room: usize) -> Vec<Cow<'_, str>> {
    if text.len() <= room || columns(text) <= room {
        return vec![Cow::Borrowed(text)];
    }
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for word in text.split(' ') {
        let wide = columns(word);
        if used > 0 && used + 1 + wide > room {
            lines.push(Cow::Owned(std::mem::take(&mut line)));
            used = 0;
        } else if used > 0 {
            line.push(' ');
            used += 1;
        }
        for c in word.chars() {
            let wide = columns(c.encode_utf8(&mut [0; 4]));
            if used > 0 && used + wide > room {
                lines.push(Cow::Owned(std::mem::take(&mut line)));
                used = 0;
            }
            line.push(c);
            used += wide;
        }
    }
    lines.push(Cow::Owned(line));
    lines
}

/// Makes rows.
#[derive(Debug, Default)]
pub(super) struct Rows(pub(super) Vec<Row>);

impl Rows {
    pub(super) fn push(&mut self, tone: Tone, label: impl Into<Cow<'static, str>>, value: impl fmt::Display) {
        let mut text = String::new();
        // Writing to a String fails only where the value does, which then has said what it has to say.
        let _ = write!(text, "{value}");
        self.0.push(Row {
            label: label.into(),
            value: text,
            tone,
        });
    }

    pub(super) fn plain(&mut self, label: impl Into<Cow<'static, str>>, value: impl fmt::Display) {
        self.push(Tone::Plain, label, value);
    }
}

#[cfg(test)]
mod tests {
    use super::{columns, visible, wrap};

    #[test]
    fn lines_are_no_longer_than_asked_for_and_nothing_is_lost() {
        let long = "0123456789".repeat(7);
        for text in [
            "a b c",
            "some words that are short",
            &long,
            &format!("key {long} end"),
            "例え.テスト は 長い",
            "",
        ] {
            for room in 2..40 {
                let lines = wrap(text, room);
                assert!(lines.iter().all(|line| columns(line) <= room), "{room}: {lines:?}");
                let squeezed = |text: &str| text.replace(' ', "");
                assert_eq!(squeezed(&lines.concat()), squeezed(text));
            }
        }
    }

    #[test]
    fn words_stay_whole_where_a_line_holds_them() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("a 0123456789 b", 6), ["a", "012345", "6789 b"]);
    }

    #[test]
    fn what_moves_the_cursor_or_turns_the_text_is_shown_as_its_code() {
        assert_eq!(visible("a\u{1b}[31m\u{202e}b\n"), "a\\u{1b}[31m\\u{202e}b\\u{a}");
        assert_eq!(visible("müller.例え"), "müller.例え");
    }
}
