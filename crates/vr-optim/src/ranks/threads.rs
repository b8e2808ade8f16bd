//! Ranks that are threads of one process.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use super::{Communicator, Message, RankError};

/// One of some threads that stand for ranks. A thread that drops it is gone.
#[derive(Debug)]
pub struct ThreadRank {
    rank: usize,
    /// To and from each rank, this one too.
    to: Vec<Sender<Message>>,
    from: Vec<Mutex<Receiver<Message>>>,
}

/// A group of `size` ranks, for as many threads. Each needs a rayon pool of its own: a thread of a pool that waits for another
/// rank computes nothing for it.
pub fn threads(size: usize) -> Vec<ThreadRank> {
    let mut ranks: Vec<_> = (0..size).map(|rank| ThreadRank { rank, to: Vec::new(), from: Vec::new() }).collect();
    for receiver in 0..size {
        for sender in 0..size {
            let (to, from) = channel();
            ranks[sender].to.push(to);
            ranks[receiver].from.push(Mutex::new(from));
        }
    }
    ranks
}

impl Communicator for ThreadRank {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn send(&self, to: usize, message: Message) -> Result<(), RankError> {
        self.to[to].send(message).map_err(|_| RankError::Gone(to))
    }

    fn receive(&self, from: usize) -> Result<Message, RankError> {
        let receiver = self.from[from].lock().unwrap_or_else(PoisonError::into_inner);
        receiver.recv().map_err(|_| RankError::Gone(from))
    }
}
