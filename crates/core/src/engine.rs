use bytes::Bytes;
use std::time::{Duration, Instant};

/// A protocol engine without I/O: bytes and time go in, bytes and events come out.
///
/// Engines have four kinds of method, told apart by their names:
///
/// - `handle_*`: something happened outside (bytes, end of input, a deadline). Handing it over does
///   not advance the engine.
/// - [`poll_output`](Engine::poll_output): take one step. State advances only here, so what has been
///   reported and what is true never differ.
/// - verbs (`send`, `close`, ...): the application wants something.
/// - getters, by `&self` and without a `get_` prefix.
///
/// # The loop
///
/// 1. Call `poll_output` until it returns [`Output::WantsInput`] or an error. Not doing so before the
///    next input makes that input arrive too early: behind `<proceed/>`, for example, it would be
///    taken for an injection.
/// 2. Write every [`Output::Transmit`] to the peer, in order, before anything that follows it.
/// 3. Act on every [`Output::Event`].
/// 4. On `WantsInput(deadline)`: read from the peer, at most until the deadline.
/// 5. Hand over what happened: `handle_input`, `handle_eof` or `handle_timeout`.
/// 6. Go to 1.
///
/// # Errors
///
/// An error poisons the engine. What the peer must still be told (a stream error, a TLS alert) is
/// returned by `poll_output` as [`Output::Transmit`] *before* the error; afterwards every call
/// returns the same error.
pub trait Engine {
    /// What the engine reports to its owner.
    type Event;
    /// Why the engine stopped.
    type Error;

    /// Takes bytes from the peer. They are kept; parsing happens in
    /// [`poll_output`](Engine::poll_output). Empty `data` is a no-op, not the end of input.
    ///
    /// # Errors
    ///
    /// The error that poisoned the engine earlier.
    fn handle_input(&mut self, now: Instant, data: &[u8]) -> Result<(), Self::Error>;

    /// The peer closed its direction of the transport. Ending in the middle of something is
    /// reported by the next [`poll_output`](Engine::poll_output), never silently accepted.
    ///
    /// # Errors
    ///
    /// The error that poisoned the engine earlier.
    fn handle_eof(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// The deadline of the last [`Output::WantsInput`] may have passed. Calling it early is harmless.
    ///
    /// # Errors
    ///
    /// The error that poisoned the engine earlier.
    fn handle_timeout(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// Takes one step.
    ///
    /// # Errors
    ///
    /// What went wrong; the engine is poisoned and returns the same error from then on.
    fn poll_output(&mut self) -> Result<Output<Self::Event>, Self::Error>;
}

/// One step of an [`Engine`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<E> {
    /// Bytes for the peer, to be written before anything that later outputs cause.
    Transmit(Bytes),
    /// Something the owner of the engine should know or act on.
    Event(E),
    /// Nothing to do until more input arrives or the deadline, if there is one, passes.
    WantsInput(Option<Instant>),
}

/// The deadline that lies `budget` after `now`. A budget too long for the clock means a year.
///
/// ```
/// use std::time::{Duration, Instant};
/// use xmpp_tls_core::deadline;
///
/// let now = Instant::now();
/// assert_eq!(deadline(now, Duration::from_secs(30)), now + Duration::from_secs(30));
/// assert!(deadline(now, Duration::MAX) > now);
/// ```
pub fn deadline(now: Instant, budget: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    now.checked_add(budget.min(YEAR)).unwrap_or(now)
}
