//! The training losses that α-SVRG's authors published (Yin et al., *A Coefficient Makes SVRG Effective*, ICLR 2025): MLP-4 over 30
//! epochs of CIFAR-10, as the vector figures of the project's page have them.

use vr_optim::vr_core::Coefficient;
use vr_optim::{SnapshotGradients, SvrgConfig};

const TABLE: &str = include_str!("../../assets/published-alpha-svrg.csv");

/// The network whose losses they are: our name of their MLP-4.
pub const MODEL: &str = "mlp-tapered";

/// Epochs that they trained.
pub const EPOCHS: usize = 30;

/// The coefficient at the beginning: the one of the authors' commands.
const ALPHA: f32 = 0.75;

/// α-SVRG with stored gradients, whose coefficient falls to 0 within so many steps, at least one.
pub fn svrg(steps: u64) -> SvrgConfig<f32> {
    SvrgConfig {
        coefficient: Coefficient::Scalar(ALPHA),
        decay: Some(steps.max(1)),
        gradients: SnapshotGradients::Stored,
        ..SvrgConfig::default()
    }
}

/// The published training losses of `sgd`, `svrg` or `alpha-svrg`, in nats an example: pairs of an epoch, counted from 1, and the loss
/// in it. Empty for another method.
pub fn train_losses(method: &str) -> Vec<(usize, f64)> {
    let row = |line: &str| {
        let mut fields = line.split(',');
        let of = fields.next()?;
        let (epoch, loss) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (of == method).then_some((epoch, loss))
    };
    TABLE.lines().skip(1).filter_map(row).collect()
}

/// The published training loss of a method in an epoch.
pub fn train_loss(method: &str, epoch: usize) -> Option<f64> {
    train_losses(method).into_iter().find(|(of, _)| *of == epoch).map(|(_, loss)| loss)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let methods = ["sgd", "svrg", "alpha-svrg"].map(train_losses);
        for losses in &methods {
            assert_eq!(losses.iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(), (1..=EPOCHS).collect::<Vec<_>>());
        }
        assert_eq!(TABLE.lines().count(), 1 + methods.iter().map(Vec::len).sum::<usize>());
        assert_eq!(
            ["sgd", "svrg", "alpha-svrg"].map(|method| train_loss(method, 10).unwrap()),
            [0.88499, 0.75054, 0.78274]
        );
        assert_eq!(train_loss("adam", 1), None);
    }
}
