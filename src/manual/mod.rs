//! Documentation without code: what is defended against, why the defaults are what they are, and which
//! test proves which clause.

pub mod conformance;
pub mod defaults;
pub mod threats;
