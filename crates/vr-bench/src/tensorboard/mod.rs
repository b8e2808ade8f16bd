//! Event files for TensorBoard: written while a run goes ([`Live`]), or made of its logs afterwards ([`export()`]).
//!
//! Each cell has a folder with one file. A tag is a quantity of [`crate::facts`], with the place in the epoch where it was
//! measured: `test-error`, `ratio/33 %`. The step is the number of training steps, and the time that of the cell's beginning
//! with the seconds of training since, so that measurements and interruptions take none.

mod export;
mod live;
mod record;
mod scalars;

pub use export::export;
pub use live::{FOLDER, Live};
pub use scalars::{Clock, Scalars};

/// The name of a cell's file.
pub const FILE: &str = "events.out.tfevents.vr";
