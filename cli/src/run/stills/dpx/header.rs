//! The headers of a DPX file: kept as bytes, so that all that they say is written again, with the fields that describe samples.

use tttseg::video::Orientation;

use super::super::raster::{Encoding, Raster};
use super::DpxError;

/// Image element descriptors.
pub const GREY: u8 = 6;
pub const RGB: u8 = 50;

/// Bytes of the headers that the standard has: file, image, orientation, film and television.
const LENGTH: usize = 2048;
/// Bytes up to the end of what describes images.
const LEAST: usize = 1664;
/// A field of which nothing is said.
const UNDEFINED: u32 = 0xffff_ffff;

const OFFSET: usize = 4;
const FILE_SIZE: usize = 16;
const GENERIC: usize = 24;
const CREATOR: usize = 160;
const KEY: usize = 660;
const ORIENTATION: usize = 768;
const ELEMENTS: usize = 770;
const WIDTH: usize = 772;
const HEIGHT: usize = 776;
// Of the first element.
const SIGN: usize = 780;
const LOW: usize = 784;
const HIGH: usize = 792;
const DESCRIPTOR: usize = 800;
const TRANSFER: usize = 801;
const BITS: usize = 803;
const PACKING: usize = 804;
const RUNS: usize = 806;
const DATA: usize = 808;
const LINE_PADDING: usize = 812;
const IMAGE_PADDING: usize = 816;

/// All bytes before the samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Header(Vec<u8>);

/// What there is to know of samples.
#[derive(Clone, Copy, Debug)]
pub struct Element {
    pub width: usize,
    pub height: usize,
    pub components: usize,
    pub bits: u32,
    pub packing: u16,
    pub offset: usize,
    /// Bytes behind every line.
    pub padding: usize,
}

impl Header {
    /// The first bytes of a file.
    pub fn read(bytes: &[u8]) -> Result<Self, DpxError> {
        if !matches!(bytes.get(..4), Some(b"SDPX" | b"XPDS")) {
            return Err(DpxError::Magic);
        }
        let found = bytes.len();
        if found < LEAST {
            return Err(DpxError::Short {
                found,
                wanted: LEAST,
            });
        }
        let fixed = Self(bytes.iter().copied().take(LEAST).collect());
        let offset = match fixed.u32(DATA) {
            0 | UNDEFINED => fixed.u32(OFFSET),
            offset => offset,
        };
        if (offset as usize) < LEAST {
            return Err(DpxError::Field {
                field: "the offset to image data",
                value: offset,
                possible: "1664 and more can be read",
            });
        }
        let wanted = offset as usize;
        let header = bytes.get(..wanted);
        let header = header.ok_or(DpxError::Short { found, wanted })?;
        Ok(Self(header.to_vec()))
    }

    /// For a picture that did not come from such a file: the high byte first, nothing known.
    pub fn new(raster: &Raster) -> Self {
        let mut header = Self(vec![0xff; LENGTH]);
        header.put(0, b"SDPX");
        header.put(8, b"V2.0\0\0\0\0");
        // Texts are empty.
        header.put(36, &[0; KEY - 36]);
        header.put(664, &[0; ORIENTATION - 664]);
        header.put_u32(20, 1);
        header.put_u32(GENERIC, LEAST as u32);
        header.put_u32(GENERIC + 4, (LENGTH - LEAST) as u32);
        header.put_u32(GENERIC + 8, 0);
        header.put(
            TRANSFER,
            &[transfer(raster.encoding), transfer(raster.encoding)],
        );
        header
    }

    /// Whether the high byte of a word comes first.
    pub fn is_big(&self) -> bool {
        self.0.first() == Some(&b'S')
    }

