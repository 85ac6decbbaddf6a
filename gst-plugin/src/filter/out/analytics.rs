//! Class maps as GStreamer's own analytics metadata, which other elements read (GStreamer 1.26, feature `analytics`).
//!
//! The mask has 0 where there is no class, and the class's id plus one elsewhere: readers take 0 for the background, and
//! look up names by the mask's value. A classification beside it has the names, in the same order.

use gst::glib;
use gst::glib::translate::{FromGlib, IntoGlibPtr};
use gst::prelude::*;
use gst_analytics::prelude::*;
use gst_analytics::{AnalyticsRelationMeta, RelTypes, ffi};
use gst_video::{VideoFormat, VideoFrameFlags, VideoMeta};
use tttseg::video::ClassMap;

/// What 0 in the mask is called.
const BACKGROUND: &str = "background";

/// A confidence that is not known, as the library's documentation has it.
const UNDEFINED: f32 = -1.0;

/// Attaches maps to frames; keeps the masks' buffers, which are used again once all who have them let go.
#[derive(Default)]
pub(super) struct Masks {
    /// Of masks of so many bytes.
    pool: Option<(usize, gst::BufferPool)>,
}

impl Masks {
    /// Attaches a map that lies over a whole frame of `width` by `height` pixels, beside what other elements have found.
    pub fn attach(
        &mut self,
        buffer: &mut gst::BufferRef,
        map: &ClassMap,
        size: (u32, u32),
        classes: &[String],
    ) -> Result<(), glib::BoolError> {
        attach(buffer, self.mask(map)?, size, classes)
    }

    /// The map as a GRAY8 picture, one higher than the ids: 255, no class, becomes 0.
    fn mask(&mut self, map: &ClassMap) -> Result<gst::Buffer, glib::BoolError> {
        let mut mask = self.buffer(map.len())?;
        let buffer = mask.make_mut();
        let mut above = buffer.map_writable()?;
        for (above, class) in above.iter_mut().zip(map) {
            *above = class.wrapping_add(1);
        }
        drop(above);
        let side = |side: usize| u32::try_from(side).map_err(|e| glib::bool_error!("{e}"));
        let (width, height) = (side(map.ncols())?, side(map.nrows())?);
        let stride = i32::try_from(width).map_err(|e| glib::bool_error!("{e}"))?;
        VideoMeta::add_full(
            buffer,
            VideoFrameFlags::empty(),
            VideoFormat::Gray8,
            width,
            height,
            &[0],
            &[stride],
        )?;
        Ok(mask)
    }

    fn buffer(&mut self, bytes: usize) -> Result<gst::Buffer, glib::BoolError> {
        let failed = |e: &dyn std::fmt::Display| glib::bool_error!("no buffer for a mask: {e}");
        let pool = match self.pool.take_if(|(of, _)| *of == bytes) {
            Some((_, pool)) => pool,
            None => {
                self.drop_pool();
                let pool = gst::BufferPool::new();
                let mut config = pool.config();
                let size = u32::try_from(bytes).map_err(|e| failed(&e))?;
                config.set_params(None, size, 0, 0);
                pool.set_config(config)?;
                pool.set_active(true)?;
                pool
            }
        };
        let (_, pool) = self.pool.insert((bytes, pool));
        pool.acquire_buffer(None).map_err(|e| failed(&e))
    }

    /// A pool that is not switched off keeps its buffers for good.
    fn drop_pool(&mut self) {
        if let Some((_, pool)) = self.pool.take() {
            pool.set_active(false).ok();
        }
    }
}

impl Drop for Masks {
    fn drop(&mut self) {
        self.drop_pool();
    }
}

fn attach(
    buffer: &mut gst::BufferRef,
    mask: gst::Buffer,
    (width, height): (u32, u32),
    classes: &[String],
) -> Result<(), glib::BoolError> {
    let names = std::iter::once(BACKGROUND).chain(classes.iter().map(String::as_str));
    let names: Vec<glib::Quark> = names.map(glib::Quark::from_str).collect();
    let regions = u32::try_from(names.len()).map_err(|e| glib::bool_error!("{e}"))?;
    let mut meta = AnalyticsRelationMeta::add(buffer);
    let segmentation = add_segmentation(
        &mut meta,
        mask,
        &Vec::from_iter(0..regions),
        (width, height),
    )?;
    let classification = meta
        .add_cls_mtd(&vec![UNDEFINED; names.len()], &names)?
        .id();
    // The documentation has one, and GStreamer's overlay looks for the other.
    let related = RelTypes::RELATE_TO | RelTypes::N_TO_N;
    meta.set_relation(related, segmentation, classification)
}

