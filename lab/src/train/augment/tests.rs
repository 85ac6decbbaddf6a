use super::view::PADDING;
use super::*;
use crate::data::Sample;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tttseg::video::{ClassMap, Rgb};

type View = (Vec<u8>, Vec<u8>);

fn view(
    sample: &Sample,
    augmentation: &Augmentation,
    class: Option<u8>,
    seed: u64,
    size: (usize, usize),
) -> View {
    let mut image = vec![1; size.0 * size.1 * 3];
    let mut labels = vec![1; size.0 * size.1];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Viewer::default()
        .view(
            sample,
            augmentation,
            class,
            &mut rng,
            size,
            &mut image,
            &mut labels,
        )
        .unwrap();
    (image, labels)
}

/// Red grows with x and green with y, four codes a pixel; the label is x or y.
fn ramp(width: usize, height: usize, vertical: bool) -> Sample {
    Sample {
        name: "ramp".into(),
        rgb: Rgb::from_shape_fn((height, width, 3), |(y, x, c)| {
            [4 * x as u8, 4 * y as u8, 77][c]
        }),
        labels: ClassMap::from_shape_fn(
            (height, width),
            |(y, x)| if vertical { y } else { x } as u8,
        ),
        pixel_aspect: 1.0,
    }
}

fn geometry() -> Augmentation {
    Augmentation {
        scale: (0.5, 2.0),
        stretch: 1.3,
        flip: 0.5,
        ..Augmentation::none()
    }
}

#[test]
fn without_changes_a_view_of_the_same_size_is_the_image() {
    let sample = ramp(40, 30, false);
    let (image, labels) = view(&sample, &Augmentation::none(), None, 9, (40, 30));
    assert_eq!(Some(&image[..]), sample.rgb.as_slice());
    assert_eq!(Some(&labels[..]), sample.labels.as_slice());
}

#[test]
fn flip_mirrors_both() {
    let sample = ramp(40, 30, false);
    let augmentation = Augmentation {
        flip: 1.0,
        ..Augmentation::none()
    };
    let (image, labels) = view(&sample, &augmentation, None, 9, (40, 30));
    for y in 0..30 {
        for x in 0..40 {
            assert_eq!(labels[y * 40 + x], 39 - x as u8);
            assert_eq!(image[(y * 40 + x) * 3], 4 * (39 - x as u8));
        }
    }
}

#[test]
fn a_squeezed_image_is_seen_in_its_proportions() {
    let sample = Sample {
        pixel_aspect: 2.0,
        ..ramp(20, 30, false)
    };
    let (image, labels) = view(&sample, &Augmentation::none(), None, 9, (40, 30));
    for y in 0..30 {
        for x in 0..40 {
            assert_eq!(usize::from(labels[y * 40 + x]), x / 2);
            assert_eq!(usize::from(image[(y * 40 + x) * 3 + 1]), 4 * y);
        }
    }
}

#[test]
fn small_images_are_padded() {
    let sample = ramp(8, 6, false);
    let (image, labels) = view(&sample, &Augmentation::default(), None, 2, (64, 48));
    let padded = labels.iter().filter(|&&l| l == 255).count();
    assert!(padded > 64 * 48 / 2 && padded < 64 * 48);
    for (pixel, label) in image.chunks(3).zip(&labels) {
        assert!(*label != 255 || pixel == PADDING);
    }
    // Not a pixel of it is inside: all padding, and no panic.
    let augmentation = Augmentation {
        scale: (0.05, 0.05),
        ..geometry()
    };
    let (image, labels) = view(&ramp(1, 1, false), &augmentation, None, 2, (16, 16));
    assert!(labels.iter().all(|&l| l == 255));
    assert!(image.chunks(3).all(|p| p == PADDING));
}

#[test]
fn a_class_that_is_asked_for_is_in_view() {
    let mut sample = ramp(60, 50, false);
    sample.labels.fill(0);
    for (x, y) in [(0, 0), (59, 49), (30, 2), (58, 20)] {
        let mut sample = sample.clone();
        sample.labels[[y, x]] = 3;
        let augmentation = Augmentation {
            scale: (1.0, 2.0),
            ..geometry()
        };
        for seed in 0..40 {
            let (_, labels) = view(&sample, &augmentation, Some(3), seed, (32, 32));
            assert!(labels.contains(&3), "{x},{y} seed {seed}");
        }
        // A class it does not hold makes no difference.
        view(&sample, &augmentation, Some(9), 0, (32, 32));
    }
}

#[test]
fn augmentation_out_of_range_are_named() {
    assert_eq!(Augmentation::default().validate(), Ok(()));
    assert_eq!(Augmentation::none().validate(), Ok(()));
    let refused = |change: &dyn Fn(&mut Augmentation)| {
        let mut augmentation = Augmentation::default();
        change(&mut augmentation);
        augmentation.validate().unwrap_err().to_string()
    };
    assert!(refused(&|k| k.flip = 1.1).contains("flip is 1.1, possible is 0 to 1"));
    assert!(refused(&|k| k.scale = (2.0, 0.5)).contains("scale.1"));
    assert!(refused(&|k| k.dusk_gain = 0.0).contains("dusk_gain"));
    assert!(refused(&|k| k.noise = f32::NAN).contains("noise"));
    assert!(refused(&|k| k.jpeg = 2.0).contains("jpeg is 2, possible is 0 to 1"));
    assert!(
        refused(&|k| k.jpeg_quality = 95.0).contains("jpeg_quality is 95, possible is 1 to 90")
    );
}

