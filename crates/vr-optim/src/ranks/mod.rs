//! Gradients shared out over ranks: processes, on one machine or many, or threads that stand for them.
//!
//! Rank 0, the root, runs the training and is the only one with a state. The others [`serve`]: they evaluate what the root
//! asks for, and keep nothing but the points that they were told. The root shares each window of independent gradients out
//! over all ranks, itself among them, and takes the answers in the order in which it would have computed them. So every sum
//! has the terms and the order that it has in one process, and the results are the same bits for any number of ranks.
//! A state says nothing of ranks: a run saved on some goes on on any other number.
//!
//! Messages go by a [`Communicator`]: [`threads`] in one process, MPI in the crate `vr-mpi`.

mod answers;
mod order;
mod places;
mod root;
mod serve;
mod threads;

use std::fmt;
use std::sync::Arc;

use vr_core::{State, StateError};

pub use root::{Dismissal, Root};
pub use serve::{Hand, serve};
pub use threads::{ThreadRank, threads};

pub(crate) use answers::Answers;

/// The rank that runs the training.
const ROOT: usize = 0;

/// Carries messages between the ranks 0 to n − 1 of a group, each in the order in which it was sent.
pub trait Communicator: Send + Sync {
    /// This rank.
    fn rank(&self) -> usize;

    /// Ranks in the group.
    fn size(&self) -> usize;

    /// Sends a message; may wait until it is received.
    ///
    /// # Errors
    /// When the other rank is gone.
    fn send(&self, to: usize, message: Message) -> Result<(), RankError>;

    /// The next message of a rank, waited for.
    ///
    /// # Errors
    /// When the other rank is gone or sends what is no message.
    fn receive(&self, from: usize) -> Result<Message, RankError>;
}

/// A communicator that can be handed on; equal to itself alone.
#[derive(Clone)]
pub struct Ranks(pub Arc<dyn Communicator>);

impl fmt::Debug for Ranks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ranks({} of {})", self.0.rank(), self.0.size())
    }
}

impl PartialEq for Ranks {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// One message between ranks.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What it is about.
    pub subject: Subject,
    /// Words: a name, or what went wrong.
    pub text: String,
    /// Numbers.
    pub values: State,
}

impl Message {
    fn new(subject: Subject, text: impl Into<String>, values: State) -> Self {
        Self { subject, text: text.into(), values }
    }
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Subject {
    /// To a server: the training that all that follows is of, by a name. Answered by [`Ready`](Self::Ready) or
    /// [`Failed`](Self::Failed).
    Begin = 0,
    /// To a server: a vector to keep.
    Vector = 1,
    /// To a server: gradients to compute. Answered by as many [`Answer`](Self::Answer)s, or one [`Failed`](Self::Failed).
    Gradients = 2,
    /// To a server: minibatches of a test to evaluate. Answered likewise.
    Tests = 3,
    /// To a server: the training is over.
    End = 4,
    /// To a server: there is nothing more to do.
    Dismiss = 5,
    /// To the root: begun.
    Ready = 6,
    /// To the root: an evaluation, with its gradient where that was asked for.
    Answer = 7,
    /// To the root: what went wrong.
    Failed = 8,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Begin,
        Self::Vector,
        Self::Gradients,
        Self::Tests,
        Self::End,
        Self::Dismiss,
        Self::Ready,
        Self::Answer,
        Self::Failed,
    ];
}

/// Why ranks cannot go on together.
#[derive(Debug, thiserror::Error)]
pub enum RankError {
    /// A rank ended, or cannot be reached.
    #[error("rank {0} is gone")]
    Gone(usize),
    /// A rank could not do what it was asked for.
    #[error("rank {rank}: {reason}")]
    Failed {
        /// Which.
        rank: usize,
        /// Its own error, in words.
        reason: String,
    },
    /// A message that does not belong where it came.
    #[error("rank {rank} sent {found:?}; expected {expected}")]
    Subject {
        /// The sender.
        rank: usize,
        /// What it sent.
        found: Subject,
        /// What would have done.
        expected: &'static str,
    },
    /// A message without what it should hold.
    #[error("message of rank {rank}: {error}")]
    State {
        /// The sender.
        rank: usize,
        /// Which value is at fault.
        #[source]
        error: StateError,
    },
    /// Bytes that are no message.
    #[error("message of rank {rank}: {reason}")]
    Encoding {
        /// The sender.
        rank: usize,
        /// What is wrong with them.
        reason: String,
    },
    /// A rank was asked to lead that is not the root.
    #[error("rank {0} cannot run a training; rank 0 does")]
    NotRoot(usize),
}
