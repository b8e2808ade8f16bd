//! A small nonlinear problem whose minibatches can be enumerated, and a loop that drives an estimator by
//! hand.
#![allow(dead_code, reason = "each test uses its part")]

use std::convert::Infallible;
use std::sync::Arc;

use vr_core::{
    Evaluation, FlatVector, MinibatchKey, MinibatchSource, NormLayer, NormStatistics, Normalization, Oracle,
    ParameterSpace, TransformKey,
};
use vr_optim::{Ask, Estimator, Locking, Point, Request, SgdMomentum, StepDecay, Training};

pub const P: usize = 4;
pub const M: usize = 5;

/// Loss of a minibatch z: Σ cos(x_i·z_i)·z_i, so that its gradient is nonlinear in x. A norm layer's
/// statistics depend on x and z; in evaluation mode the loss is scaled by the stored ones.
pub struct Toy(Arc<ParameterSpace>, Arc<[NormLayer]>);

impl Toy {
    pub fn new() -> Self {
        let layer = NormLayer { name: "norm".into(), channels: 2, momentum: 0.1 };
        Self(Arc::new(ParameterSpace::new([("a", vec![1]), ("b", vec![3])]).unwrap()), Arc::new([layer]))
    }
}

fn scale(norm: Normalization<'_, f64>) -> f64 {
    match norm {
        Normalization::Batch | Normalization::Running(_) => 1.0,
        Normalization::Stored(statistics) => 1.0 + statistics.mean()[0] - 0.1 * statistics.variance()[1],
    }
}

impl Oracle for Toy {
    type Scalar = f64;
    type Batch = [f64; P];
    type Error = vr_core::SpaceError;

    fn space(&self) -> &Arc<ParameterSpace> {
        &self.0
    }
    fn norm_layers(&self) -> &Arc<[NormLayer]> {
        &self.1
    }
    fn gradient(
        &self,
        x: &FlatVector<f64>,
        norm: Normalization<'_, f64>,
        z: &[f64; P],
        out: &mut FlatVector<f64>,
    ) -> Result<Evaluation<f64>, Self::Error> {
        for i in 0..P {
            out[i] = -(x[i] * z[i]).sin() * z[i] * z[i] * scale(norm);
        }
        self.evaluate(x, norm, z)
    }
    fn evaluate(
        &self,
        x: &FlatVector<f64>,
        norm: Normalization<'_, f64>,
        z: &[f64; P],
    ) -> Result<Evaluation<f64>, Self::Error> {
        let loss = (0..P).map(|i| (x[i] * z[i]).cos() * z[i]).sum::<f64>() * scale(norm);
        let statistics = norm.is_train().then(|| {
            let mut statistics = NormStatistics::initial(self.1.clone());
            let (mean, variance) = statistics.layer_mut(0);
            mean.copy_from_slice(&[x[0] * z[0], x[1] + z[1]]);
            variance.copy_from_slice(&[z[2] * z[2], x[3] * x[3] + 0.5]);
            statistics
        });
        Ok(Evaluation { loss, correct: None, correct_top5: None, samples: 1, statistics, unused: Vec::new() })
    }
}

/// Minibatches that depend on plan and transform, as augmented pictures do.
pub struct Drawn;

impl MinibatchSource for Drawn {
    type Batch = [f64; P];
    type Error = Infallible;
    fn minibatches(&self) -> usize {
        M
    }
    fn minibatch(&self, key: MinibatchKey) -> Result<[f64; P], Infallible> {
        let TransformKey { stream, generation, visit } = key.transform;
        let words = vr_core::Key { seed: 9, stream, generation, visit }.words(key.index, 0);
        Ok(words.map(|word| 0.5 + vr_core::random::uniform(word)))
    }
}

pub fn start() -> FlatVector<f64> {
    FlatVector::from(vec![0.3, -0.7, 1.1, 0.2])
}

pub fn training(estimator: impl Estimator<f64> + 'static, locking: Locking) -> Training<Toy, Drawn> {
    Training::new(Toy::new(), Drawn, start(), estimator)
        .unwrap()
        .with_locking(locking)
        .with_schedule(StepDecay::constant(0.05))
        .with_rule(SgdMomentum::new(0.9, 1e-4))
}

pub fn bits(x: &FlatVector<f64>) -> Vec<u64> {
    x.iter().map(|v| v.to_bits()).collect()
}

/// The gradient of a locked minibatch in train mode.
pub fn gradient(x: &FlatVector<f64>, generation: u32, index: u32) -> FlatVector<f64> {
    let transform = TransformKey { stream: vr_core::Stream::LockedTransform, generation, visit: 0 };
    let z = Drawn.minibatch(MinibatchKey { generation, index, transform }).unwrap();
    let mut gradient = FlatVector::zeros(P);
    Toy::new().gradient(x, Normalization::Batch, &z, &mut gradient).unwrap();
    gradient
}

/// Its mean over some minibatches.
pub fn mean_gradient(x: &FlatVector<f64>, generation: u32, indices: std::ops::Range<u32>) -> FlatVector<f64> {
    let mut mean = FlatVector::zeros(P);
    let count = indices.len() as f64;
    for index in indices {
        mean.axpy(1.0 / count, &gradient(x, generation, index));
    }
    mean
}

/// The full gradient over a generation's minibatches.
pub fn full_gradient(x: &FlatVector<f64>, generation: u32) -> FlatVector<f64> {
    mean_gradient(x, generation, 0..M as u32)
}

/// An estimator driven without a driver: gradients by request, steps of 0.05.
pub struct ByHand {
    pub estimator: Box<dyn Estimator<f64>>,
    pub x: FlatVector<f64>,
    /// What was answered, with the number of steps taken before.
    pub log: Vec<(usize, Request)>,
    pub steps: usize,
    /// Steps taken before each snapshot.
    pub snapshots: Vec<usize>,
    /// Answers a request at a point; at first the locked gradient in train mode.
    pub gradient: fn(&FlatVector<f64>, &Request) -> FlatVector<f64>,
}

impl ByHand {
    pub fn new(estimator: Box<dyn Estimator<f64>>) -> Self {
        Self::over(estimator, M as u32)
    }

    /// Over an epoch of so many minibatches.
    pub fn over(mut estimator: Box<dyn Estimator<f64>>, minibatches: u32) -> Self {
        estimator.begin(Toy::new().space(), minibatches).unwrap();
        let gradient = |x: &FlatVector<f64>, request: &Request| gradient(x, request.generation, request.index);
        Self { estimator, x: start(), log: Vec::new(), steps: 0, snapshots: Vec::new(), gradient }
    }

    /// Goes on until `steps` steps are done, or `answers` requests are answered; returns how many were.
    pub fn drive(&mut self, steps: usize, answers: usize) -> usize {
        let mut answered = 0;
        while self.steps < steps {
            match self.estimator.ask(&self.x).unwrap() {
                Ask::Move(to) => self.x.clone_from(to),
                Ask::Snapshot => self.snapshots.push(self.steps),
                Ask::Step(direction) => {
                    self.x.axpy(-0.05, direction);
                    self.estimator.advance(&self.x);
                    self.steps += 1;
                }
                Ask::Evaluate(requests) => {
                    for request in requests {
                        if answered == answers {
                            return answered;
                        }
                        let x = match request.point {
                            Point::Current => &self.x,
                            point => self.estimator.point(point).unwrap(),
                        };
                        let gradient = (self.gradient)(x, &request);
                        self.estimator.tell(&request, &gradient).unwrap();
                        self.log.push((self.steps, request));
                        answered += 1;
                    }
                }
            }
        }
        answered
    }
}
