//! The paper's claims, so that a table of verdicts shows which were not examined.

/// A claim of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What the ids of its verdicts begin with, before a dash.
    pub id: &'static str,
    /// The claim in short.
    pub text: &'static str,
    /// The experiment that asks for it.
    pub experiment: &'static str,
}

const fn claim(id: &'static str, text: &'static str, experiment: &'static str) -> Claim {
    Claim { id, text, experiment }
}

/// All of them, in the paper's order.
pub const CLAIMS: [Claim; 17] = [
    claim(
        "C1",
        "An identity: a control variate lowers the variance exactly where Var[Y] ≤ 2 Cov[X, Y]",
        "variance-ratio",
    ),
    claim("C2", "With transform locking the variance starts at zero; without, it is uniformly worse", "locking"),
    claim("C3", "Batch-norm reset mends the statistics that recomputation spoils", "bn-reset"),
    claim("C4", "Dropout masks must be locked too", "dropout"),
    claim("C5", "The variance ratios of Figure 2", "variance-ratio"),
    claim("C6", "Large networks show no reduction for most of each epoch, small ones some", "variance-ratio"),
    claim("C7", "The iterate's distance grows far faster in DenseNet than in LeNet, at similar curvature", "geometry"),
    claim("C8", "More frequent snapshots do not rescue SVRG", "snapshot-interval"),
    claim("C9", "After a mega-batch the variance rises at once", "streaming"),
    claim("C10", "In test error SVRG is no better than SGD, and SCSG is the worst", "test-error"),
    claim("C11", "Switching SVRG on late gains nothing (asked on CIFAR-10)", "fine-tuning"),
    claim("C12", "Tables of averaged gradients are the storage-side answer to augmentation", "ema-table"),
    claim("C13", "ELU helps only marginally; where SVRG helps, successive steps become correlated", "correlation"),
    claim("S", "Not the paper's: with an estimated coefficient SVRG's variance is nowhere above SGD's", "self-tuning"),
    claim(
        "E",
        "Not the paper's: at equal cost, each at its own learning rate, no method is better than SGD",
        "compare",
    ),
    claim("A", "α-SVRG's (Yin et al. 2025): its training loss ends below SGD's and SVRG's", "alpha-svrg"),
    claim("Q", "The paper's story on the embedded set, which says nothing of CIFAR-10", "quick"),
];

impl Claim {
    /// Whether a verdict is one on it.
    pub fn has(&self, verdict: &str) -> bool {
        verdict.split('-').next() == Some(self.id)
    }
}
