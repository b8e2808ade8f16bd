//! Imagenette: ten classes of ImageNet that are easy to tell apart, as fast.ai publishes them.

use super::{FetchError, FetchOptions, Progress, fetch};
use crate::{
    Imported,
    import::imagenet::{ImagenetOptions, import_named},
};
use std::{path::Path, str::FromStr};

/// Which of the archives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Imagenette {
    /// The shorter side has 160 pixels.
    #[default]
    Px160,
    /// The shorter side has 320 pixels.
    Px320,
    /// The pictures as ImageNet has them.
    Full,
}

impl Imagenette {
    /// What reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Px160 => "Imagenette (160 px)",
            Self::Px320 => "Imagenette (320 px)",
            Self::Full => "Imagenette",
        }
    }

    /// The published archive, with the MD5 that torchvision lists for it.
    pub fn options(self) -> FetchOptions {
        let (file, md5) = match self {
            Self::Px160 => ("imagenette2-160.tgz", "e793b78cc4c9e9a4ccc0c1155377a412"),
            Self::Px320 => ("imagenette2-320.tgz", "3df6f0d01a2c9592104656642f5e78a3"),
            Self::Full => ("imagenette2.tgz", "fe2fc210e6bb7c5664d602c3cd71e612"),
        };
        let url = format!("https://s3.amazonaws.com/fast-ai-imageclas/{file}");
        FetchOptions { url, md5: md5.into(), size: None, replace: false }
    }
}

impl FromStr for Imagenette {
    type Err = UnknownImagenette;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "160" => Ok(Self::Px160),
            "320" => Ok(Self::Px320),
            "full" => Ok(Self::Full),
            _ => Err(UnknownImagenette(name.to_owned())),
        }
    }
}

/// A size that there is no archive of.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no Imagenette of size `{0}`; there are `160`, `320` and `full`")]
pub struct UnknownImagenette(pub String);

/// Downloads an archive such as [`Imagenette::options`] name it, checks it, and lists it in the folder `dest`, where it is
/// kept unpacked; `name` is what reports call it. Otherwise as [`fetch_cifar10`](super::fetch_cifar10).
///
/// # Errors
/// [`FetchError`]; `dest` then holds what it held or the whole new set, and never a part.
pub fn fetch_imagenette(
    dest: impl AsRef<Path>,
    name: &str,
    options: &FetchOptions,
    progress: impl FnMut(Progress),
) -> Result<Imported, FetchError> {
    let dest = dest.as_ref();
    let list = ImagenetOptions { replace: options.replace, ..ImagenetOptions::default() };
    let instead = "import the archive from elsewhere as imagenet is";
    fetch(dest, options, instead, progress, |part| import_named(Some(name), part, dest, list, &mut |_, _| ()))
}
