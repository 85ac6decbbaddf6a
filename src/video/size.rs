//! The size a frame is brought to before the network sees it.

/// An error in choosing a model size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Smaller than one patch of the reconstruction.
    #[error("frame of {width}x{height} pixels is too small (at least 16x16)")]
    Small {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// The model's own size makes no sense.
    #[error("model size of {width}x{height} pixels (sides from 32 to 8192 are possible)")]
    Model {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
}

/// Side of a patch, which is masked and reconstructed as a whole.
const PATCH: usize = 16;
/// Sides are multiples of this: Swin's last stage has stride 32.
const STEP: usize = 32;
/// Frames more elongated than this are squeezed.
const MAX_ASPECT: f64 = 4.0;

/// Width and height for the network, given those of the frame and those the model was trained at.
///
/// Both sides are multiples of 32. Of the sizes next to the ideal one (the model's area, the frame's aspect, which counts
/// as at most 4:1) the one is taken that misses area and aspect least, aspect counting double. Sides this coarse leave a
/// few buckets (about forty between 1:4 and 4:1), so that streams of nearly the same shape share sessions. The result
/// depends on nothing else.
///
/// # Errors
/// [`SizeError::Small`] for a frame smaller than a patch, [`SizeError::Model`] for a model size out of bounds.
pub fn model_size(
    frame_w: usize,
    frame_h: usize,
    area_w: usize,
    area_h: usize,
) -> Result<(usize, usize), SizeError> {
    if frame_w < PATCH || frame_h < PATCH {
        return Err(SizeError::Small {
            width: frame_w,
            height: frame_h,
        });
    }
    if !(32..=8192).contains(&area_w) || !(32..=8192).contains(&area_h) {
        return Err(SizeError::Model {
            width: area_w,
            height: area_h,
        });
    }
    let area = (area_w * area_h) as f64;
    let aspect = (frame_w as f64 / frame_h as f64).clamp(1.0 / MAX_ASPECT, MAX_ASPECT);
    let sides = |ideal: f64| {
        let below = ((ideal / STEP as f64) as usize).max(1) * STEP;
        [below, below + STEP]
    };
    let mut best = (STEP, STEP);
    let mut least = f64::INFINITY;
    for h in sides((area / aspect).sqrt()) {
        for w in sides((area * aspect).sqrt()) {
            let miss_area = ((w * h) as f64 / area).ln().abs();
            let miss_aspect = (w as f64 / h as f64 / aspect).ln().abs();
            let miss = miss_area + 2.0 * miss_aspect;
            // A margin far above rounding, so that near-ties go the same way everywhere.
            if miss < least - 1e-9 {
                (best, least) = ((w, h), miss);
            }
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn usual_frames() {
        // The model's own shape stays as it is.
        assert_eq!(model_size(352, 256, 352, 256), Ok((352, 256)));
        assert_eq!(model_size(1024, 512, 448, 224), Ok((448, 224)));
        let (w, h) = model_size(1920, 1080, 352, 256).unwrap();
        assert!(w > h && w % 32 == 0 && h % 32 == 0);
        assert_eq!(
            model_size(1920, 1080, 352, 256),
            model_size(3840, 2160, 352, 256)
        );
        assert_eq!(model_size(720, 1280, 256, 352).unwrap(), {
            let (w, h) = model_size(1280, 720, 352, 256).unwrap();
            (h, w)
        });
    }

    #[test]
    fn too_small() {
        assert!(model_size(15, 480, 352, 256).is_err());
        assert!(model_size(480, 15, 352, 256).is_err());
        assert!(model_size(16, 16, 352, 256).is_ok());
        assert!(model_size(0, 0, 352, 256).is_err());
        assert!(model_size(64, 64, 0, 256).is_err());
        assert!(model_size(64, 64, 256, usize::MAX).is_err());
    }

    #[test]
    fn few_buckets() {
        let sizes: BTreeSet<_> = (16..2000)
            .step_by(7)
            .flat_map(|w| (16..1200).step_by(11).map(move |h| (w, h)))
            .map(|(w, h)| model_size(w, h, 352, 256).unwrap())
            .collect();
        assert!(sizes.len() <= 40, "{} buckets: {sizes:?}", sizes.len());
    }

    proptest! {
        #[test]
        fn near_in_area_and_aspect(
            w in 16usize..5000, h in 16usize..5000, aw in 128usize..1024, ah in 128usize..1024,
        ) {
            let (mw, mh) = model_size(w, h, aw, ah).unwrap();
            prop_assert!(mw % 32 == 0 && mh % 32 == 0 && mw >= 32 && mh >= 32);
            let area = (mw * mh) as f64 / (aw * ah) as f64;
            prop_assert!((0.6..1.6).contains(&area), "area off by {area}");
            let wanted = (w as f64 / h as f64).clamp(0.25, 4.0);
            let aspect = mw as f64 / mh as f64 / wanted;
            prop_assert!((0.75..1.34).contains(&aspect), "aspect off by {aspect}");
        }
    }
}
