//! A message as two runs of bytes. The head is the subject in one byte, the length of the values in eight, little end first, and
//! the text in UTF-8. The values are a safetensors file.

use vr_optim::ranks::{Message, Subject};
use vr_run::checkpoint;

/// Head and values of a message.
///
/// # Errors
/// In words, when the values cannot be encoded.
pub fn encode(message: &Message) -> Result<[Vec<u8>; 2], String> {
    let values = checkpoint::encode(&message.values).map_err(|error| error.to_string())?;
    let mut head = vec![message.subject as u8];
    head.extend((values.len() as u64).to_le_bytes());
    head.extend(message.text.as_bytes());
    Ok([head, values])
}

/// How long the values after a head are.
///
/// # Errors
/// In words, for bytes that are no head.
pub fn values_len(head: &[u8]) -> Result<usize, String> {
    let len = head.get(1..9).and_then(|len| len.try_into().ok()).map(u64::from_le_bytes);
    let len = len.ok_or_else(|| format!("its head ends after {} bytes", head.len()))?;
    usize::try_from(len).map_err(|error| error.to_string())
}

/// The message of a head and its values.
///
/// # Errors
/// In words, for bytes that are no message.
pub fn decode(head: &[u8], values: &[u8]) -> Result<Message, String> {
    let expected = values_len(head)?;
    if values.len() != expected {
        return Err(format!("its values are {} bytes; expected {expected}", values.len()));
    }
    let subject = Subject::ALL.into_iter().find(|one| *one as u8 == head[0]);
    let subject = subject.ok_or_else(|| format!("its subject is {}", head[0]))?;
    let text = std::str::from_utf8(&head[9..]).map_err(|error| error.to_string())?.to_owned();
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
                let [head, values] = encode(&message).unwrap();
                assert_eq!(values_len(&head), Ok(values.len()));
                assert_eq!(decode(&head, &values), Ok(message));
            }
        }
    }

    #[test]
    fn bytes_that_are_no_message_are_refused() {
        let [head, values] = encode(&message(Subject::Answer)).unwrap();
        for len in 0..9 {
            assert_eq!(decode(&head[..len], &values), Err(format!("its head ends after {len} bytes")));
        }
        for len in 0..values.len() {
            let mut short = head.clone();
            decode(&short, &values[..len]).unwrap_err();
            short[1..9].copy_from_slice(&(len as u64).to_le_bytes());
            decode(&short, &values[..len]).unwrap_err();
        }
        let odd = [&[99], &head[1..]].concat();
        assert_eq!(decode(&odd, &values), Err("its subject is 99".into()));
        let cut = &head[..head.len() - 1];
        assert!(decode(cut, &values).unwrap_err().contains("utf-8"));
    }
}