    /// Turns to the other byte order, with nothing said yet.
    #[cfg(test)]
    pub fn swap(&mut self) {
        self.put(0, b"XPDS");
    }

    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        let bytes = self.0.get(at..at + N).and_then(|b| b.try_into().ok());
        bytes.unwrap_or([0xff; N])
    }

    fn u16(&self, at: usize) -> u16 {
        match self.is_big() {
            true => u16::from_be_bytes(self.bytes(at)),
            false => u16::from_le_bytes(self.bytes(at)),
        }
    }

    fn u32(&self, at: usize) -> u32 {
        match self.is_big() {
            true => u32::from_be_bytes(self.bytes(at)),
            false => u32::from_le_bytes(self.bytes(at)),
        }
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(to) = self.0.get_mut(at..at + bytes.len()) {
            to.copy_from_slice(bytes);
        }
    }

    fn put_u16(&mut self, at: usize, value: u16) {
        let bytes = match self.is_big() {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        };
        self.put(at, &bytes);
    }

    fn put_u32(&mut self, at: usize, value: u32) {
        let bytes = match self.is_big() {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        };
        self.put(at, &bytes);
    }

    /// What it says of samples.
    ///
    /// # Errors
    /// What is not read here, by the name of its field.
    pub fn element(&self) -> Result<Element, DpxError> {
        let refuse = |field, value, possible| DpxError::Field {
            field,
            value,
            possible,
        };
        let check = |field, value: u32, wanted: &[u32], possible| {
            let is_known = wanted.contains(&value);
            is_known.then_some(()).ok_or(refuse(field, value, possible))
        };
        let elements = self.u16(ELEMENTS).into();
        check(
            "the number of image elements",
            elements,
            &[1],
            "one can be read",
        )?;
        let sign = self.u32(SIGN);
        check(
            "the data sign",
            sign,
            &[0, UNDEFINED],
            "unsigned (0) can be read",
        )?;
        let possible = "files that are not encrypted (4294967295) can be read";
        check(
            "the encryption key",
            self.u32(KEY),
            &[0, UNDEFINED],
            possible,
        )?;
        let runs = self.u16(RUNS).into();
        check(
            "the encoding",
            runs,
            &[0, 0xffff],
            "samples without run lengths (0) can be read",
        )?;
        let [descriptor] = self.bytes::<1>(DESCRIPTOR);
        let possible = "grey (6) and RGB (50) can be read";
        check(
            "the descriptor",
            descriptor.into(),
            &[GREY.into(), RGB.into()],
            possible,
        )?;
        let [bits] = self.bytes::<1>(BITS);
        let possible = "8, 10, 12 and 16 can be read";
        check("the bit size", bits.into(), &[8, 10, 12, 16], possible)?;
        let packing = self.u16(PACKING);
        let possible = "packed (0) and filled (1, 2) can be read";
        check("the packing", packing.into(), &[0, 1, 2], possible)?;
        let side = |field, at| match self.u32(at) {
            side @ 1..=65_535 => Ok(side as usize),
            side => Err(refuse(field, side, "from 1 to 65535 can be read")),
        };
        Ok(Element {
            width: side("the number of pixels a line", WIDTH)?,
            height: side("the number of lines", HEIGHT)?,
            components: if descriptor == GREY { 1 } else { 3 },
            bits: bits.into(),
            packing,
            offset: self.0.len(),
            padding: match self.u32(LINE_PADDING) {
                UNDEFINED => 0,
                padding => padding.min(1 << 16) as usize,
            },
        })
    }

    /// How lines lie.
    pub fn orientation(&self) -> Result<Orientation, DpxError> {
        let value = self.u16(ORIENTATION);
        // The order of EXIF is another one: lines from the left or the right, from above or below, columns likewise.
        let number = match value {
            0 | 0xffff => 1,
            1 => 2,
            2 => 4,
            3 => 3,
            4 => 5,
            5 => 6,
            6 => 8,
            7 => 7,
            _ => 0,
        };
        Orientation::from_exif(number).ok_or(DpxError::Field {
            field: "the image orientation",
            value: value.into(),
            possible: "0 to 7 can be read",
        })
    }

    /// What samples stand for. ffmpeg says of all that it writes that it is linear, and writes what it was given.
    pub fn encoding(&self) -> Encoding {
        let is_ffmpegs = self.bytes::<4>(CREATOR) == *b"Lavc";
        match self.bytes::<1>(TRANSFER) {
            [1 | 3] => Encoding::Density,
            [2] if !is_ffmpegs => Encoding::Linear,
            _ => Encoding::Display,
        }
    }

    /// Describes other samples: filled, without padding, upright; `encoding` where that is another than before.
    pub fn describe(
        &mut self,
        (width, height): (u32, u32),
        descriptor: u8,
        bits: u32,
        encoding: Option<Encoding>,
    ) {
        self.put_u16(ORIENTATION, 0);
        self.put_u16(ELEMENTS, 1);
        self.put_u32(WIDTH, width);
        self.put_u32(HEIGHT, height);
        self.put_u32(SIGN, 0);
        if u32::from(self.bytes::<1>(BITS)[0]) != bits {
            self.put_u32(LOW, 0);
            self.put_u32(HIGH, (1 << bits) - 1);
        }
        self.put(DESCRIPTOR, &[descriptor]);
        self.put(BITS, &[bits as u8]);
        self.put_u16(PACKING, u16::from(matches!(bits, 10 | 12)));
        self.put_u16(RUNS, 0);
        self.put_u32(LINE_PADDING, 0);
        self.put_u32(IMAGE_PADDING, 0);
        self.put_u32(KEY, UNDEFINED);
        if let Some(encoding) = encoding {
            self.put(TRANSFER, &[transfer(encoding)]);
        }
    }

    /// Its bytes, before so many of samples; none where these are too many.
    pub fn finish(mut self, data: usize) -> Option<Vec<u8>> {
        let offset = u32::try_from(self.0.len()).ok()?;
        let size = u32::try_from(self.0.len().checked_add(data)?).ok()?;
        self.put_u32(OFFSET, offset);
        self.put_u32(DATA, offset);
        self.put_u32(FILE_SIZE, size);
        Some(self.0)
    }
}

/// The transfer characteristic for an encoding: BT.709 for what is to be shown.
fn transfer(encoding: Encoding) -> u8 {
    match encoding {
        Encoding::Density => 1,
        Encoding::Linear => 2,
        Encoding::Display => 6,
    }
}
