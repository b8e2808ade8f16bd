//! One thread that prepares announced minibatches before they are asked for.
//!
//! Nobody ever waits for it: a minibatch that is not ready is made on the spot, so preparing ahead
//! can change when the work is done and nothing else.

use super::Recipe;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};
use vr_core::{Batch, MinibatchKey};

pub(super) struct Prefetcher {
    shared: Arc<Shared>,
    depth: usize,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<MinibatchKey>,
    /// What the thread is making, as long as somebody still wants it.
    making: Option<MinibatchKey>,
    ready: HashMap<MinibatchKey, Batch>,
    closed: bool,
}

impl Prefetcher {
    /// `None` when nothing is to be prepared ahead, or the system gives no thread.
    pub(super) fn new(recipe: &Arc<Recipe>, depth: usize) -> Option<Self> {
        if depth == 0 {
            return None;
        }
        let shared = Arc::new(Shared::default());
        let (recipe, theirs) = (recipe.clone(), shared.clone());
        let thread = thread::Builder::new().name("prefetch".into()).spawn(move || theirs.work(&recipe));
        match thread {
            Ok(thread) => Some(Self { shared, depth, thread: Some(thread) }),
            Err(error) => {
                tracing::warn!(%error, "no thread for preparing minibatches ahead");
                None
            }
        }
    }

    /// Replaces the list of what will be asked for; what is on it no more is dropped.
    pub(super) fn announce(&self, upcoming: &[MinibatchKey]) {
        let wanted = &upcoming[..upcoming.len().min(self.depth)];
        let mut state = self.shared.lock();
        state.ready.retain(|key, _| wanted.contains(key));
        state.making = state.making.filter(|key| wanted.contains(key));
        let mut waiting = VecDeque::new();
        for &key in wanted {
            if !state.ready.contains_key(&key) && state.making != Some(key) && !waiting.contains(&key) {
                waiting.push_back(key);
            }
        }
        state.waiting = waiting;
        self.shared.changed.notify_all();
    }

    /// The minibatch if it is ready; otherwise it is struck off the list, since the caller will make it.
    pub(super) fn take(&self, key: MinibatchKey) -> Option<Batch> {
        let mut state = self.shared.lock();
        state.waiting.retain(|&other| other != key);
        state.making = state.making.filter(|&other| other != key);
        state.ready.remove(&key)
    }

    #[cfg(test)]
    pub(super) fn settle(&self) -> usize {
        let mut state = self.shared.lock();
        while state.making.is_some() || !state.waiting.is_empty() {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.ready.len()
    }
}

impl Drop for Prefetcher {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// No state is ever half changed, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, recipe: &Recipe) {
        let mut state = self.lock();
        while !state.closed {
            let Some(key) = state.waiting.pop_front() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.making = Some(key);
            drop(state);
            // A key out of range fails again, and is reported, when it is asked for.
            let made = recipe.minibatch(key).ok();
            state = self.lock();
            if state.making == Some(key) {
                state.making = None;
                state.ready.extend(made.map(|batch| (key, batch)));
            }
            self.changed.notify_all();
        }
    }
}
