//! What a run keeps, known before it starts.

use std::fmt;

use vr_core::Scalar;

use crate::estimators::EstimatorConfig;
use crate::rule::RuleConfig;
use crate::table::{GradientTable, TableStorage};

/// Bytes that the state of a run takes. Activations, minibatches, the gradients that are just being
/// computed and a checkpoint's copy come on top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RunMemory {
    /// The iterate, and the last direction, which stays for diagnostics.
    pub iterate: u64,
    /// The update rule's buffers.
    pub rule: u64,
    /// The estimator's vectors: the direction; beyond SGD also μ, the f64 sum behind it, and two more
    /// (snapshot and its gradient on the step's minibatch, or a table's row before and after).
    pub estimator: u64,
    /// A gradient table in memory.
    pub table: u64,
    /// A gradient table in a file.
    pub disk: u64,
}

impl RunMemory {
    /// Of a run with `parameters` parameters of type `S` and `minibatches` minibatches an epoch.
    pub fn of<S: Scalar>(
        estimator: &EstimatorConfig<S>,
        rule: &RuleConfig,
        parameters: usize,
        minibatches: usize,
    ) -> Self {
        let bytes = |vectors: u64| vectors * parameters as u64 * size_of::<S>() as u64;
        let vectors = estimator.method().vectors();
        let sums = vectors.sums * parameters as u64 * size_of::<f64>() as u64;
        let mut memory = Self {
            iterate: bytes(2),
            rule: bytes(rule.buffers()),
            estimator: bytes(vectors.numbers) + sums,
            ..Self::default()
        };
        if let Some((storage, rows)) = estimator.clone().table(minibatches) {
            let table = GradientTable::<S>::bytes(storage, rows, parameters);
            match storage {
                TableStorage::File { .. } => memory.disk = table,
                TableStorage::Memory => memory.table = table,
                // With the last row written, as it is kept.
                TableStorage::Bf16 => memory.table = table + bytes(1),
            }
        }
        memory
    }

    /// Bytes of memory in all.
    pub fn total(&self) -> u64 {
        self.iterate + self.rule + self.estimator + self.table
    }
}

impl fmt::Display for RunMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let Self { iterate, rule, estimator, table, disk } = *self;
        write!(f, "{:.1} MiB of memory (iterate {:.1}", mib(self.total()), mib(iterate))?;
        write!(f, ", update rule {:.1}, estimator {:.1}, table {:.1})", mib(rule), mib(estimator), mib(table))?;
        if disk > 0 {
            write!(f, " and {:.1} MiB of disk for the table", mib(disk))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimators::saga::SagaConfig;
    use crate::estimators::svrg::{SnapshotGradients, SnapshotRule, SvrgConfig};
    use crate::rule::adamw::AdamWConfig;

    const P: usize = 1_730_426;
    const M: usize = 391;

    fn svrg(storage: TableStorage) -> EstimatorConfig<f32> {
        let snapshot = SnapshotRule::MovingAverage { keep: 0.9 };
        EstimatorConfig::Svrg(SvrgConfig {
            snapshot,
            gradients: SnapshotGradients::Stored,
            storage,
            ..SvrgConfig::default()
        })
    }

    #[test]
    fn resnet_110_with_a_table() {
        let rule = RuleConfig::default();
        let p = P as u64;
        let memory = RunMemory::of(&svrg(TableStorage::Memory), &rule, P, M);
        let expected =
            RunMemory { iterate: 8 * p, rule: 4 * p, estimator: 20 * p + 8 * p, table: 391 * 4 * p, disk: 0 };
        assert_eq!(memory, expected);
        let text = "2647.0 MiB of memory (iterate 13.2, update rule 6.6, estimator 46.2, table 2581.0)";
        assert_eq!(memory.to_string(), text);
        let bf16 = RunMemory::of(&svrg(TableStorage::Bf16), &rule, P, M);
        assert_eq!(bf16, RunMemory { table: (391 * 2 + 4) * p, ..expected });
        let file = RunMemory::of(&svrg(TableStorage::File { folder: "run".into() }), &rule, P, M);
        assert_eq!(file, RunMemory { table: 0, disk: 391 * 4 * p, ..expected });
        assert!(file.to_string().ends_with("and 2581.0 MiB of disk for the table"), "{file}");
    }

    #[test]
    fn methods_without_a_snapshot() {
        let adamw = RuleConfig::AdamW(AdamWConfig::default());
        let sgd = RunMemory::of::<f32>(&EstimatorConfig::Sgd, &adamw, 10, 3);
        assert_eq!(sgd, RunMemory { iterate: 80, rule: 80, estimator: 40, table: 0, disk: 0 });
        let saga = RunMemory::of::<f64>(&EstimatorConfig::Saga(SagaConfig::default()), &adamw, 10, 3);
        assert_eq!(saga, RunMemory { iterate: 160, rule: 160, estimator: 5 * 80, table: 240, disk: 0 });
    }
}
