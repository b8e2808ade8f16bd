//! Hostile input for the readers, made by seed, and what must hold of every input.

use flate2::{Compression, write::GzEncoder};
use image::{ImageFormat, RgbImage};
use std::{
    fs,
    io::{Cursor, Write},
    path::Path,
};
use tar::{EntryType, Header};
use vr_core::{Key, Stream, random::below};
use vr_data::{
    ImageSet,
    cifar10::{PICTURE_BYTES, RECORD_BYTES, SHAPE, parse_records, write_records},
    import,
};

/// A sequence of random numbers: a function of seed and input.
pub struct Random {
    key: Key,
    input: u32,
    draw: u32,
}

impl Random {
    pub fn new(seed: u64, input: u32) -> Self {
        Self { key: Key::new(seed, Stream::User), input, draw: 0 }
    }

    /// Below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.draw += 1;
        below(self.key.words(self.input, self.draw)[0], bound as u32) as usize
    }

    /// Up to eight changes: a bit, a byte of an extreme, a stretch removed, doubled or cut off.
    pub fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(8) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            let end = bytes.len().min(at + 1 + self.below(64));
            match self.below(6) {
                0 | 1 => bytes[at] ^= 1 << self.below(8),
                2 => bytes[at] = [0, 0x7f, 0x80, 0xff, b'\n', b'/'][self.below(6)],
                3 => drop(bytes.drain(at..end)),
                4 => {
                    let stretch = bytes[at..end].to_vec();
                    bytes.splice(at..at, stretch);
                }
                _ if self.below(8) == 0 => bytes.truncate(at),
                _ => bytes[at..end].fill(0xff),
            }
        }
    }
}

/// A file of an archive: type, name, content.
pub type File = (EntryType, Vec<u8>, Vec<u8>);

pub fn file(name: &str, content: Vec<u8>) -> File {
    (EntryType::Regular, name.into(), content)
}

/// A picture with `side` rows and columns.
pub fn picture(format: ImageFormat, side: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(side, side, |x, y| image::Rgb([x as u8 * 7, y as u8 * 5, (x * y) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A small set that imports.
pub fn good() -> Vec<File> {
    let content = |split: &str| if split == "train" { ImageFormat::Png } else { ImageFormat::Jpeg };
    let names = ["train/a/0.png", "train/b/1.png", "test/a/0.jpg", "test/b/0.jpg"];
    names.map(|name| file(name, picture(content(name.split('/').next().unwrap()), 32))).into()
}

/// A tar archive, names and types unchecked.
pub fn tar(files: &[File]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (kind, name, content) in files {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.append(&header, content.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Makes the checksums of all headers right again.
fn mend(tar: &mut [u8]) {
    for block in tar.chunks_exact_mut(512).filter(|block| block.starts_with(b"t") || block[257..].starts_with(b"ustar"))
    {
        let header: &mut [u8; 512] = block.try_into().unwrap();
        let mut mended = Header::from_byte_slice(header).clone();
        mended.set_cksum();
        header.copy_from_slice(mended.as_bytes());
    }
}

/// An archive for [`import::load`]: a good one with its pictures, its tar or its gzip changed.
pub fn archive(random: &mut Random) -> Vec<u8> {
    let mut files = good();
    let layer = random.below(8);
    if layer < 4 {
        let hit = random.below(files.len());
        random.mutate(&mut files[hit].2);
        return gzip(&tar(&files));
    }
    let mut tar = tar(&files);
    if layer == 7 {
        let mut packed = gzip(&tar);
        random.mutate(&mut packed);
        return packed;
    }
    if layer == 6 {
        // Where the headers are.
        let at = 512 * random.below(tar.len() / 512);
        let mut block = tar[at..at + 512].to_vec();
        random.mutate(&mut block);
        block.resize(512, 0);
        tar[at..at + 512].copy_from_slice(&block);
    } else {
        random.mutate(&mut tar);
    }
    if random.below(4) > 0 {
        mend(&mut tar);
    }
    gzip(&tar)
}

/// What came of an input: [`READ`], or the name of the error.
pub type Outcome = String;

pub const READ: &str = "read";

/// The name of an error's variant and of those inside, such as `Set-Label`.
fn name_of(error: &dyn std::fmt::Debug) -> Outcome {
    let text = format!("{error:?}");
    let names = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.starts_with(char::is_uppercase));
    // The decoder's errors stand in one of ours.
    let names = names.filter(|&name| name != "Image");
    names.take(2).collect::<Vec<_>>().join("-")
}

/// Reads the archive through a file at `path`: a set is whole, and an error says something.
pub fn check_archive(path: &Path, bytes: &[u8]) -> Outcome {
    fs::write(path, bytes).unwrap();
    match import::load(path) {
        Ok(loaded) => {
            for part in [&loaded.set.train, &loaded.set.test] {
                assert_eq!(part.pixels().unwrap().len(), part.len() * PICTURE_BYTES);
            }
            READ.into()
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            name_of(&error)
        }
    }
}

/// Records of CIFAR's format, most of them wrong.
pub fn records(random: &mut Random) -> (Vec<u8>, usize) {
    let mut bytes = vec![0; RECORD_BYTES * random.below(4)];
    for record in bytes.chunks_mut(RECORD_BYTES) {
        record[0] = random.below(12) as u8;
    }
    if random.below(2) == 0 {
        random.mutate(&mut bytes);
    }
    (bytes, 1 + random.below(12))
}

/// Records are parsed to what writes them again, or are refused.
pub fn check_records(bytes: &[u8], classes: usize) -> Outcome {
    match parse_records(bytes, classes) {
        Ok((labels, pixels)) => {
            let set =
                ImageSet::new(SHAPE, pixels, labels, (0..classes).map(|class| class.to_string()).collect()).unwrap();
            assert_eq!(write_records(&set, 0..set.len()).unwrap(), bytes);
            READ.into()
        }
        Err(error) => {
            let labels_good = bytes.chunks(RECORD_BYTES).all(|record| usize::from(record[0]) < classes);
            assert!(!bytes.len().is_multiple_of(RECORD_BYTES) || !labels_good, "good records are refused");
            name_of(&error)
        }
    }
}
