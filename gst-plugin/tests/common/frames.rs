//! Frames to push, and what is in those that come.

use std::sync::Mutex;

use gst_video::prelude::*;
use gst_video::{VideoFormatFlags, VideoFrame, VideoInfo};

/// Caps of frames at 25 a second.
pub fn caps(format: &str, width: u32, height: u32) -> String {
    format!("video/x-raw,format={format},width={width},height={height},framerate=25/1")
}

/// What such caps say.
pub fn info(caps: &str) -> VideoInfo {
    VideoInfo::from_caps(&caps.parse::<gst::Caps>().unwrap()).unwrap()
}

/// Caps of what goes out.
pub fn out_caps(harness: &gst_check::Harness) -> gst::Caps {
    harness.sinkpad().unwrap().current_caps().unwrap()
}

/// What these say.
pub fn out_info(harness: &gst_check::Harness) -> VideoInfo {
    VideoInfo::from_caps(&out_caps(harness)).unwrap()
}

/// A frame with plain strides, its bytes from its index, number `n` at 25 frames a second.
pub fn frame(caps: &str, n: u64) -> gst::Buffer {
    let info = info(caps);
    let bytes: Vec<u8> = (0..info.size())
        .map(|i| (i as u64 * 7 + n * 13) as u8)
        .collect();
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let b = buffer.get_mut().unwrap();
    b.set_pts(gst::ClockTime::from_mseconds(n * 40));
    b.set_duration(gst::ClockTime::from_mseconds(40));
    buffer
}

/// The same picture with rows and planes further apart, and what lies between them filled.
pub fn spread(plain: &gst::Buffer, info: &VideoInfo, filling: u8) -> gst::Buffer {
    let planes = info.n_planes() as usize;
    let ends = info.offset()[1..planes]
        .iter()
        .copied()
        .chain([info.size()]);
    let mut offsets = vec![];
    let mut strides = vec![];
    let mut wide = vec![filling; 6];
    let narrow = bytes(plain);
    for (plane, end) in ends.enumerate() {
        let stride = info.stride()[plane] as usize;
        offsets.push(wide.len());
        strides.push(stride as i32 + 40);
        for row in narrow[info.offset()[plane]..end].chunks_exact(stride) {
            wide.extend_from_slice(row);
            wide.extend([filling; 40]);
        }
        wide.extend([filling; 10]);
    }
    let mut buffer = gst::Buffer::from_mut_slice(wide);
    let meta = gst_video::VideoMeta::add_full(
        buffer.get_mut().unwrap(),
        gst_video::VideoFrameFlags::empty(),
        info.format(),
        info.width(),
        info.height(),
        &offsets,
        &strides,
    );
    meta.unwrap();
    buffer
}

pub fn bytes(buffer: &gst::Buffer) -> Vec<u8> {
    buffer.map_readable().unwrap().to_vec()
}

/// The pixels, without what lies between rows: that depends on how GStreamer copies.
pub fn pixels(buffer: &gst::Buffer, info: &VideoInfo) -> Vec<u8> {
    let frame = VideoFrame::from_buffer_readable(buffer.clone(), info).unwrap();
    let mut pixels = vec![];
    for plane in 0..frame.n_planes() {
        let inside = (0..info.n_components()).filter(|&c| info.comp_plane(c as u8) == plane);
        let sides = inside.map(|c| {
            let bytes = info.comp_width(c as u8) * info.comp_pstride(c as u8) as u32;
            (bytes as usize, info.comp_height(c as u8) as usize)
        });
        let (width, height) = sides.max().unwrap();
        let stride = frame.plane_stride()[plane as usize] as usize;
        let rows = frame.plane_data(plane).unwrap().chunks(stride);
        rows.take(height)
            .for_each(|row| pixels.extend(&row[..width]));
    }
    pixels
}

/// The codes of a component, row by row, as far as there are pixels.
pub fn component(buffer: &gst::Buffer, info: &VideoInfo, component: u32) -> Vec<Vec<u8>> {
    let frame = VideoFrame::from_buffer_readable(buffer.clone(), info).unwrap();
    let c = component as usize;
    let sample = (info.format_info().depth()[c] as usize).div_ceil(8);
    let (width, height) = (frame.comp_width(component), frame.comp_height(component));
    let step = frame.comp_pstride(component) as usize;
    let stride = frame.comp_stride(component) as usize;
    // Offsets of words are counted in bytes by some versions, in samples by others.
    let plane = info.format_info().plane()[c];
    let begins = info.format_info().poffset()[c] as usize;
    let begins = if sample == 2 && begins == 1 {
        2
    } else {
        begins
    };
    let data = &frame.plane_data(plane).unwrap()[begins..];
    (0..height as usize)
        .map(|y| {
            (0..width as usize)
                .flat_map(|x| data[y * stride + x * step..][..sample].to_vec())
                .collect()
        })
        .collect()
}

/// The code in a sample: some have it at the top of a word, and anything below.
pub fn code(sample: &[u8], info: &VideoInfo) -> u16 {
    let of = info.format_info();
    match *sample {
        [byte] => byte.into(),
        [a, b] if of.flags().contains(VideoFormatFlags::LE) => {
            u16::from_le_bytes([a, b]) >> of.shift()[0]
        }
        [a, b] => u16::from_be_bytes([a, b]) >> of.shift()[0],
        _ => panic!("{} bytes", sample.len()),
    }
}

/// Puts an application's own meta onto a buffer, with tags that say what it is about.
pub fn add_custom_meta<'a>(
    buffer: &'a mut gst::BufferRef,
    name: &str,
    tags: &[&str],
) -> gst::MetaRefMut<'a, gst::meta::CustomMeta, gst::meta::Standalone> {
    // To look whether a meta is registered and to register it is not one step, and tests run beside each other.
    static REGISTERING: Mutex<()> = Mutex::new(());
    {
        let _alone = REGISTERING.lock().unwrap();
        if !gst::meta::CustomMeta::is_registered(name) {
            gst::meta::CustomMeta::register(name, tags);
        }
    }
    gst::meta::CustomMeta::add(buffer, name).unwrap()
}
