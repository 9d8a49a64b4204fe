//! A toy engine for the examples and tests of this crate.

use std::collections::VecDeque;
use std::time::{Duration, Instant};
use xmpp_tls_core::{Bytes, Engine, Output};

/// Reports every line it reads and answers `ok`. Fails on `bad`, on end of input within a line, and
/// after 30 seconds of silence.
#[derive(Debug, Default)]
pub struct Lines {
    input: Vec<u8>,
    outputs: VecDeque<Output<String>>,
    eof: bool,
    patience: Option<Instant>,
    timed_out: bool,
    error: Option<String>,
    greeting: Option<&'static str>,
    forgetful: bool,
}

impl Lines {
    /// Says a line. A verb.
    pub fn say(&mut self, line: &str) {
        self.outputs
            .push_back(Output::Transmit(Bytes::from(format!("{line}\n"))));
    }

    /// Says a line before anything else.
    pub fn greeting(line: &'static str) -> Self {
        Lines {
            greeting: Some(line),
            ..Lines::default()
        }
    }

    /// Forgets the beginning of a line that arrives in pieces: what a split check must find.
    pub fn forgetful() -> Self {
        Lines {
            forgetful: true,
            ..Lines::default()
        }
    }

    /// Gives up after 30 seconds of silence.
    pub fn impatient(now: Instant) -> Self {
        Lines {
            patience: Some(now + Duration::from_secs(30)),
            ..Lines::default()
        }
    }

    fn line(&mut self, line: &str) {
        self.outputs.push_back(Output::Event(line.to_owned()));
        match line {
            "bad" => self.error = Some("bad line".to_owned()),
            "ok" => {}
            _ => self.say("ok"),
        }
    }

    fn poison(&self) -> Result<(), String> {
        // Outputs that are still waiting come before the error.
        match &self.error {
            Some(error) if self.outputs.is_empty() => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

impl Engine for Lines {
    type Event = String;
    type Error = String;

    fn handle_input(&mut self, now: Instant, data: &[u8]) -> Result<(), String> {
        self.poison()?;
        self.input.extend_from_slice(data);
        self.patience = self.patience.map(|_| now + Duration::from_secs(30));
        Ok(())
    }

    fn handle_eof(&mut self, _now: Instant) -> Result<(), String> {
        self.poison()?;
        self.eof = true;
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), String> {
        self.poison()?;
        self.timed_out |= self.patience.is_some_and(|patience| now >= patience);
        Ok(())
    }

    fn poll_output(&mut self) -> Result<Output<String>, String> {
        if let Some(greeting) = self.greeting.take() {
            self.say(greeting);
        }
        while self.outputs.is_empty() && self.error.is_none() {
            let Some(end) = self.input.iter().position(|byte| *byte == b'\n') else {
                break;
            };
            let line: Vec<u8> = self.input.drain(..=end).collect();
            self.line(&String::from_utf8_lossy(&line[..end]));
        }
        if let Some(output) = self.outputs.pop_front() {
            return Ok(output);
        }
        if self.error.is_none() && self.timed_out {
            self.error = Some("silence".to_owned());
        }
        if self.error.is_none() && self.eof && !self.input.is_empty() {
            self.error = Some("end of input within a line".to_owned());
        }
        self.poison()?;
        if self.forgetful {
            self.input.clear();
        }
        Ok(Output::WantsInput(self.patience))
    }
}
