//! Bytes of a file.

use std::io::{BufReader, Error, ErrorKind, Read, Result, Seek, SeekFrom};

/// More than that is in no table or description of a film.
const MOST: u64 = 256 << 20;

/// A few bytes at the place where the file is.
pub fn take<const N: usize>(file: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Goes on by so many bytes.
pub fn skip(file: &mut BufReader<impl Read + Seek>, bytes: u64) -> Result<()> {
    let wrong = |_| Error::from(ErrorKind::InvalidData);
    file.seek_relative(i64::try_from(bytes).map_err(wrong)?)
}

/// So many bytes at a place.
pub fn block(file: &mut (impl Read + Seek), at: u64, bytes: u64) -> Result<Vec<u8>> {
    if bytes > MOST {
        return Err(ErrorKind::InvalidData.into());
    }
    file.seek(SeekFrom::Start(at))?;
    let mut block = vec![0; bytes as usize];
    file.read_exact(&mut block)?;
    Ok(block)
}
