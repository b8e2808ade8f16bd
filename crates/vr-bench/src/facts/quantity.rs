//! The quantities, with their names in tables and their units.

/// A quantity.
#[derive(Debug, PartialEq, Eq)]
pub struct Quantity {
    /// Its name, which stays the same from version to version.
    pub name: &'static str,
    /// Its unit; `1` for what has none.
    pub unit: &'static str,
    /// What it is, in a line.
    pub meaning: &'static str,
}

macro_rules! quantities {
    ($($constant:ident = $name:literal in $unit:literal: $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub static $constant: Quantity = Quantity { name: $name, unit: $unit, meaning: $meaning };
        )*
        /// All of them, in the order of the documentation.
        pub static ALL: &[&Quantity] = &[$(&$constant),*];
    };
}

quantities! {
    SGD_VARIANCE = "sgd-variance" in "gradient^2": "Trace of the variance of the plain stochastic gradient.";
    ESTIMATOR_ERROR = "estimator-error" in "gradient^2": "Mean squared error of the method's direction about the full gradient: its variance plus the squared bias.";
    RATIO = "ratio" in "1": "`estimator-error` over `sgd-variance`.";
    SQUARED_BIAS = "squared-bias" in "gradient^2": "Squared norm of the difference between the mean direction and the full gradient.";
    GRADIENT_NORM = "gradient-norm" in "gradient": "Norm of the full gradient.";
    NOISE_SCALE = "noise-scale" in "examples": "Size of the minibatch whose gradient has as much variance as the full gradient has squared norm.";
    CORRELATION = "correlation" in "1": "Correlation of the gradients at the iterate and at the snapshot.";
    OPTIMAL_COEFFICIENT = "optimal-coefficient" in "1": "The coefficient of the control variate that would give the least variance.";
    COEFFICIENT = "coefficient" in "1": "The coefficient of the control variate that the method uses.";
    TENSOR_SGD_VARIANCE = "tensor-sgd-variance" in "gradient^2": "`sgd-variance` of one tensor, which `part` names.";
    TENSOR_RATIO = "tensor-ratio" in "1": "`ratio` of one tensor.";
    TENSOR_OPTIMAL_COEFFICIENT = "tensor-optimal-coefficient" in "1": "`optimal-coefficient` of one tensor.";
    TENSOR_COEFFICIENT = "tensor-coefficient" in "1": "`coefficient` of one tensor.";
    DISTANCE = "distance" in "parameter": "Distance of the iterate from the snapshot.";
    RELATIVE_DISTANCE = "relative-distance" in "1": "`distance` over the norm of the snapshot.";
    GRADIENT_DISTANCE = "gradient-distance" in "gradient": "Distance of the full gradient at the iterate from that at the snapshot.";
    CURVATURE = "curvature" in "gradient/parameter": "`gradient-distance` over `distance`.";
    MEAN_SQUARE_CURVATURE = "mean-square-curvature" in "(gradient/parameter)^2": "Mean over the minibatches of the squared distance of their gradients, over the squared `distance`.";
    POSITION_SGD_VARIANCE = "position-sgd-variance" in "gradient^2": "`sgd-variance` before a step after a mega-batch; `step` counts the steps since, `part` says over which minibatches.";
    POSITION_ESTIMATOR_ERROR = "position-estimator-error" in "gradient^2": "`estimator-error` there.";
    POSITION_RATIO = "position-ratio" in "1": "`ratio` there.";
    DIRECTION_COSINE = "direction-cosine" in "1": "Cosine of the angle between the directions of successive steps, the mean over pairs.";
    NOISE_COSINE = "noise-cosine" in "1": "Cosine of the angle between their noises.";
    TRAIN_LOSS = "train-loss" in "nats": "Mean loss of an example over the steps of the epoch, in train mode.";
    TEST_LOSS = "test-loss" in "nats": "Mean loss of an example of the test set.";
    TEST_ERROR = "test-error" in "%": "Misclassified examples of the test set.";
    TEST_ERROR_TOP5 = "test-error-top5" in "%": "Examples of the test set whose class is not among the five likeliest, of more than five.";
    VALIDATION_LOSS = "validation-loss" in "nats": "Mean loss of an example that was held out of the training set.";
    VALIDATION_ERROR = "validation-error" in "%": "Misclassified ones of the examples that were held out of the training set.";
    LEARNING_RATE = "learning-rate" in "1": "The learning rate of the epoch's last step.";
    GRADIENT_EVALUATIONS = "gradient-evaluations" in "minibatches": "Minibatch gradients for training since the start, passes at snapshots included.";
    PASSES = "passes" in "passes": "`gradient-evaluations` in passes over the training set.";
    DIVERGED = "diverged" in "1": "1 in the epoch in which the run diverged.";
    TRAINING_TIME = "training-time" in "s": "What the epoch's steps and passes at snapshots took.";
    DIAGNOSTICS_TIME = "diagnostics-time" in "s": "What the epoch's measurements took.";
    TEST_TIME = "test-time" in "s": "What the test took.";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page for users lists each, in the same words.
    #[test]
    fn every_quantity_is_documented() {
        let page = include_str!("../../../../docs/export.md").split_once("## Quantities").unwrap().1;
        for Quantity { name, unit, meaning } in ALL {
            let row = format!("| `{name}` | {unit} | {meaning} |");
            assert!(page.contains(&row), "{row}");
        }
        let rows = page.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 4).count();
        assert_eq!(rows, ALL.len(), "the page has a quantity that is none");
    }
}
