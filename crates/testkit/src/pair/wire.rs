use crate::cuts::Rng;
use std::fmt;

/// How the bytes of one direction arrive.
#[derive(Debug, Clone)]
pub enum Chunking {
    /// Everything in flight at once.
    Whole,
    /// So many bytes at a time.
    Fixed(usize),
    /// Between one byte and the given number.
    Random(Rng, usize),
}

type Tamper = Box<dyn FnMut(&mut Vec<u8>)>;

/// One direction of a connection: what one side wrote and the other has not yet read. A test may act
/// as the attacker on it.
pub struct Wire {
    in_flight: Vec<u8>,
    delivered: usize,
    limit: Option<usize>,
    chunking: Chunking,
    tamper: Option<Tamper>,
    held: bool,
    closed: bool,
    eof_taken: bool,
}

/// What arrives next.
pub(super) enum Arrival {
    Data(Vec<u8>),
    Eof,
}

impl Wire {
    pub(super) fn new() -> Self {
        Wire {
            in_flight: Vec::new(),
            delivered: 0,
            limit: None,
            chunking: Chunking::Whole,
            tamper: None,
            held: false,
            closed: false,
            eof_taken: false,
        }
    }

    /// Sets how the bytes arrive.
    pub fn chunks(&mut self, chunking: Chunking) {
        self.chunking = chunking;
    }

    /// Shows every transmission to `tamper` before it is in flight: it may change, lengthen, shorten or
    /// empty it. Replaces an earlier hook.
    pub fn tamper(&mut self, tamper: impl FnMut(&mut Vec<u8>) + 'static) {
        self.tamper = Some(Box::new(tamper));
    }

    /// Replaces every occurrence of a text within a transmission: strips `<starttls/>`, for example.
    pub fn replace(&mut self, from: &str, to: &str) {
        let (from, to) = (from.as_bytes().to_vec(), to.as_bytes().to_vec());
        self.tamper(move |bytes| {
            let mut start = 0;
            while let Some(at) = crate::leak::find(&bytes[start..], &from) {
                bytes.splice(start + at..start + at + from.len(), to.iter().copied());
                start += at + to.len();
            }
        });
    }

    /// Puts bytes in flight behind what is there, as if the other side had written them.
    pub fn inject(&mut self, bytes: &[u8]) {
        self.in_flight.extend_from_slice(bytes);
    }

    /// Cuts the connection after so many bytes in all: the rest is lost and the reader sees the end of
    /// input.
    pub fn cut_after(&mut self, bytes: usize) {
        self.limit = Some(bytes);
    }

    /// Nothing arrives until [`release`](Wire::release): a peer that has fallen silent.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// Ends [`hold`](Wire::hold).
    pub fn release(&mut self) {
        self.held = false;
    }

    /// The writer closes: behind what is in flight the reader sees the end of input.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// How many bytes have arrived.
    pub fn delivered(&self) -> usize {
        self.delivered
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        match &mut self.tamper {
            Some(tamper) => {
                let mut bytes = bytes.to_vec();
                tamper(&mut bytes);
                self.in_flight.extend(bytes);
            }
            None => self.in_flight.extend_from_slice(bytes),
        }
    }

    pub(super) fn next(&mut self) -> Option<Arrival> {
        if self.held || self.eof_taken {
            return None;
        }
        if let Some(limit) = self.limit {
            let left = limit.saturating_sub(self.delivered);
            if self.in_flight.len() >= left {
                self.in_flight.truncate(left);
                self.closed = true;
            }
        }
        if self.in_flight.is_empty() {
            self.eof_taken = self.closed;
            return self.closed.then_some(Arrival::Eof);
        }
        let all = self.in_flight.len();
        let size = match &mut self.chunking {
            Chunking::Whole => all,
            Chunking::Fixed(size) => (*size).clamp(1, all),
            Chunking::Random(rng, most) => (1 + rng.below((*most).max(1))).min(all),
        };
        self.delivered += size;
        Some(Arrival::Data(self.in_flight.drain(..size).collect()))
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("in_flight", &self.in_flight.len())
            .field("delivered", &self.delivered)
            .field("held", &self.held)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
