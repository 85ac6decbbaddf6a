//! Elements of Matroska files: numbers, one behind the other.

use std::io::{ErrorKind, Read, Result};

use super::bytes::take;

/// A number of Matroska's, with or without the mark of its length, and that length. One that is left open is beyond all files.
pub fn number(file: &mut impl Read, is_bare: bool) -> Result<(u64, u64)> {
    let [first] = take(file)?;
    let bytes = first.leading_zeros() + 1;
    if bytes > 8 {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut value = u64::from(first);
    for _ in 1..bytes {
        let [next] = take(file)?;
        value = value << 8 | u64::from(next);
    }
    let mask = (1_u64 << (7 * bytes)) - 1;
    if is_bare {
        value &= mask;
        if value == mask {
            value = u64::MAX >> 1;
        }
    }
    Ok((value, u64::from(bytes)))
}
