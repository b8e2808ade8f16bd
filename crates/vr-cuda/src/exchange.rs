//! What goes into a program and comes out of it.

use bytemuck::Pod;
use vr_core::{Batch, Evaluation, LaneBlock, NormStatistics};
use vr_models::graph::Graph;

use crate::CudaError;
use crate::device::Program;
use crate::kernels::key_words;
use crate::plan::{Plan, Port};

/// A program of a plan, to be written to and read from by the plan's ports.
#[derive(Debug)]
pub struct Exchange<'a, P> {
    /// The plan.
    pub plan: &'a Plan,
    /// The program.
    pub program: &'a mut P,
}

impl<P: Program> Exchange<'_, P> {
    /// Writes the first elements of a port.
    pub fn write<T: Pod>(&mut self, port: Port<T>, values: &[T]) -> Result<(), CudaError> {
        self.program.write(self.plan.start(&port), bytemuck::cast_slice(values))
    }

    /// Reads the first elements of a port.
    pub fn read<T: Pod>(&mut self, port: Port<T>, values: &mut [T]) -> Result<(), CudaError> {
        self.program.read(self.plan.start(&port), bytemuck::cast_slice_mut(values))
    }

    /// Pictures, labels, and the names of random draws.
    pub fn write_batch(&mut self, batch: &Batch) -> Result<(), CudaError> {
        let ports = self.plan.ports();
        let mut at = self.plan.start(&ports.pictures);
        for values in batch.blocks().iter().map(LaneBlock::values) {
            self.program.write(at, bytemuck::cast_slice(values))?;
            at += size_of_val(values) as u64;
        }
        self.write(ports.labels, batch.labels())?;
        if let Some(noise) = batch.noise().filter(|_| self.plan.mode().noise) {
            self.write(ports.samples, &noise.samples)?;
            self.write(ports.key, &key_words(noise.key))?;
        }
        Ok(())
    }

    /// Loss, hits, and in train mode the minibatch's statistics, of what ran last.
    pub fn read_evaluation(&mut self, graph: &Graph) -> Result<Evaluation, CudaError> {
        let (ports, mode) = (self.plan.ports().clone(), self.plan.mode());
        let statistics = if mode.train { Some(self.statistics(graph, ports.mean, ports.variance)?) } else { None };
        let (mut losses, mut hits) = (vec![0.0; mode.samples], vec![[0_u32; 2]; mode.samples]);
        self.read(ports.losses, &mut losses)?;
        self.read(ports.hits, hits.as_flattened_mut())?;
        let hits = |kind: usize| hits.iter().map(|hits| hits[kind] as usize).sum();
        Ok(Evaluation {
            loss: losses.iter().sum::<f64>() / mode.samples as f64,
            correct: Some(hits(0)),
            correct_top5: graph.has_top5().then(|| hits(1)),
            samples: mode.samples,
            statistics,
            unused: Vec::new(),
        })
    }

    fn statistics(&mut self, graph: &Graph, mean: Port<f32>, variance: Port<f32>) -> Result<NormStatistics, CudaError> {
        let (mut means, mut variances) = (vec![0.0; mean.len], vec![0.0; variance.len]);
        self.read(mean, &mut means)?;
        self.read(variance, &mut variances)?;
        let mut statistics = NormStatistics::initial(graph.norm_layers().clone());
        let mut at = 0;
        for (index, layer) in graph.norm_layers().iter().enumerate() {
            let range = at..at + layer.channels;
            let (mean, variance) = statistics.layer_mut(index);
            mean.copy_from_slice(&means[range.clone()]);
            variance.copy_from_slice(&variances[range.clone()]);
            at = range.end;
        }
        Ok(statistics)
    }
}
