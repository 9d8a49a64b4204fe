use std::fmt;
use subtle::ConstantTimeEq as _;

/// Who has this may change something.
///
/// ```
/// use xmpp_tls_admin::Token;
///
/// let token = Token::new("5f1c9f3a8e7d4b62a0c4\n")?; // as from a file: white space around it is cut
/// assert!(Token::new("secret").is_err());
/// # Ok::<(), xmpp_tls_admin::TokenError>(())
/// ```
#[derive(Clone)]
pub struct Token(Box<[u8]>);

/// Why a text is no [`Token`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It can be guessed, or is no token.
    #[error("a token has {} to {} characters, best random ones", Token::MIN, Token::MAX)]
    Length,
    /// It cannot be in a header, or not be typed.
    #[error("a token has visible ASCII characters only")]
    Character,
}

impl Token {
    /// Characters it has at least.
    pub const MIN: usize = 16;
    /// Characters it has at most.
    pub const MAX: usize = 256;

    /// From text, as it is typed into the form or sent in a header.
    ///
    /// # Errors
    /// It is too short or too long, or has other than visible ASCII characters.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        match text.len() {
            Self::MIN..=Self::MAX if text.bytes().all(|octet| octet.is_ascii_graphic()) => {
                Ok(Token(text.as_bytes().into()))
            }
            Self::MIN..=Self::MAX => Err(TokenError::Character),
            _ => Err(TokenError::Length),
        }
    }

    /// Whether this is it, in a time that tells nothing but whether the length is right.
    pub(crate) fn is(&self, given: &str) -> bool {
        self.0.ct_eq(given.trim().as_bytes()).into()
    }
}

/// A secret is not shown.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_typable_not_shown_and_only_itself() {
        let token = Token::new(" 0123456789abcdef\n").unwrap();
        assert!(token.is("0123456789abcdef"));
        for other in [
            "",
            "0123456789abcdeg",
            "0123456789abcde",
            "0123456789abcdef0",
            "0123456789ABCDEF",
        ] {
            assert!(!token.is(other), "{other}");
        }
        assert_eq!(format!("{token:?}"), "Token");
        assert_eq!(Token::new("0123456789abcde").unwrap_err(), TokenError::Length);
        assert_eq!(Token::new(&"a".repeat(257)).unwrap_err(), TokenError::Length);
        assert_eq!(Token::new("0123456789abcd\u{fc}").unwrap_err(), TokenError::Character);
    }
}