/// What the bindings do not have yet: a mask, and the values in it. Gives the id of what was added.
fn add_segmentation(
    meta: &mut gst::MetaRefMut<'_, AnalyticsRelationMeta, gst::meta::Standalone>,
    mask: gst::Buffer,
    regions: &[u32],
    (width, height): (u32, u32),
) -> Result<u32, glib::BoolError> {
    let mut added = std::mem::MaybeUninit::uninit();
    // SAFETY: `meta` is borrowed for writing, the mask is ours and has the video meta that is asked for, and as many
    // regions are read, not written, as are said to be there.
    let done = unsafe {
        bool::from_glib(ffi::gst_analytics_relation_meta_add_segmentation_mtd(
            meta.as_mut_ptr(),
            mask.as_mut_ptr(),
            ffi::GST_SEGMENTATION_TYPE_SEMANTIC,
            regions.len(),
            regions.as_ptr().cast_mut(),
            0,
            0,
            width,
            height,
            added.as_mut_ptr(),
        ))
    };
    if !done {
        return Err(glib::bool_error!("No mask could be added to a frame"));
    }
    // The meta has it now.
    let _ = IntoGlibPtr::<*mut gst::ffi::GstBuffer>::into_glib_ptr(mask);
    // SAFETY: it was filled in, since the mask was added.
    Ok(unsafe { added.assume_init() }.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gst::glib::translate::from_glib_full;
    use gst_analytics::AnalyticsClassificationMtd;
    use tttseg::ndarray::array;

    #[test]
    fn others_can_read_it() {
        gst::init().unwrap();
        let classes = ["road", "car"].map(String::from);
        let map = array![[0, 1, 255], [1, 0, 0]];
        let mut buffer = gst::Buffer::new();
        let mut masks = Masks::default();
        let buffer_of = buffer.make_mut();
        masks.attach(buffer_of, &map, (640, 360), &classes).unwrap();
        // Copies keep it.
        let buffer = buffer.copy();
        let meta = buffer.meta::<AnalyticsRelationMeta>().unwrap();
        assert_eq!(meta.len(), 2);
        let names = meta.mtd::<AnalyticsClassificationMtd>(1).unwrap();
        let names: Vec<(String, f32)> = names
            .iterate()
            .map(|(name, level)| (name.as_str().to_string(), level))
            .collect();
        let expected = ["background", "road", "car"].map(|name| (name.to_owned(), UNDEFINED));
        assert_eq!(names, expected);
        for kind in [RelTypes::RELATE_TO, RelTypes::N_TO_N] {
            let mut related = meta.iter_direct_related::<AnalyticsClassificationMtd>(0, kind);
            assert_eq!(related.next().map(|names| names.id()), Some(1), "{kind:?}");
        }

        // SAFETY: the meta outlives the handle, which is only read through, and the mask that comes back is ours.
        unsafe {
            let mut handle = std::mem::MaybeUninit::uninit();
            let found = ffi::gst_analytics_relation_meta_get_segmentation_mtd(
                meta.as_mut_ptr(),
                0,
                handle.as_mut_ptr(),
            );
            assert_ne!(found, glib::ffi::GFALSE);
            let handle = handle.assume_init();
            assert_eq!(
                ffi::gst_analytics_segmentation_mtd_get_region_count(&handle),
                3
            );
            for id in 0..3 {
                let region = ffi::gst_analytics_segmentation_mtd_get_region_id(&handle, id);
                assert_eq!(region as usize, id);
            }
            let (mut x, mut y, mut width, mut height) = (9, 9, 9, 9);
            let mask: gst::Buffer = from_glib_full(ffi::gst_analytics_segmentation_mtd_get_mask(
                &handle,
                &mut x,
                &mut y,
                &mut width,
                &mut height,
            ));
            assert_eq!((x, y, width, height), (0, 0, 640, 360));
            let of = mask.meta::<VideoMeta>().unwrap();
            assert_eq!((of.width(), of.height(), of.stride()[0]), (3, 2, 3));
            assert_eq!(of.format(), VideoFormat::Gray8);
            assert_eq!(mask.map_readable().unwrap()[..], [1, 2, 0, 2, 1, 1]);
        }
    }
}
