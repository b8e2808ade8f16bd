//! The digest of some bytes or of a file: BLAKE3, in hexadecimal.

use std::path::Path;

use vr_files::FileError;

/// Of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Of a file, which is never in memory as a whole; a link is refused.
///
/// # Errors
/// [`FileError`] when it cannot be read.
pub fn digest_of(path: &Path) -> Result<String, FileError> {
    let mut hasher = blake3::Hasher::new();
    vr_files::read_pieces(path, |piece| _ = hasher.update(piece))?;
    Ok(hasher.finalize().to_hex().to_string())
}
