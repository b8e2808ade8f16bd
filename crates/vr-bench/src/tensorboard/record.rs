//! One scalar in the form of an event file: a TFRecord that holds an `Event` of TensorFlow's protocol buffers.
//!
//! Only three of the messages' fields are ever written, which the few functions below encode; the crates that there are for
//! event files bring a second image library and a protocol-buffer runtime.

use crc::{CRC_32_ISCSI, Crc};

/// CRC-32C (Castagnoli).
static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// What a checksum of a TFRecord is rotated and shifted by.
fn masked(bytes: &[u8]) -> [u8; 4] {
    CRC.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// A TFRecord: length, its checksum, the data, their checksum.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), data, &masked(data)].concat()
}

/// A number in groups of seven bits, the lowest first.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Kinds of values in a message.
const VARINT: u8 = 0;
const EIGHT_BYTES: u8 = 1;
const BYTES: u8 = 2;
const FOUR_BYTES: u8 = 5;

/// The head of a field.
fn head(number: u8, kind: u8) -> u8 {
    number << 3 | kind
}

/// A field that holds bytes: a text or a message.
fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
    [&[head(number, BYTES)], &varint(content.len() as u64)[..], content].concat()
}

/// `Event.wall_time`, in seconds.
fn wall_time(seconds: f64) -> Vec<u8> {
    [&[head(1, EIGHT_BYTES)][..], &seconds.to_le_bytes()].concat()
}

/// The record that a file begins with: `Event.file_version`.
pub fn version(seconds: f64) -> Vec<u8> {
    record(&[wall_time(seconds), bytes(3, b"brain.Event:2")].concat())
}

/// The record of a number: `Event.step`, and in `Event.summary` one `Value` with `tag` and `simple_value`. Its length does
/// not depend on the time.
pub fn scalar(seconds: f64, step: u64, tag: &str, value: f32) -> Vec<u8> {
    let number = [&[head(2, FOUR_BYTES)][..], &value.to_le_bytes()].concat();
    let value = [bytes(1, tag.as_bytes()), number].concat();
    let step = [&[head(2, VARINT)], &varint(step)[..]].concat();
    record(&[wall_time(seconds), step, bytes(5, &bytes(1, &value))].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-32C, and a record by hand.
    #[test]
    fn records_are_as_tensorflow_writes_them() {
        assert_eq!(CRC.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(varint(300), [0xac, 0x02]);
        let found = scalar(1.5, 300, "a", 0.5);
        let event = [
            &[0x09][..],
            &1.5f64.to_le_bytes(),
            &[0x10, 0xac, 0x02],
            &[0x2a, 10, 0x0a, 8, 0x0a, 1, b'a', 0x15],
            &0.5f32.to_le_bytes(),
        ]
        .concat();
        assert_eq!(found[..8], (event.len() as u64).to_le_bytes());
        assert_eq!(found[12..12 + event.len()], event);
        assert_eq!(found.len(), event.len() + 16);
        assert_eq!(found[found.len() - 4..], masked(&event));
    }
}
