//! The format of ffmpeg's framemd5, version 2: a header, and a line for every frame.

use std::io::{self, Write};

/// What there is to say of a stream at the head of the file.
pub struct Stream {
    /// Seconds of a unit of time, as a fraction.
    pub time_base: (u64, u64),
    pub size: (u32, u32),
    /// Shape of pixels, as a fraction.
    pub pixels: (i32, i32),
    /// In words, on a line that readers take for a remark.
    pub about: &'static str,
}

/// A frame of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub stream: u32,
    pub time: u64,
    pub duration: u64,
    pub bytes: u64,
    pub md5: String,
}

/// Writes the head of the file.
pub fn write_header(to: &mut impl Write, streams: &[Stream]) -> io::Result<()> {
    writeln!(to, "#format: frame checksums")?;
    writeln!(to, "#version: 2")?;
    writeln!(to, "#hash: MD5")?;
    writeln!(to, "#software: tttseg {}", env!("CARGO_PKG_VERSION"))?;
    for (n, stream) in streams.iter().enumerate() {
        let (one, of) = stream.time_base;
        let ((width, height), (wide, high)) = (stream.size, stream.pixels);
        writeln!(to, "#tb {n}: {one}/{of}")?;
        writeln!(to, "#media_type {n}: video")?;
        writeln!(to, "#codec_id {n}: rawvideo")?;
        writeln!(to, "#dimensions {n}: {width}x{height}")?;
        writeln!(to, "#sar {n}: {wide}/{high}")?;
    }
    for (n, stream) in streams.iter().enumerate() {
        writeln!(to, "#luma {n}: {}", stream.about)?;
    }
    writeln!(to, "#stream#, dts,        pts, duration,     size, hash")
}

impl Line {
    /// Writes it with the widths that ffmpeg has.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let Self {
            stream,
            time,
            duration,
            bytes,
            md5,
        } = self;
        writeln!(
            to,
            "{stream}, {time:>10}, {time:>10}, {duration:>8}, {bytes:>8}, {md5}"
        )
    }

    /// Of a line of the file; none of one that is empty or a remark.
    ///
    /// # Errors
    /// What is neither.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        if text.trim().is_empty() || text.starts_with('#') {
            return Ok(None);
        }
        let fields: Vec<&str> = text.split(',').map(str::trim).collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        let line = || {
            let md5 = fields.get(5)?.to_ascii_lowercase();
            let is_hash = md5.len() == 32 && md5.bytes().all(|b| b.is_ascii_hexdigit());
            Some(Self {
                stream: u32::try_from(number(0)?).ok()?,
                time: number(2)?,
                duration: number(3)?,
                bytes: number(4)?,
                md5: is_hash.then_some(md5)?,
            })
        };
        let line = line().filter(|_| fields.len() == 6);
        line.map(Some)
            .ok_or_else(|| format!("this is no line of framemd5: {text}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_ffmpeg_writes_it() {
        let line = Line {
            stream: 0,
            time: 4,
            duration: 1,
            bytes: 122_880,
            md5: "cf5fa3451d9516c0acb0f1abe717a9b4".into(),
        };
        let mut text = vec![];
        line.write(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(
            text,
            "0,          4,          4,        1,   122880, cf5fa3451d9516c0acb0f1abe717a9b4\n"
        );
        assert_eq!(Line::parse(text.trim_end()), Ok(Some(line)));
    }

    #[test]
    fn remarks_and_what_is_no_line() {
        for text in ["", "#tb 0: 1/25"] {
            assert_eq!(Line::parse(text), Ok(None));
        }
        for text in ["0, 1, 1, 1, 5", "0, 1, 1, 1, 5, abc", "a film"] {
            assert!(Line::parse(text).unwrap_err().contains(text));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            let _ = Line::parse(&text);
        }
    }
}
