//! Corruptions of light: dusk, fog and a colour cast.

use super::level;
use super::noise::nearly_normal;
use rand_chacha::ChaCha8Rng;
use tttseg::video::Rgb;

/// How fast red, green and blue fade at dusk: gains are e to the minus of this at strength 1.
const DUSK_FADE: [f32; 3] = [1.2, 1.0, 0.65];
/// What dusk adds to the exponent at strength 1: dark parts lose more than bright ones.
const DUSK_GAMMA: f32 = 0.6;
/// Standard deviation of the grain at strength 1, of 255.
const DUSK_GRAIN: f32 = 10.0;

/// The colour of fog.
const FOG: [f32; 3] = [202.0, 206.0, 210.0];
/// Optical depth of fog in front of what is far, at strength 1.
const FOG_FAR: f32 = 0.9;
/// The same at the lower edge of the picture, as a share of that.
const FOG_NEAR: f32 = 0.35;
/// Everything above this share of the height counts as far.
const HORIZON: f32 = 0.4;

/// How fast red, green and blue fade in a cast.
const CAST_FADE: [f32; 3] = [0.0, 0.3, 1.05];

/// Fades by channel with a gamma, then grain, which is another in every frame.
pub(super) fn dusk(picture: &mut Rgb, strength: f32, rng: &mut ChaCha8Rng) {
    let exponent = 1.0 + DUSK_GAMMA * strength;
    let tables = DUSK_FADE.map(|fade| {
        let gain = 255.0 * (-fade * strength).exp();
        table(|v| gain * (v / 255.0).powf(exponent))
    });
    let sigma = DUSK_GRAIN * strength;
    for (byte, table) in picture.iter_mut().zip(tables.iter().cycle()) {
        *byte = level(table[usize::from(*byte)] + sigma * nearly_normal(rng));
    }
}

/// Mixes with grey: the share of what shines through falls exponentially with distance and strength.
pub(super) fn fog(picture: &mut Rgb, strength: f32) {
    let height = picture.dim().0 as f32;
    for (y, mut row) in picture.outer_iter_mut().enumerate() {
        let below = ((y as f32 + 0.5) / height - HORIZON).max(0.0) / (1.0 - HORIZON);
        // Smooth at the horizon, where nothing may show an edge.
        let near = below * below * (3.0 - 2.0 * below);
        let depth = FOG_FAR * (1.0 - (1.0 - FOG_NEAR) * near);
        let through = (-depth * strength).exp();
        let tables = FOG.map(|fog| table(|v| fog + (v - fog) * through));
        recolour(row.iter_mut(), &tables);
    }
}

/// Fades by channel.
pub(super) fn cast(picture: &mut Rgb, strength: f32) {
    let tables = CAST_FADE.map(|fade| table(|v| v * (-fade * strength).exp()));
    recolour(picture.iter_mut(), &tables);
}

fn table(value: impl Fn(f32) -> f32) -> [f32; 256] {
    std::array::from_fn(|v| value(v as f32))
}

/// Looks bytes up in the tables of red, green and blue in turn.
fn recolour<'a>(bytes: impl Iterator<Item = &'a mut u8>, tables: &[[f32; 256]; 3]) {
    for (byte, table) in bytes.zip(tables.iter().cycle()) {
        *byte = level(table[usize::from(*byte)]);
    }
}
