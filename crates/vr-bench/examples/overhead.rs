//! What share of an SVRG epoch with a variance pass is not the gradient itself:
//! `cargo run --release -p vr-bench --example overhead -- lenet 4000`.
//!
//! Everything runs on one thread, so that times add up: loading with transforms, gradients, and the
//! rest (estimator arithmetic, update rule, variance moments).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use vr_bench::settings::Model;
use vr_core::{
    Batch, Evaluation, FlatVector, MinibatchKey, MinibatchSource, NormLayer, Normalization, Oracle, ParameterSpace,
};
use vr_data::{Loader, LoaderConfig, LoaderError, SyntheticConfig, synthetic};
use vr_models::{CandleEngine, EngineError, initialize};
use vr_optim::{SnapshotGradients, Svrg, SvrgConfig, Training};

struct Timed<T>(T, Arc<AtomicU64>);

impl<T> Timed<T> {
    fn time<R>(&self, work: impl FnOnce(&T) -> R) -> R {
        let started = Instant::now();
        let result = work(&self.0);
        self.1.fetch_add(started.elapsed().as_nanos() as u64, Ordering::Relaxed);
        result
    }
}

impl Oracle for Timed<CandleEngine<f32>> {
    type Scalar = f32;
    type Batch = Batch;
    type Error = EngineError;

    fn space(&self) -> &Arc<ParameterSpace> {
        self.0.space()
    }
    fn norm_layers(&self) -> &Arc<[NormLayer]> {
        self.0.norm_layers()
    }
    fn gradient(
        &self,
        x: &FlatVector<f32>,
        norm: Normalization<'_, f32>,
        batch: &Batch,
        out: &mut FlatVector<f32>,
    ) -> Result<Evaluation<f32>, EngineError> {
        self.time(|engine| engine.gradient(x, norm, batch, out))
    }
    fn evaluate(
        &self,
        x: &FlatVector<f32>,
        norm: Normalization<'_, f32>,
        batch: &Batch,
    ) -> Result<Evaluation<f32>, EngineError> {
        self.time(|engine| engine.evaluate(x, norm, batch))
    }
}

impl MinibatchSource for Timed<Loader> {
    type Batch = Batch;
    type Error = LoaderError;

    fn minibatches(&self) -> usize {
        self.0.minibatches()
    }
    fn minibatch(&self, key: MinibatchKey) -> Result<Batch, LoaderError> {
        self.time(|loader| loader.minibatch(key))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let model: Model = arguments.next().unwrap_or("lenet".into()).parse()?;
    let train: usize = arguments.next().unwrap_or("4000".into()).parse()?;
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global()?;

    let set = synthetic(&SyntheticConfig { train, test: 10, ..SyntheticConfig::default() });
    let (gradients, loading) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let graph = model.graph()?;
    let x = initialize(&graph, 0);
    let engine = Timed(CandleEngine::new(graph), Arc::clone(&gradients));
    let loader = Loader::new(Arc::new(set.train), LoaderConfig { prefetch_depth: 0, ..LoaderConfig::default() })?;
    let config = SvrgConfig { gradients: SnapshotGradients::Stored, ..SvrgConfig::default() };
    let mut run = Training::new(engine, Timed(loader, Arc::clone(&loading)), x, Svrg::new(config))?;

    let started = Instant::now();
    run.epoch()?;
    run.variance()?;
    let total = started.elapsed().as_secs_f64();
    let [gradients, loading] = [gradients, loading].map(|t| t.load(Ordering::Relaxed) as f64 * 1e-9);
    #[allow(clippy::print_stdout)]
    {
        let share = |seconds: f64| 100.0 * seconds / total;
        println!("{model}, m = {}: {total:.2} s, of which", run.minibatches());
        println!("  gradients                {:5.1} %", share(gradients));
        println!("  loading and transforms   {:5.1} %", share(loading));
        println!("  estimator and variance   {:5.1} %", share(total - gradients - loading));
    }
    Ok(())
}
