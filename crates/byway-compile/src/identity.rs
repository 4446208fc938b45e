//! What tells one build from another, and what only this build knows.

use sha2::{Digest as _, Sha256};

use crate::BuildError;

/// A name for what these chunks are, the same wherever they are built.
pub(crate) fn build_id<'c>(chunks: impl Iterator<Item = &'c str>) -> String {
    let mut hash = Sha256::new();
    for code in chunks {
        hash.update((code.len() as u64).to_le_bytes());
        hash.update(code);
    }
    let digest = hash.finalize();
    let short = digest.iter().take(10).fold(0_u128, |id, byte| (id << 8) | u128::from(*byte));
    format!("{short:020x}")
}

/// Something that nobody can guess.
pub(crate) fn secret() -> Result<String, BuildError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| BuildError::Bundler(format!("the system gives no randomness: {error}")))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
