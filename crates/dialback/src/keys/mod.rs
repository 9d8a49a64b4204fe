//! Keys and what they are made with (XEP-0185).

pub(crate) mod key;
pub(crate) mod secret;
