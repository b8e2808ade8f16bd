//! A data set of one's own from `vr-data` alone: 48×48 pictures in seven classes, with locked transforms.

use std::sync::Arc;

use vr_data::{BatchSpec, Flip, ImageSet, Loader, LoaderConfig, Normalize, PadCrop, Transforms, test_batches};

const SHAPE: [usize; 3] = [3, 48, 48];

/// Pictures of one colour, which is their class.
fn set(pictures: u16) -> Result<ImageSet, vr_data::ImageSetError> {
    let labels: Vec<u16> = (0..pictures).map(|n| n % 7).collect();
    let pixels = labels.iter().flat_map(|&label| vec![30 * label as u8; SHAPE.iter().product()]).collect();
    let classes = ["red", "orange", "yellow", "green", "blue", "indigo", "violet"].map(String::from);
    ImageSet::new(SHAPE, pixels, labels, classes.to_vec())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = (set(100)?, set(50)?);
    let normalize = Normalize::by_channel([0.4, 0.5, 0.6], [0.2, 0.2, 0.3]);
    let plain = Transforms::new().normalized(normalize);
    let augmented = plain.clone().then(PadCrop { padding: 6 }).then(Flip);
    BatchSpec::of(&train, &augmented)?.check(SHAPE, 7)?;

    let mut pictures = 0;
    for batch in test_batches(&test, &plain, 16) {
        pictures += batch?.len();
    }
    let config = LoaderConfig { batch_size: 32, transforms: augmented, ..LoaderConfig::default() };
    let loader = Loader::new(Arc::new(train), config)?;
    println!("{} minibatches, {pictures} test pictures", loader.plan().minibatches());
    if loader.plan().minibatches() == 4 && pictures == 50 { Ok(()) } else { Err("wrong counts".into()) }
}
