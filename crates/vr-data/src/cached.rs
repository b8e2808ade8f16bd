//! Decoded pictures kept in memory, within a limit.

use crate::{Part, Picture, PictureError, ReadPicture};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// A reader that keeps the pictures that another has read, the first ones until a limit is reached.
///
/// None gives way to another: a set is gone through in ever new orders, so that what came last is no likelier to come
/// next.
#[derive(Debug)]
pub struct Cached {
    reader: Arc<dyn ReadPicture>,
    kept: Vec<OnceLock<Picture<'static>>>,
    limit: u64,
    bytes: AtomicU64,
    /// Whether a picture has found no room.
    full: AtomicBool,
}

impl Cached {
    /// Keeps up to `limit` bytes of the first `pictures` pictures of a reader.
    pub fn new(reader: Arc<dyn ReadPicture>, pictures: usize, limit: u64) -> Self {
        let kept = std::iter::repeat_with(OnceLock::new).take(pictures).collect();
        Self { reader, kept, limit, bytes: AtomicU64::new(0), full: AtomicBool::new(limit == 0) }
    }

    /// Bytes of the pictures that are kept.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn get(&self, index: usize) -> Option<Picture<'_>> {
        self.kept.get(index)?.get().map(Picture::borrowed)
    }

    /// Keeps a picture if there is room.
    fn keep(&self, index: usize, picture: Picture<'static>) -> Picture<'_> {
        let bytes = picture.bytes().len() as u64;
        let room = |kept: u64| kept.checked_add(bytes).filter(|&all| all <= self.limit);
        let Some(place) = self.kept.get(index) else { return picture };
        if self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_err() {
            self.full.store(true, Ordering::Relaxed);
            return picture;
        }
        if place.set(picture).is_err() {
            // Another thread has read it meanwhile.
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        place.get().map(Picture::borrowed).expect("it was set by this thread or by another")
    }
}

impl ReadPicture for Cached {
    fn read(&self, index: usize) -> Result<Picture<'_>, PictureError> {
        match self.get(index) {
            Some(picture) => Ok(picture),
            None => Ok(self.keep(index, self.reader.read(index)?.into_owned())),
        }
    }

    fn read_part(
        &self,
        index: usize,
        part: &mut dyn FnMut([usize; 2]) -> Option<Part>,
    ) -> Result<Picture<'_>, PictureError> {
        // What is to be kept is read whole.
        if self.full.load(Ordering::Relaxed) && self.get(index).is_none() {
            return self.reader.read_part(index, part);
        }
        let picture = self.read(index)?;
        let [_, height, width] = picture.shape();
        match part([height, width]) {
            Some(part) => picture.resampled(part),
            None => Ok(picture),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    /// Picture `n` has n + 1 values; counts what it is asked for.
    #[derive(Debug, Default)]
    struct Counting {
        whole: AtomicUsize,
        parts: AtomicUsize,
    }

    impl ReadPicture for Counting {
        fn read(&self, index: usize) -> Result<Picture<'_>, PictureError> {
            self.whole.fetch_add(1, Ordering::Relaxed);
            Picture::new([1, 1, index + 1], vec![index as u8; index + 1])
        }

        fn read_part(
            &self,
            index: usize,
            part: &mut dyn FnMut([usize; 2]) -> Option<Part>,
        ) -> Result<Picture<'_>, PictureError> {
            self.parts.fetch_add(1, Ordering::Relaxed);
            let picture = Picture::new([1, 1, index + 1], vec![index as u8; index + 1])?;
            part([1, index + 1]).map_or(Ok(picture.clone()), |part| picture.resampled(part))
        }
    }

    #[test]
    fn the_limit_is_kept_and_nothing_is_read_twice() {
        let counting = Arc::new(Counting::default());
        let cached = Cached::new(counting.clone(), 5, 7);
        let mut one = |size| Some(Part::whole(size, [1, 1]));
        for _ in 0..3 {
            for index in 0..5 {
                let part = cached.read_part(index, &mut one).unwrap();
                assert_eq!(part.bytes(), [index as u8]);
            }
        }
        // 1 + 2 + 3 bytes; the fourth picture finds no room, and from then on no picture is decoded whole for a part.
        assert_eq!(cached.bytes(), 6);
        assert_eq!([&counting.whole, &counting.parts].map(|n| n.load(Ordering::Relaxed)), [4, 1 + 2 * 2]);
        assert_eq!(cached.read(2).unwrap().bytes(), [2; 3]);
        assert_eq!(cached.read(4).unwrap().bytes(), [4; 5]);
        assert!(cached.bytes() <= 7);
    }
}
