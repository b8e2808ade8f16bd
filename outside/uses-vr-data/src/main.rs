//! A loader with locked transforms, from `vr-data` alone.

use std::sync::Arc;

use vr_data::{Loader, LoaderConfig, SyntheticConfig, synthetic, test_batches};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let set = synthetic(&SyntheticConfig { seed: 3, train: 100, test: 50 });
    let pictures: usize = test_batches(&set.test, 16).map(|batch| batch.len()).sum();
    let loader = Loader::new(Arc::new(set.train), LoaderConfig { batch_size: 32, ..LoaderConfig::default() })?;
    println!("{} minibatches, {pictures} test pictures", loader.plan().minibatches());
    if loader.plan().minibatches() == 4 && pictures == 50 { Ok(()) } else { Err("wrong counts".into()) }
}
