use crate::danger::KeysRevealed;
use ::rustls::KeyLog;

/// rustls' way to what the application asked for.
#[derive(Debug)]
pub(super) struct Revealing(pub(super) KeysRevealed);

impl KeyLog for Revealing {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        self.0.reveal(label, client_random, secret);
    }
}
