//! The paper's two settings: what it trains its networks on, for how long and in what minibatches.

use vr_models::Model;

use super::version::Version;

/// A data set with the schedule of the networks that the paper trains on it.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The data set, as names of sets begin.
    pub data: &'static str,
    /// Its training pictures.
    pub pictures: usize,
    /// Pictures in a minibatch.
    pub batch: usize,
    /// Epochs of the schedule.
    pub epochs: usize,
    /// The last epochs of a run whose mean is its final test error.
    pub window: usize,
    /// Epochs done before each drop of the learning rate, to a tenth, in the whole schedule of the release.
    released: &'static [usize],
    /// The same in the text, and in a schedule that is compressed.
    described: &'static [usize],
    /// The same in a compressed schedule of the release.
    compressed: &'static [usize],
}

/// The release lowers the rate *in* epochs 150 and 225, counted from 1, so that 149 and 224 are done before: the published
/// LeNet ratios of epoch 150 lie after the drop. That one epoch of 250 is kept at full length alone.
pub const CIFAR10: Setting = Setting {
    data: "CIFAR-10",
    pictures: 50_000,
    batch: 128,
    epochs: 250,
    window: 10,
    released: &[149, 224],
    described: &[150, 220],
    compressed: &[150, 225],
};

/// The release lowers the rate by its count of epochs here, too, and so once more in the last.
pub const IMAGENET: Setting = Setting {
    data: "ImageNet",
    pictures: 1_281_167,
    batch: 256,
    epochs: 90,
    window: 3,
    released: &[29, 59, 89],
    described: &[30, 60],
    compressed: &[30, 60],
};

/// Those of the paper's networks that it trains on ImageNet, one of its release, and a smaller one of that one's kind.
pub const ON_IMAGENET: [&str; 5] = ["resnet18", "resnet50", "densenet169", "resnext101-32x8d", "resnext50-32x4d"];

impl Setting {
    /// That of a network: ImageNet's for [`ON_IMAGENET`], CIFAR-10's for all others.
    pub fn of(model: Model) -> &'static Self {
        Self::named(model.name())
    }

    /// That of a network's name, or of the first of several.
    pub fn named(models: &str) -> &'static Self {
        let first = models.split(',').next().unwrap_or_default();
        if ON_IMAGENET.contains(&first) { &IMAGENET } else { &CIFAR10 }
    }

    /// Minibatches in an epoch.
    pub const fn minibatches(&self) -> usize {
        self.pictures.div_ceil(self.batch)
    }

    /// Epochs done before each drop of a schedule of `length` epochs: the paper's, or in proportion.
    pub fn drops(&self, length: usize, version: Version) -> Vec<f64> {
        let drops = match version {
            Version::Released if length == self.epochs => self.released,
            Version::Released => self.compressed,
            Version::Described => self.described,
        };
        drops.iter().map(|epoch| (epoch * length) as f64 / self.epochs as f64).collect()
    }

    /// As many epochs as so many of CIFAR-10's, rounded up.
    pub fn epochs_like(&self, of_cifar10: usize) -> usize {
        (of_cifar10 * self.epochs).div_ceil(CIFAR10.epochs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_the_setting_that_the_paper_trains_it_in() {
        assert_eq!([&CIFAR10, &IMAGENET].map(Setting::minibatches), [391, 5005]);
        assert_eq!(Setting::of(Model::LENET), &CIFAR10);
        assert_eq!([Setting::named("resnet18"), Setting::named("lenet, densenet-40-36")], [&IMAGENET, &CIFAR10]);
        assert_eq!((IMAGENET.epochs_like(3), IMAGENET.epochs_like(250), CIFAR10.epochs_like(160)), (2, 90, 160));
        for name in ON_IMAGENET {
            assert!(Model::ALL.iter().any(|model| model.name() == name), "{name}");
        }
    }

    #[test]
    fn a_schedule_for_imagenet_drops_every_third() {
        assert_eq!(IMAGENET.drops(90, Version::Released), [29.0, 59.0, 89.0]);
        assert_eq!(IMAGENET.drops(90, Version::Described), [30.0, 60.0]);
        assert_eq!(IMAGENET.drops(15, Version::Released), [5.0, 10.0]);
        assert_eq!(CIFAR10.drops(250, Version::Released), [149.0, 224.0]);
        assert_eq!(CIFAR10.drops(250, Version::Described), [150.0, 220.0]);
        assert_eq!(CIFAR10.drops(10, Version::Released), [6.0, 9.0]);
    }
}
