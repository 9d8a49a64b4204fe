use super::Entry;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

/// What happened to a session.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Update {
    /// It is listed.
    Opened(Arc<Entry>),
    /// Something more is known of it.
    Changed(Arc<Entry>),
    /// It ended, and this is what was known of it.
    Closed(Arc<Entry>),
    /// So many updates were lost, because they were not taken in time. [`Registry::snapshot`](super::Registry::snapshot)
    /// says how things are now.
    Lagged(u64),
}

/// What happens in a [`Registry`](super::Registry), in order. No session ever waits for it: what it has no room for is
/// lost, the oldest first, and counted.
#[derive(Debug)]
pub struct Subscription {
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug)]
struct Queue {
    updates: VecDeque<Update>,
    capacity: usize,
    lost: u64,
    /// The registry is gone.
    ended: bool,
    waker: Option<Waker>,
}

impl Subscription {
    /// Updates that wait for being taken unless told otherwise.
    pub const DEFAULT_CAPACITY: usize = 1024;

    /// The next update, if there is one.
    pub fn try_next(&mut self) -> Option<Update> {
        lock(&self.queue).take()
    }

    /// Waits for the next update, in any runtime; `None` when the registry and all its sessions are gone. To be dropped
    /// at any time without loss.
    pub async fn next(&mut self) -> Option<Update> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The same, for who implements a stream.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Update>> {
        let mut queue = lock(&self.queue);
        match queue.take() {
            Some(update) => Poll::Ready(Some(update)),
            None if queue.ended => Poll::Ready(None),
            None => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Queue {
    fn take(&mut self) -> Option<Update> {
        match std::mem::take(&mut self.lost) {
            0 => self.updates.pop_front(),
            lost => Some(Update::Lagged(lost)),
        }
    }
}

/// Who is told.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    queues: Vec<Weak<Mutex<Queue>>>,
}

impl Subscribers {
    pub(super) fn add(&mut self, capacity: usize) -> Subscription {
        let queue = Queue {
            updates: VecDeque::new(),
            capacity: capacity.max(1),
            lost: 0,
            ended: false,
            waker: None,
        };
        let queue = Arc::new(Mutex::new(queue));
        // Those who left are forgotten here too: else who comes and goes while nothing happens would fill the list.
        self.queues.retain(|queue| queue.strong_count() > 0);
        self.queues.push(Arc::downgrade(&queue));
        Subscription { queue }
    }

    /// Returns whom to wake: by the caller, when it holds no lock any more, as a waker may do anything at once.
    #[must_use]
    pub(super) fn tell(&mut self, update: &Update) -> Vec<Waker> {
        let mut wakers = Vec::new();
        self.queues.retain(|queue| {
            let Some(queue) = queue.upgrade() else { return false };
            let mut queue = lock(&queue);
            if queue.updates.len() >= queue.capacity {
                queue.updates.pop_front();
                queue.lost = queue.lost.saturating_add(1);
            }
            queue.updates.push_back(update.clone());
            wakers.extend(queue.waker.take());
            true
        });
        wakers
    }
}

impl Drop for Subscribers {
    fn drop(&mut self) {
        for queue in self.queues.iter().filter_map(Weak::upgrade) {
            let mut queue = lock(&queue);
            queue.ended = true;
            let waker = queue.waker.take();
            drop(queue);
            waker.into_iter().for_each(Waker::wake);
        }
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    // Nothing is half done where a panic could come.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