#[test]
fn light_changes_as_often_as_asked_for() {
    let default = Augmentation::default();
    assert_eq!(default.clone().in_light(1.0), default);
    let often = default.clone().in_light(1.5);
    assert_eq!((often.dusk, often.jitter), (0.75, 0.75));
    assert_eq!(often.in_light(9.0).dusk, 1.0);
    // A crop differs from the image by its light only, at 0 not at all.
    let sample = ramp(40, 30, false);
    let changed = |often: f32| {
        let augmentation = Augmentation {
            scale: (1.0, 1.0),
            stretch: 1.0,
            flip: 0.0,
            ..default.clone().in_light(often)
        };
        let seeds = 0..100;
        seeds
            .filter(|&s| {
                view(&sample, &augmentation, None, s, (40, 30)).0 != sample.rgb.as_slice().unwrap()
            })
            .count()
    };
    assert_eq!(changed(0.0), 0);
    assert!(changed(0.2) < changed(1.0));
    // A negative one is found out.
    assert!(default.in_light(-1.0).validate().is_err());
}

#[test]
fn jpeg_leaves_traces_that_grow_as_quality_falls() {
    let waves = |y: usize, x: usize, c: usize| {
        let wave = [x as f32 / 3.0, y as f32 / 4.0, (x + y) as f32 / 5.0][c];
        (127.5 + 100.0 * wave.sin()) as u8
    };
    let sample = Sample {
        rgb: Rgb::from_shape_fn((48, 64, 3), |(y, x, c)| waves(y, x, c)),
        ..ramp(64, 48, false)
    };
    // Mean distance from the picture over some views, which differ in nothing else.
    let far = |quality: f32| {
        let augmentation = Augmentation {
            jpeg: 1.0,
            jpeg_quality: quality,
            ..Augmentation::none()
        };
        let distances = (0..20).map(|seed| {
            let (image, labels) = view(&sample, &augmentation, None, seed, (64, 48));
            assert_eq!(Some(&labels[..]), sample.labels.as_slice());
            let pairs = image.iter().zip(&sample.rgb);
            pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>()
        });
        distances.sum::<u64>() as f64 / (20 * sample.rgb.len()) as f64
    };
    let distances = [90.0, 40.0, 5.0].map(far);
    assert!(distances[0] > 0.0, "{distances:?}");
    assert!(
        distances.windows(2).all(|d| d[1] > 1.05 * d[0]),
        "{distances:?}"
    );
    // Moderate: the picture is still there.
    assert!(far(Augmentation::default().jpeg_quality) < 20.0);
}

#[test]
fn augmentation_are_read_from_json() {
    let augmentation: Augmentation =
        serde_json::from_str(r#"{"flip": 0.0, "scale": [1, 2]}"#).unwrap();
    assert_eq!(
        augmentation,
        Augmentation {
            flip: 0.0,
            scale: (1.0, 2.0),
            ..Augmentation::default()
        }
    );
    assert!(serde_json::from_str::<Augmentation>(r#"{"flop": 0.0}"#).is_err());
    let text = serde_json::to_string(&augmentation).unwrap();
    assert_eq!(
        serde_json::from_str::<Augmentation>(&text).unwrap(),
        augmentation
    );
}

proptest! {
    #[test]
    fn labels_stay_with_their_pixels(
        seed in any::<u64>(), vertical in any::<bool>(), w in 8usize..80, h in 8usize..80,
        sw in 1usize..60, sh in 1usize..60, class in proptest::option::of(0u8..60),
    ) {
        let sample = ramp(sw, sh, vertical);
        let (image, labels) = view(&sample, &geometry(), class, seed, (w, h));
        for (i, (pixel, &label)) in image.chunks(3).zip(&labels).enumerate() {
            if label == 255 {
                prop_assert_eq!(pixel, PADDING);
            } else {
                // The centre of the pixel lies within the labelled one; rounding and the edge take another half.
                let place = f32::from(pixel[usize::from(vertical)]) / 4.0;
                prop_assert!((place - f32::from(label)).abs() <= 1.1, "{i}: {place} labelled {label}");
                prop_assert_eq!(pixel[2], 77);
            }
        }
    }

    #[test]
    fn any_setting_gives_a_view(seed in any::<u64>(), w in 1usize..50, h in 1usize..50, all in any::<bool>()) {
        let mut augmentation = Augmentation::default();
        if all {
            for p in [
                &mut augmentation.flip, &mut augmentation.jitter, &mut augmentation.gamma, &mut augmentation.dusk, &mut augmentation.noise,
                &mut augmentation.blur, &mut augmentation.grey, &mut augmentation.fog, &mut augmentation.shade, &mut augmentation.lamps,
                &mut augmentation.jpeg,
            ] {
                *p = 1.0;
            }
        }
        let sample = ramp(37, 21, true);
        let first = view(&sample, &augmentation, Some(5), seed, (w, h));
        prop_assert!(first.1.iter().all(|&l| l == 255 || l < 21));
        prop_assert_eq!(first, view(&sample, &augmentation, Some(5), seed, (w, h)));
    }
}
