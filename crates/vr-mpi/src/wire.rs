//! A message as bytes: its subject in one byte, the length of its text in eight, little end first, the text in UTF-8, and its
//! values as a safetensors file.

use vr_optim::ranks::{Message, Subject};
use vr_run::checkpoint;

/// The bytes of a message.
///
/// # Errors
/// In words, when its values cannot be encoded.
pub fn encode(message: &Message) -> Result<Vec<u8>, String> {
    let text = message.text.as_bytes();
    let values = checkpoint::encode(&message.values).map_err(|error| error.to_string())?;
    let mut bytes = Vec::with_capacity(9 + text.len() + values.len());
    bytes.push(message.subject as u8);
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text);
    bytes.extend(values);
    Ok(bytes)
}

/// The message of [`encode`]d bytes.
///
/// # Errors
/// In words, for bytes that are no message.
pub fn decode(bytes: &[u8]) -> Result<Message, String> {
    let cut = || format!("it ends after {} bytes", bytes.len());
    let (&subject, rest) = bytes.split_first().ok_or_else(cut)?;
    let subject = Subject::ALL.into_iter().find(|one| *one as u8 == subject);
    let subject = subject.ok_or_else(|| format!("its subject is {}", bytes[0]))?;
    let (len, rest) = rest.split_first_chunk().ok_or_else(cut)?;
    let len = usize::try_from(u64::from_le_bytes(*len)).map_err(|_| cut())?;
    let (text, values) = rest.split_at_checked(len).ok_or_else(cut)?;
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?.to_owned();
    let values = checkpoint::decode(values).map_err(|error| error.to_string())?;
    Ok(Message { subject, text, values })
}

#[cfg(test)]
mod tests {
    use vr_core::State;

    use super::*;

    fn message(subject: Subject) -> Message {
        let mut values = State::new();
        let mut out = values.writer("answer");
        out.vector("gradient", &[1.0_f32, -0.0, f32::INFINITY]);
        out.f64s("momenta", &[]);
        out.real("loss", -1e-310);
        Message { subject, text: "rank μ".into(), values }
    }

    #[test]
    fn every_message_comes_back() {
        for subject in Subject::ALL {
            for message in [message(subject), Message { text: String::new(), values: State::new(), subject }] {
                assert_eq!(decode(&encode(&message).unwrap()), Ok(message));
            }
        }
    }

    #[test]
    fn bytes_that_are_no_message_are_refused_wherever_they_end() {
        let bytes = encode(&message(Subject::Answer)).unwrap();
        for len in 0..bytes.len() {
            decode(&bytes[..len]).unwrap_err();
        }
        let odd = [&[99], &bytes[1..]].concat();
        assert_eq!(decode(&odd), Err("its subject is 99".into()));
        let long = [&bytes[..1], &[0xff; 8], &bytes[9..]].concat();
        decode(&long).unwrap_err();
    }
}
