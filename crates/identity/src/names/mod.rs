//! The names in a certificate, those that are looked for, and how they compare (RFC 9525 section 6).

pub(crate) mod dns_name;
pub(crate) mod kinds;
pub(crate) mod name;
pub(crate) mod presented;
pub(crate) mod reference;
