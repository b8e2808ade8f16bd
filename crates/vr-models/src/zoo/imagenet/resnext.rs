//! ResNeXt (Xie et al., *Aggregated Residual Transformations for Deep Neural Networks*, CVPR 2017): bottlenecks whose
//! 3×3 convolution is in groups.

use super::super::Family;
use super::resnet::{Block, RESNET18, resnet};

/// The smaller one: 32 groups of 4 channels in the first stage.
pub const RESNEXT50: Family = Family {
    name: "resnext50-32x4d",
    about: "ImageNet's ResNeXt-50 32×4d, as in torchvision",
    build: |options| resnet(options, [3, 4, 6, 3], Block::Bottleneck { groups: 32, width: 4 }),
    ..RESNET18
};

/// The larger one: 32 groups of 8 channels in the first stage.
pub const RESNEXT101: Family = Family {
    name: "resnext101-32x8d",
    about: "ImageNet's ResNeXt-101 32×8d, as in torchvision",
    build: |options| resnet(options, [3, 4, 23, 3], Block::Bottleneck { groups: 32, width: 8 }),
    ..RESNET18
};
