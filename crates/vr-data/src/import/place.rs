//! Where a file stands in a source, and so what it is.

use super::ImportError;
use std::path::Path;

/// What a file's path says that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A picture to read.
    Picture {
        /// Of the training set, or of the test set.
        train: bool,
        class: String,
        name: String,
    },
    /// Nothing to take in: why.
    Other(&'static str),
    /// A picture that would not be read: why.
    Misplaced(&'static str),
}

/// Endings of pictures that are read.
const READ: [&str; 3] = ["png", "jpg", "jpeg"];
/// Endings of pictures that are not.
const UNREAD: [&str; 19] = [
    "jpe", "jfif", "gif", "bmp", "webp", "tif", "tiff", "ppm", "pgm", "pbm", "pnm", "tga", "avif", "heic", "heif",
    "jp2", "jxl", "ico", "svg",
];

/// The folders of the two sets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Splits {
    /// Of the training set, and of the other.
    pub(crate) names: [&'static str; 2],
    pub(super) outside: &'static str,
    pub(super) deep: &'static str,
}

impl Splits {
    pub(crate) const TEST: Self = Self {
        names: ["train", "test"],
        outside: "outside of train/<class>/ and test/<class>/",
        deep: "pictures lie directly in train/<class>/ or test/<class>/",
    };
    pub(crate) const VAL: Self = Self {
        names: ["train", "val"],
        outside: "outside of train/<class>/ and val/<class>/",
        deep: "pictures lie directly in train/<class>/ or val/<class>/",
    };

    /// The folder of the training set, or of the other.
    pub(crate) fn name(&self, train: bool) -> &'static str {
        self.names[usize::from(!train)]
    }

    /// Whether a folder of this name holds the training set; `None` when it holds neither set.
    fn is_train(&self, name: &str) -> Option<bool> {
        self.names.iter().position(|split| *split == name).map(|place| place == 0)
    }

    /// The set and the class of a file, by the last parts of its path: `train/<class>/<file>`.
    pub(super) fn split_and_class<'a>(&self, parts: &[&'a str]) -> Option<(bool, &'a str)> {
        let [.., split, class, _] = parts else { return None };
        Some((self.is_train(split)?, class))
    }
}

pub(super) const HIDDEN: &str = "hidden files and folders";
pub(super) const NO_PICTURE: &str = "no pictures by their names";

pub(super) const UNREADABLE: &str = "pictures of this kind are not read; .png, .jpg and .jpeg are";
pub(super) const NOT_UTF8: &str = "the name of a picture is UTF-8";

impl Place {
    /// From the parts of a path that only goes down.
    pub(super) fn of(parts: &[&str], splits: &Splits) -> Self {
        // Archives made on a Mac hold a shadow `._name` of each file; editors and tools keep folders such as
        // `.ipynb_checkpoints`.
        if parts.iter().any(|part| part.starts_with('.') || *part == "__MACOSX") {
            return Self::Other(HIDDEN);
        }
        let ending = parts.last().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_ascii_lowercase());
        let is = |endings: &[&str]| ending.as_deref().is_some_and(|ending| endings.contains(&ending));
        let picture = is(&READ) || is(&UNREAD);
        match (parts, splits.split_and_class(parts)) {
            ([.., name], Some((train, class))) => {
                if is(&READ) {
                    Self::Picture { train, class: class.to_owned(), name: (*name).to_owned() }
                } else if is(&UNREAD) {
                    Self::Misplaced(UNREADABLE)
                } else {
                    Self::Other(NO_PICTURE)
                }
            }
            _ if picture && parts.iter().any(|part| splits.is_train(part).is_some()) => Self::Misplaced(splits.deep),
            _ => Self::Other(splits.outside),
        }
    }
}

/// The name of an entry that is a picture by its place, though it is none that can be read.
pub(super) fn refuse(from: &Path, entry: String, reason: &'static str) -> ImportError {
    ImportError::Misplaced { path: from.to_owned(), entry, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_a_file_is() {
        let of = |path: &str| Place::of(&path.split('/').collect::<Vec<_>>(), &Splits::TEST);
        for (path, train, class, name) in [
            ("train/a/0.png", true, "a", "0.png"),
            ("set/of/mine/test/b c/x.y.JPeG", false, "b c", "x.y.JPeG"),
            ("train/train/0.jpg", true, "train", "0.jpg"),
        ] {
            assert_eq!(of(path), Place::Picture { train, class: class.into(), name: name.into() });
        }
        for path in ["train/.cache/0.png", "train/a/._0.png", "__MACOSX/train/a/0.png", ".git/x"] {
            assert_eq!(of(path), Place::Other(HIDDEN), "{path}");
        }
        for path in ["readme.html", "val/a/0.png", "train/notes.txt", "train/a/b/notes.txt"] {
            assert_eq!(of(path), Place::Other(Splits::TEST.outside), "{path}");
        }
        for path in ["train/a/Thumbs.db", "test/a/png", "train/a/notes.txt"] {
            assert_eq!(of(path), Place::Other(NO_PICTURE), "{path}");
        }
        for path in ["train/0.png", "train/a/b/0.png", "test/a/0.webp", "test/0.TIFF", "train/a/b/c/0.gif"] {
            assert!(matches!(of(path), Place::Misplaced(_)), "{path}");
        }
        let validation = Place::of(&["val", "a", "0.png"], &Splits::VAL);
        assert_eq!(validation, Place::Picture { train: false, class: "a".into(), name: "0.png".into() });
    }
}
