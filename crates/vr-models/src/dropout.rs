//! Dropout masks as a function of their key, the same for both engines.

use vr_core::{Noise, random::uniform};

/// What each element of one sample's value is multiplied by: 0 with probability `rate`, else
/// 1/(1 − rate), so that the expectation is 1. Without noise, all ones.
///
/// `place` is the sample's in the minibatch, `draw` the node's first block of draws.
pub fn factors(noise: Option<&Noise>, place: usize, draw: u32, rate: f64) -> impl Iterator<Item = f64> {
    let kept = 1.0 / (1.0 - rate);
    (draw..).flat_map(move |draw| match noise {
        Some(noise) => noise.words(place, draw).map(|word| if uniform(word) < rate { 0.0 } else { kept }),
        None => [1.0; 4],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vr_core::{Key, Stream};

    #[test]
    fn the_share_dropped_is_the_rate_and_the_mean_is_one() {
        let noise = Noise { key: Key::new(1, Stream::InnerTransform), samples: vec![3] };
        for rate in [0.0, 0.2, 0.5, 0.9] {
            let n = 100_000;
            let factors: Vec<f64> = factors(Some(&noise), 0, 7, rate).take(n).collect();
            let dropped = factors.iter().filter(|factor| **factor == 0.0).count() as f64 / n as f64;
            // Five standard deviations.
            assert!((dropped - rate).abs() <= 5.0 * (rate * (1.0 - rate) / n as f64).sqrt(), "{rate}: {dropped}");
            assert!(factors.iter().all(|factor| [0.0, 1.0 / (1.0 - rate)].contains(factor)));
        }
        assert!(factors(None, 0, 7, 0.5).take(9).all(|factor| factor == 1.0));
    }
}
