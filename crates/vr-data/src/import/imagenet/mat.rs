//! As much of MATLAB's level-5 files as the development kit needs: one array of structures, packed or not.
//!
//! "MAT-File Format", The MathWorks, describes the format.

use flate2::read::ZlibDecoder;
use std::io::Read;

/// What a file unpacks to is no longer.
const LARGEST: u64 = 1 << 26;
const HEADER: usize = 128;

const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
const STRUCTURE: u8 = 2;

/// The values of a structure's fields, each an encoded matrix, structure after structure.
pub(super) struct Structures {
    fields: Vec<String>,
    values: Vec<Matrix>,
}

/// A matrix of numbers or letters.
struct Matrix {
    kind: u32,
    content: Vec<u8>,
}

/// A piece of data with its type.
struct Element<'a> {
    kind: u32,
    content: &'a [u8],
}

impl Structures {
    /// The array of structures that a file begins with; `None` where it is none.
    pub(super) fn read(file: &[u8]) -> Option<Self> {
        let (first, _) = element(file.get(HEADER..)?)?;
        let mut unpacked = Vec::new();
        let matrix = if first.kind == COMPRESSED {
            ZlibDecoder::new(first.content).take(LARGEST).read_to_end(&mut unpacked).ok()?;
            element(&unpacked)?.0
        } else {
            first
        };
        let (class, rest) = array(&matrix)?;
        if class != STRUCTURE {
            return None;
        }
        let (length, rest) = element(rest)?;
        let length = u32::from_le_bytes(length.content.try_into().ok()?) as usize;
        let (names, mut rest) = element(rest)?;
        let fields: Vec<String> = names.content.chunks((length > 0).then_some(length)?).map(text).collect();
        let mut values = Vec::new();
        while !rest.is_empty() {
            let (value, after) = element(rest)?;
            values.push(leaf(&value)?);
            rest = after;
        }
        (!fields.is_empty() && values.len().is_multiple_of(fields.len())).then_some(Self { fields, values })
    }

    /// How many structures there are.
    pub(super) fn len(&self) -> usize {
        self.values.len() / self.fields.len()
    }

    fn value(&self, index: usize, field: &str) -> Option<&Matrix> {
        let place = self.fields.iter().position(|name| name == field)?;
        self.values.get(index * self.fields.len() + place)
    }

    /// A field that is one whole number.
    pub(super) fn number(&self, index: usize, field: &str) -> Option<u32> {
        let Matrix { kind, content } = self.value(index, field)?;
        // A number is kept in the smallest type that holds it.
        match (kind, content.as_slice()) {
            (1 | 2, &[byte]) => Some(byte.into()),
            (3 | 4, &[a, b]) => Some(u16::from_le_bytes([a, b]).into()),
            (5 | 6, &[a, b, c, d]) => Some(u32::from_le_bytes([a, b, c, d])),
            (9, bytes) => Some(f64::from_le_bytes(bytes.try_into().ok()?) as u32),
            _ => None,
        }
    }

    /// A field that is text.
    pub(super) fn text(&self, index: usize, field: &str) -> Option<String> {
        let Matrix { kind, content } = self.value(index, field)?;
        match kind {
            1 | 2 | 16 => Some(text(content)),
            4 | 17 => {
                let words = content.as_chunks().0.iter().map(|&word| u16::from_le_bytes(word));
                Some(String::from_utf16_lossy(&words.collect::<Vec<_>>()))
            }
            _ => None,
        }
    }
}

/// Up to the first zero.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
}

/// The first element of `bytes`, and what follows it.
fn element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let first = word(0)?;
    // Up to four bytes stand in the place of their length.
    if first >> 16 != 0 {
        let content = bytes.get(4..4 + (first >> 16) as usize).filter(|content| content.len() <= 4)?;
        return Some((Element { kind: first & 0xffff, content }, bytes.get(8..)?));
    }
    let length = word(4)? as usize;
    let content = bytes.get(8..length.checked_add(8)?)?;
    let end = if first == COMPRESSED { 8 + length } else { 8 + length.next_multiple_of(8) };
    Some((Element { kind: first, content }, bytes.get(end..).unwrap_or_default()))
}

/// The class of an array, and what follows its dimensions and name.
fn array<'a>(matrix: &Element<'a>) -> Option<(u8, &'a [u8])> {
    if matrix.kind != MATRIX {
        return None;
    }
    let (flags, rest) = element(matrix.content)?;
    let (_dimensions, rest) = element(rest)?;
    let (_name, rest) = element(rest)?;
    Some((*flags.content.first()?, rest))
}

/// A matrix that holds no others.
fn leaf(matrix: &Element<'_>) -> Option<Matrix> {
    // An array without a value may be nothing at all.
    if matrix.kind == MATRIX && matrix.content.is_empty() {
        return Some(Matrix { kind: 0, content: Vec::new() });
    }
    let (_, rest) = array(matrix)?;
    let (kind, content) = element(rest).map_or((0, &[][..]), |(data, _)| (data.kind, data.content));
    Some(Matrix { kind, content: content.to_vec() })
}
