//! Pictures as bytes.

use vr_core::{Key, Stream};
use vr_cuda::Kernel;
use vr_cuda::kernels::{GatherLabels, GatherPictures, key_words};
use vr_data::{Draws, Flip, Normalize, PadCrop, Picture, Transforms, transform::imagenet};

use crate::memory::{Memory, bits};

/// The table of each channel, from what a normalisation makes of a picture with every byte.
fn tables(normalize: &Normalize, channels: usize) -> Vec<f32> {
    let bytes: Vec<u8> = (0..channels).flat_map(|_| 0..=255).collect();
    normalize.apply(&Picture::new([channels, 1, 256], bytes).unwrap()).unwrap()
}

#[test]
fn transformed_pictures_have_the_bits_of_the_loader() {
    let key = Key { seed: 77 << 33, stream: Stream::LockedTransform, generation: 9, visit: 2 };
    let set = 40;
    for ([channels, height, width], padding, flips) in [
        ([3, 32, 32], 4, true),
        ([3, 32, 32], 0, true),
        ([3, 8, 5], 2, false),
        ([1, 3, 2], 5, true),
        ([3, 1, 1], 0, false),
    ] {
        let len = channels * height * width;
        let bytes: Vec<u8> = (0..set * len).map(|i| (i * 31 + i / 7) as u8).collect();
        let labels: Vec<u32> = (0..set as u32).map(|n| n % 10).collect();
        let samples: Vec<u32> = (0..33).map(|n| (n * 7 + 3) % set as u32).collect();
        let normalize = if channels == 3 {
            Normalize::by_channel(imagenet::MEANS, imagenet::DEVIATIONS)
        } else {
            Normalize::default()
        };
        let mut transforms = Transforms::new().normalized(normalize.clone());
        if padding > 0 {
            transforms = transforms.then(PadCrop { padding });
        }
        if flips {
            transforms = transforms.then(Flip);
        }
        let mut memory = Memory::default();
        let (at_pictures, at_labels) = (memory.put(&bytes), memory.put(&labels));
        let (at_key, at_samples) = (memory.put(&key_words(key)), memory.put(&samples));
        let at_tables = memory.put(&tables(&normalize, channels));
        let (out, names) = (memory.rubbish::<f32>(samples.len() * len), memory.rubbish::<u32>(samples.len()));
        let run = memory.run(|at| {
            let (pictures, key, samples_at) = (at.of(at_pictures), at.of(at_key), at.of(at_samples));
            let gather = GatherPictures {
                pictures,
                key,
                samples: samples_at,
                tables: at.of(at_tables),
                out: at.of(out),
                len: samples.len() * len,
                channels,
                height,
                width,
                padding: padding.into(),
                flips,
                table_step: 256,
            };
            let labels =
                GatherLabels { labels: at.of(at_labels), samples: samples_at, out: at.of(names), len: samples.len() };
            vec![gather.launch(), labels.launch()]
        });
        let Some(()) = run else { return };
        let picture = |sample: u32| {
            let bytes = bytes[sample as usize * len..][..len].to_vec();
            let picture = Picture::new([channels, height, width], bytes).unwrap();
            normalize.apply(&transforms.apply(picture, Draws { key, sample }).unwrap()).unwrap()
        };
        let expected: Vec<f32> = samples.iter().flat_map(|&sample| picture(sample)).collect();
        assert_eq!(bits(&memory.get(out)), bits(&expected));
        assert_eq!(memory.get(names), samples.iter().map(|&n| labels[n as usize]).collect::<Vec<_>>());
    }
}
