use super::*;
use proptest::prelude::*;
use tttseg::ndarray::s;

/// A picture with flat parts, edges and fine structure.
fn photo() -> Rgb {
    photo_of(90, 64)
}

fn photo_of(width: usize, height: usize) -> Rgb {
    Rgb::from_shape_fn((height, width, 3), |(y, x, c)| {
        let fine = (x * 37 + y * 91) % 23;
        let block = if (x / 20 + y / 16) % 2 == 0 { 60 } else { 150 };
        [block + fine, block + 20, 170 - y * 64 / height + fine][c] as u8
    })
}

fn corrupted(picture: &Rgb, kind: CorruptionKind, strength: f64, seed: u64, frame: u64) -> Rgb {
    let mut picture = picture.clone();
    kind.apply(&mut picture, strength, seed, frame).unwrap();
    picture
}

/// Mean difference in levels.
fn change(a: &Rgb, b: &Rgb) -> f64 {
    assert_eq!(a.dim(), b.dim());
    let both = a.iter().zip(b);
    let sum: u64 = both.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

fn mean(picture: &Rgb, channel: usize) -> f64 {
    let values = picture.slice(s![.., .., channel]);
    values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64
}

/// Mean and standard deviation of the rows `from` to `to`.
fn spread(picture: &Rgb, from: usize, to: usize) -> (f64, f64) {
    let bytes = picture.slice(s![from..to, .., ..]);
    let mean = bytes.iter().map(|&v| f64::from(v)).sum::<f64>() / bytes.len() as f64;
    let variance = bytes.iter().map(|&v| (f64::from(v) - mean).powi(2));
    (mean, (variance.sum::<f64>() / bytes.len() as f64).sqrt())
}

fn grey(level: u8) -> Rgb {
    Rgb::from_elem((120, 200, 3), level)
}

fn kinds() -> impl Strategy<Value = CorruptionKind> {
    proptest::sample::select(CorruptionKind::EVERY.to_vec())
}

proptest! {
    #[test]
    fn strength_zero_is_identity(kind in kinds(), seed: u64, frame: u64) {
        prop_assert_eq!(corrupted(&photo(), kind, 0.0, seed, frame), photo());
        prop_assert_eq!(corrupted(&photo(), kind, f64::NAN, seed, frame), photo());
    }

    #[test]
    fn a_function_of_strength_seed_and_frame(
        kind in kinds(), strength in 0.01..MAX_STRENGTH, seed: u64, frame: u64,
    ) {
        let once = corrupted(&photo(), kind, strength, seed, frame);
        prop_assert_eq!(corrupted(&photo(), kind, strength, seed, frame), once);
    }

    /// The frame is the same, so grain and drops are, too: what is left is what strength does.
    #[test]
    fn small_steps_of_strength_are_small_changes(
        kind in kinds(), strength in 0.0..MAX_STRENGTH - 0.01, seed: u64, frame in 0u64..1000,
    ) {
        let before = corrupted(&photo(), kind, strength, seed, frame);
        let after = corrupted(&photo(), kind, strength + 0.01, seed, frame);
        let change = change(&before, &after);
        // At its lower end, what JPEG does is coarse.
        let bound = if kind == CorruptionKind::Jpeg { 4.0 } else { 2.0 };
        prop_assert!(change < bound, "{:?}: {}", kind, change);
    }

    #[test]
    fn any_text(text: String) {
        if let Ok(corruption) = text.parse::<Corruption>() {
            prop_assert_eq!(corruption.to_string().parse::<Corruption>().ok(), Some(corruption));
        }
    }

    #[test]
    fn any_size(kind in kinds(), width in 1usize..40, height in 1usize..40, strength in 0.0..9.0) {
        let picture = Rgb::from_elem((height, width, 3), 77);
        prop_assert_eq!(corrupted(&picture, kind, strength, 1, 2).dim(), picture.dim());
    }
}

/// The library's blur jumps where its kernel gets its first taps beside the middle.
#[test]
fn blur_begins_without_a_jump() {
    let photo = photo();
    let mut before = photo.clone();
    for step in 1..60 {
        let after = corrupted(&photo, CorruptionKind::Blur, f64::from(step) * 0.005, 0, 0);
        let change = change(&before, &after);
        assert!(change < 1.0, "step {step}: {change}");
        before = after;
    }
}

#[test]
fn every_kind_changes_more_at_more_strength() {
    // High enough for a blur that can be seen.
    let photo = photo_of(240, 200);
    for kind in CorruptionKind::EVERY {
        let at = |strength| change(&photo, &corrupted(&photo, kind, strength, 3, 5));
        let (weak, strong) = (at(0.4), at(1.0));
        assert!(weak > 0.2, "{kind:?}: {weak}");
        assert!(strong > 1.3 * weak, "{kind:?}: {weak} to {strong}");
    }
}

#[test]
fn only_grain_and_rain_change_from_frame_to_frame() {
    use CorruptionKind::{Dusk, Noise, Rain};
    for kind in CorruptionKind::EVERY {
        let first = corrupted(&photo(), kind, 1.0, 3, 5);
        let moves = [Dusk, Rain, Noise].contains(&kind);
        let next = corrupted(&photo(), kind, 1.0, 3, 6);
        assert_eq!(first != next, moves, "{kind:?}");
        let other_seed = corrupted(&photo(), kind, 1.0, 4, 5);
        assert_eq!(first != other_seed, moves, "{kind:?}");
    }
}

#[test]
fn dusk_is_dark_and_blue() {
    let dusk = corrupted(&grey(160), CorruptionKind::Dusk, 1.0, 0, 0);
    let [red, green, blue] = [0, 1, 2].map(|c| mean(&dusk, c));
    assert!(red > 5.0 && red < green && green < blue && blue < 100.0);
    // Dark parts lose a larger share than bright ones.
    let ratio = |level| mean(&corrupted(&grey(level), CorruptionKind::Dusk, 0.5, 0, 0), 2);
    assert!(ratio(80) / 80.0 < 0.8 * ratio(240) / 240.0);
}

#[test]
fn fog_hides_most_above_the_horizon() {
    let fog = corrupted(&photo(), CorruptionKind::Fog, 1.0, 0, 0);
    let share = |from, to| spread(&fog, from, to).1 / spread(&photo(), from, to).1;
    let (far, near) = (share(0, 24), share(48, 64));
    assert!(far < 0.5, "{far}");
    assert!(far < 0.7 * near && near < 0.85, "{far} {near}");
    assert!(spread(&fog, 0, 24).0 > spread(&photo(), 0, 24).0 + 20.0);
}

#[test]
fn drops_fall() {
    // One drop, as it is in rain that has just begun.
    let black = grey(0);
    let row = |frame| {
        let mut picture = black.clone();
        rain::streak(&mut picture, 7, 0.0, 1.0, 11, frame);
        let rows = picture.outer_iter().enumerate();
        let lit = rows.filter(|(_, row)| row.iter().any(|&v| v > 0));
        let lit: Vec<usize> = lit.map(|(y, _)| y).collect();
        lit.first().copied().zip(lit.last().copied())
    };
    let rows: Vec<_> = (0..40).map(row).collect();
    let falls = rows.windows(2).filter_map(|p| p[0].zip(p[1]));
    let (mut down, mut anew) = (0, 0);
    for (before, after) in falls {
        if after.1 > before.1 || (after.0 > before.0 && after.1 == 119) {
            down += 1;
        } else {
            anew += 1;
        }
    }
    assert!(down > 2 * anew && anew > 0, "{down} {anew}: {rows:?}");
}

#[test]
fn noise_has_the_deviation_it_states() {
    for (level, sigma) in [(0u8, None), (100, Some(25.1)), (140, Some(27.5))] {
        let noisy = corrupted(&grey(level), CorruptionKind::Noise, 0.4, 1, 1);
        let (mean, deviation) = spread(&noisy, 0, 120);
        match sigma {
            Some(sigma) => {
                assert!((mean - f64::from(level)).abs() < 0.6, "{mean}");
                assert!((deviation - sigma).abs() < 0.6, "{level}: {deviation}");
            }
            // What would be darker than black is black.
            None => assert!(mean > 5.0 && mean < 9.0, "{mean}"),
        }
    }
}

#[test]
fn blur_keeps_the_light_and_takes_the_edges() {
    let blurred = corrupted(&photo(), CorruptionKind::Blur, 2.0, 0, 0);
    let edges = |p: &Rgb| {
        let pairs = p.iter().zip(p.iter().skip(3));
        pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>()
    };
    assert!(edges(&blurred) < 0.6 * edges(&photo()));
    assert!((mean(&blurred, 0) - mean(&photo(), 0)).abs() < 1.0);
    assert_eq!(
        corrupted(&grey(90), CorruptionKind::Blur, 2.0, 0, 0),
        grey(90)
    );
}

#[test]
fn jpeg_keeps_what_is_flat() {
    let flat = corrupted(&grey(128), CorruptionKind::Jpeg, 1.0, 0, 0);
    assert!(change(&flat, &grey(128)) < 2.0);
    let good = change(
        &photo(),
        &corrupted(&photo(), CorruptionKind::Jpeg, 0.01, 0, 0),
    );
    let bad = change(
        &photo(),
        &corrupted(&photo(), CorruptionKind::Jpeg, 1.0, 0, 0),
    );
    assert!(good < 3.0 && bad > 6.0, "{good} {bad}");
}

#[test]
fn cast_takes_blue_before_green() {
    let cast = corrupted(&grey(200), CorruptionKind::Cast, 1.0, 0, 0);
    let [red, green, blue] = [0, 1, 2].map(|c| mean(&cast, c));
    assert!(
        red == 200.0 && blue < 0.7 * green && green < 0.8 * red,
        "{red} {green} {blue}"
    );
}

#[test]
fn pictures_that_are_none() {
    for kind in CorruptionKind::EVERY {
        let refused = kind.apply(&mut Rgb::zeros((64, 90, 4)), 1.0, 0, 0);
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.starts_with("array of shape [64, 90, 4]"),
            "{refused}"
        );
    }
    let mut long = Rgb::zeros((1, 70_000, 3));
    let refused = CorruptionKind::Jpeg.apply(&mut long, 1.0, 0, 0);
    assert!(matches!(refused, Err(CorruptionError::Jpeg(_))));
}

#[test]
fn names_and_strengths() {
    for kind in CorruptionKind::EVERY {
        let plain: Corruption = kind.name().parse().unwrap();
        assert_eq!((plain.kind(), plain.strength()), (kind, 1.0));
        let weak = Corruption::new(kind, 0.25).unwrap();
        assert_eq!(weak.to_string().parse::<Corruption>().unwrap(), weak);
    }
    for (text, wanted) in [
        ("snow", "unknown corruption 'snow' (dusk, fog, rain, noise"),
        ("Dusk", "unknown corruption 'Dusk'"),
        ("dusk:", "strength ''"),
        ("dusk:much", "strength 'much'"),
        (
            "dusk:0",
            "strength '0' of a corruption (above 0, at most 2)",
        ),
        ("dusk:-1", "strength '-1'"),
        ("dusk:2.01", "strength '2.01'"),
        ("dusk:NaN", "strength 'NaN'"),
        ("dusk:inf", "strength 'inf'"),
        (":1", "unknown corruption ''"),
    ] {
        let refused = text.parse::<Corruption>().unwrap_err().to_string();
        assert!(refused.starts_with(wanted), "{text}: {refused}");
    }
}
