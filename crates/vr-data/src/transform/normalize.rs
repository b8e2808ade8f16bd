//! From bytes to numbers.

use super::TransformError;
use crate::Picture;
use vr_core::{LANES, LaneBlock};

/// Scales each byte to [0, 1], takes the channel's mean off and divides by its standard deviation.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalize {
    /// What each byte becomes: in all channels where there is one table, else a table a channel.
    tables: Vec<[f32; 256]>,
}

impl Default for Normalize {
    /// Mean ½ and standard deviation ½: values in [−1, 1].
    fn default() -> Self {
        Self::all_channels(0.5, 0.5)
    }
}

impl Normalize {
    /// One mean and standard deviation, of values in [0, 1], for every channel.
    pub fn all_channels(mean: f32, deviation: f32) -> Self {
        Self { tables: vec![table(mean, deviation)] }
    }

    /// A mean and a standard deviation, of values in [0, 1], for each of `N` channels.
    pub fn by_channel<const N: usize>(means: [f32; N], deviations: [f32; N]) -> Self {
        Self { tables: means.into_iter().zip(deviations).map(|(mean, deviation)| table(mean, deviation)).collect() }
    }

    /// Whether there is a table for each channel of a picture of this shape.
    pub(super) fn check(&self, shape: [usize; 3]) -> Result<(), TransformError> {
        if [1, shape[0]].contains(&self.tables.len()) {
            return Ok(());
        }
        let (step, expected) = ("the normalisation".into(), format!("one with {} channels", self.tables.len()));
        Err(TransformError::Shape { step, shape, expected })
    }

    fn table(&self, channel: usize) -> &[f32; 256] {
        &self.tables[channel.min(self.tables.len() - 1)]
    }

    /// The values of a picture.
    ///
    /// # Errors
    /// [`TransformError::Shape`] when it does not have as many channels as there are means.
    pub fn apply(&self, picture: &Picture<'_>) -> Result<Vec<f32>, TransformError> {
        self.check(picture.shape())?;
        let [_, height, width] = picture.shape();
        let planes = picture.bytes().chunks_exact(height * width).enumerate();
        Ok(planes.flat_map(|(c, plane)| plane.iter().map(move |&byte| self.table(c)[usize::from(byte)])).collect())
    }

    /// The values of up to sixteen pictures of one shape that [`check`](Self::check) allows, each in its own lane.
    pub(crate) fn lanes(&self, pictures: &[Picture<'_>], [channels, height, width]: [usize; 3]) -> LaneBlock {
        /// Positions that are looked up together: their bytes of all lanes fit the innermost cache.
        const TOGETHER: usize = 64;
        let plane = height * width;
        let mut block = LaneBlock::with_capacity(channels * plane);
        for channel in 0..channels {
            let table = self.table(channel);
            for start in (0..plane).step_by(TOGETHER) {
                let (at, len) = (channel * plane + start, TOGETHER.min(plane - start));
                let mut bytes = [[0; TOGETHER]; LANES];
                for (bytes, picture) in bytes.iter_mut().zip(pictures) {
                    bytes[..len].copy_from_slice(&picture.bytes()[at..][..len]);
                }
                block.extend((0..len).map(|i| {
                    let mut line: [f32; LANES] = std::array::from_fn(|lane| table[usize::from(bytes[lane][i])]);
                    line[pictures.len()..].fill(0.0);
                    line
                }));
            }
        }
        block
    }
}

fn table(mean: f32, deviation: f32) -> [f32; 256] {
    std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / deviation)
}
