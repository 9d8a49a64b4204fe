//! The same look again and again.

use crate::Outcome;
use crate::arguments::{Arguments, Watch};
use crate::check::Prober;
use crate::show::Style;
use std::io::{IsTerminal, Write};
use std::time::Instant;
use xmpp_tls::io;

/// One line for each look; where the outcome is another than before, it says so.
pub(crate) async fn run(prober: &Prober, arguments: &Arguments, watch: Watch, style: Style) -> Outcome {
    let mut before: Option<Outcome> = None;
    let mut looks = 0u64;
    loop {
        let begin = Instant::now();
        let (outcome, says) = match prober.look(arguments).await {
            Ok(found) => (found.outcome(), found.view().line().to_string()),
            Err(error) => (Outcome::of_error(&error), format!("error={:?}", error.to_string())),
        };
        let seconds = io::now().wall.as_secs();
        let took = begin.elapsed().as_millis();
        let state = style.paint(outcome.code(), outcome);
        let was = before.filter(|before| *before != outcome);
        let was = was.map_or(String::new(), |before| format!(" was={}", before.code()));
        println!("time={seconds} ms={took} state={state}{was} {says}");
        before = Some(outcome);
        looks += 1;
        if watch.times.is_some_and(|times| looks >= times) {
            return outcome;
        }
        wait(watch, begin).await;
    }
}

/// Counts down where somebody looks on.
async fn wait(watch: Watch, since: Instant) {
    let shown = std::io::stderr().is_terminal();
    while let Some(left) = watch.every.checked_sub(since.elapsed()).filter(|left| !left.is_zero()) {
        if shown {
            eprint!("\rnext look in {} s ", left.as_secs() + 1);
            drop(std::io::stderr().flush());
        }
        tokio::time::sleep(left.min(std::time::Duration::from_secs(1))).await;
    }
    if shown {
        eprint!("\r                          \r");
    }
}
