//! Where text becomes HTML. Markup is what is in this program's source; everything else is text, and is escaped here
//! and nowhere else.

use std::fmt::{self, Display, Write};

/// HTML that is being written.
#[derive(Debug, Default)]
pub(crate) struct Html(String);

impl Html {
    /// Markup. It takes what is known when this is compiled, so that no peer's text can get here by mistake.
    pub(crate) fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, within an element or the quotation marks of an attribute.
    pub(crate) fn text(&mut self, text: impl Display) -> &mut Self {
        // Writing to a string does not fail, and what is shown does not either.
        let _ = write!(Escape(&mut self.0), "{text}");
        self
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

struct Escape<'a>(&'a mut String);

impl Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                hidden if is_hidden(hidden) => self.0.extend(hidden.escape_unicode()),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

/// What is not seen, or makes what stands around it look like something else: control characters, and those that
/// change the direction or have no width.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut html = Html::default();
        html.text(text);
        html.into_string()
    }

    #[test]
    fn text_stays_text_in_elements_and_in_attributes() {
        assert_eq!(
            escaped("<script>\"&'</script>"),
            "&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;"
        );
        assert_eq!(
            escaped("a\u{202e}b\u{0}c\n\u{200b}"),
            "a\\u{202e}b\\u{0}c\\u{a}\\u{200b}"
        );
        assert_eq!(escaped("bücher.example ✓"), "bücher.example ✓");
    }
}
