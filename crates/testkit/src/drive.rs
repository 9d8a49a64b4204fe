use std::fmt::Debug;
use std::time::Instant;
use xmpp_tls_core::{Bytes, Engine, Output};

/// An engine that takes more steps than this without new input never comes to rest.
const MAX_STEPS: usize = 1_000_000;

/// What an engine does on its way to rest.
pub(crate) enum Step<E> {
    Transmit(Bytes),
    Event(E),
}

/// Polls until the engine wants input; returns its deadline.
pub(crate) fn settle<E: Engine>(
    engine: &mut E,
    mut on_step: impl FnMut(&mut E, Step<E::Event>),
) -> Result<Option<Instant>, E::Error> {
    for _ in 0..MAX_STEPS {
        match engine.poll_output()? {
            Output::Transmit(bytes) => {
                assert!(
                    !bytes.is_empty(),
                    "the engine transmits nothing: Output::Transmit(\"\")"
                );
                on_step(engine, Step::Transmit(bytes));
            }
            Output::Event(event) => on_step(engine, Step::Event(event)),
            Output::WantsInput(deadline) => return Ok(deadline),
        }
    }
    panic!("the engine did not come to rest within {MAX_STEPS} steps")
}

/// An error must poison: every later call returns the same one.
pub(crate) fn assert_poisoned<E: Engine>(engine: &mut E, now: Instant, error: &E::Error)
where
    E::Error: Debug,
{
    let expected = format!("{error:?}");
    let later = [
        ("poll_output", engine.poll_output().err()),
        ("handle_input", engine.handle_input(now, b" ").err()),
        ("handle_eof", engine.handle_eof(now).err()),
        ("handle_timeout", engine.handle_timeout(now).err()),
        ("poll_output", engine.poll_output().err()),
    ];
    for (call, error) in later {
        let found = error.map_or_else(|| "no error".to_owned(), |error| format!("{error:?}"));
        assert_eq!(found, expected, "after an error {call} must return the same error");
    }
}
