//! The cost of fusion along motion: a frame's pyramid, the flow from it to the one before, and maps of class probabilities
//! carried along.
//!
//! ```text
//! cargo bench --bench flow                          # 384x288, waves that move
//! cargo bench --bench flow -- FRAME BEFORE          # two pictures (PNG or JPEG)
//! ```

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use tttseg::ndarray::Array3;
use tttseg::video::{Flow, Fusion, OpticalFlow, Pyramid, Rgb, Scaler, read_rgb, scaled};

const WIDTH: usize = 384;
const HEIGHT: usize = 288;
const RUNS: usize = 200;
/// Classes of Cityscapes.
const CLASSES: usize = 19;

fn waves(left: f32) -> Rgb {
    Rgb::from_shape_fn((HEIGHT, WIDTH, 3), |(y, x, c)| {
        let (x, y) = (x as f32 + left, y as f32);
        let coarse = 50.0 * (x / (19.0 + c as f32) + (y / 17.0).sin()).sin();
        (128.0 + coarse + 40.0 * (x / 5.0 + y / 7.0).cos()) as u8
    })
}

fn picture(path: &str) -> Result<Rgb, Box<dyn Error>> {
    let rgb = read_rgb(Path::new(path))?;
    Ok(scaled(&rgb, WIDTH, HEIGHT, &mut Scaler::new())?)
}

fn timed(name: &str, mut work: impl FnMut()) {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "{name:<24} {:>7.2} ms at best, {:>7.2} ms median",
        times[0],
        times[RUNS / 2]
    );
}

fn main() -> Result<(), Box<dyn Error>> {
    let paths = std::env::args().skip(1).filter(|a| !a.starts_with('-'));
    let paths: Vec<String> = paths.collect();
    let (frame, before) = match &paths[..] {
        [frame, before] => (picture(frame)?, picture(before)?),
        _ => (waves(5.3), waves(0.0)),
    };
    let [mut new, mut old] = [(); 2].map(|()| Pyramid::default());
    new.set(&frame);
    old.set(&before);
    let (mut search, mut flow) = (OpticalFlow::default(), Flow::default((0, 0, 0)));
    timed("pyramid", || new.set(black_box(&frame)));
    timed("flow", || {
        search.between(black_box(&new), &old, &mut flow);
    });
    let mut fusion = Fusion::default();
    let mut maps = Array3::from_elem((CLASSES, HEIGHT / 4, WIDTH / 4), 0.05);
    // The first frame follows none.
    fusion.fuse(&before, &mut maps, 0.8);
    let mut odd = false;
    timed("fusion, all of it", || {
        odd = !odd;
        fusion.fuse(if odd { &frame } else { &before }, &mut maps, 0.8);
    });
    Ok(())
}
