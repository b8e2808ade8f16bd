//! The processes that `mpirun` started.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mpi::environment::Universe;
use mpi::point_to_point::{Destination, Source};
use mpi::request::scope;
use mpi::topology::{Communicator as _, SimpleCommunicator};
use mpi::{Rank, Threading};
use vr_optim::RankError;
use vr_optim::ranks::{Communicator, Message};

use crate::wire::{decode, encode, values_len};

/// Why a process cannot join the others.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// It joined before.
    #[error("MPI was initialised before in this process")]
    Twice,
    /// The library cannot be called from more than one thread.
    #[error("this MPI library allows {0:?} threads; expected at least Serialized")]
    Threading(Threading),
}

/// All processes of a run of `mpirun`. Leaves MPI when it is dropped, which waits for all others to do so.
///
/// A process that dies ends all of them: that is what MPI does by default, and `mpirun` after it.
pub struct World {
    rank: usize,
    size: usize,
    /// What values are received into, held by the one thread that calls MPI at a time: that is what MPI was asked for.
    turn: Mutex<Vec<u8>>,
    _universe: Universe,
}

impl World {
    /// Joins the other processes.
    ///
    /// # Errors
    /// When this process did before, or the library cannot be called from other threads than the first.
    pub fn join() -> Result<Self, WorldError> {
        let (universe, threading) = mpi::initialize_with_threading(Threading::Serialized).ok_or(WorldError::Twice)?;
        if threading < Threading::Serialized {
            return Err(WorldError::Threading(threading));
        }
        let world = universe.world();
        Ok(Self {
            rank: world.rank() as usize,
            size: world.size() as usize,
            turn: Mutex::default(),
            _universe: universe,
        })
    }
}

/// Most bytes that go in one message of MPI, which counts in 32 bits.
const PIECE: usize = 1 << 30;

impl Communicator for World {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn send(&self, to: usize, message: Message) -> Result<(), RankError> {
        let [head, values] = encode(&message).map_err(|reason| RankError::Encoding { rank: self.rank, reason })?;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let world = SimpleCommunicator::world();
        let to = world.process_at_rank(to as Rank);
        to.send(&head[..]);
        for piece in values.chunks(PIECE) {
            scope(|scope| {
                let mut sending = Some(to.immediate_send(scope, piece));
                wait(|| match sending.take()?.test() {
                    Ok(_) => Some(()),
                    Err(still) => {
                        sending = Some(still);
                        None
                    }
                });
            });
        }
        Ok(())
    }

    fn receive(&self, from: usize) -> Result<Message, RankError> {
        let mut values = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let world = SimpleCommunicator::world();
        let process = world.process_at_rank(from as Rank);
        wait(|| process.immediate_probe());
        let (head, _) = process.receive_vec::<u8>();
        let unreadable = |reason| RankError::Encoding { rank: from, reason };
        values.resize(values_len(&head).map_err(unreadable)?, 0);
        for piece in values.chunks_mut(PIECE) {
            process.receive_into(piece);
        }
        decode(&head, &values).map_err(unreadable)
    }
}

/// Asks until there is an answer. MPI would ask without a pause: a rank that waits for long leaves its core to others.
fn wait<T>(mut ready: impl FnMut() -> Option<T>) -> T {
    for _ in 0..50 {
        if let Some(found) = ready() {
            return found;
        }
        std::thread::yield_now();
    }
    loop {
        if let Some(found) = ready() {
            return found;
        }
        std::thread::sleep(Duration::from_micros(50));
    }
}
