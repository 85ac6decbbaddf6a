use super::*;
use crate::data::{LabelledSet, Sample};
use tttseg::video::{ClassMap, Rgb, write_png};

const SIZE: BatchSize = BatchSize {
    images: 3,
    masked: 2,
    height: 24,
    width: 32,
};

/// Seven images, each of one colour; the last holds the only pixel of class 2.
fn set() -> Arc<LabelledSet> {
    let samples = (0..7u8).map(|i| Sample {
        name: format!("{i}"),
        rgb: Rgb::from_elem((30, 40, 3), i * 10),
        labels: ClassMap::from_shape_fn((30, 40), |(y, x)| match 40 * y + x {
            77 if i == 6 => 2,
            p => u8::from(p > 300),
        }),
        pixel_aspect: 1.0,
    });
    Arc::new(LabelledSet::from_samples(samples.collect(), 4).unwrap())
}

/// Nothing but the set.
fn labelled() -> Sources {
    Sources {
        labelled: vec![LabelledSource {
            set: set(),
            share: None,
            scheme: 0,
        }],
        pictures: Arc::default(),
        share: 0.0,
    }
}

fn supply() -> Result<Batches, LoaderError> {
    Batches::new(labelled(), Augmentation::default(), SIZE, 5)
}

fn take(threads: usize, first: u64, count: usize) -> Vec<Batch> {
    let mut loader = Loader::new(supply, first, threads).unwrap();
    (0..count).map(|_| loader.next_batch().unwrap()).collect()
}

#[test]
fn the_same_batches_from_any_number_of_threads() {
    let mut here = Batches::new(labelled(), Augmentation::default(), SIZE, 5).unwrap();
    let wanted: Vec<Batch> = (3..10).map(|i| here.batch(i).unwrap()).collect();
    assert_eq!(take(1, 3, 7), wanted);
    assert_eq!(take(3, 3, 7), wanted);
    // And from any order of asking.
    assert_eq!(here.batch(4).unwrap(), wanted[1]);
    let mut other = Batches::new(labelled(), Augmentation::default(), SIZE, 6).unwrap();
    assert_ne!(other.batch(4).unwrap(), wanted[1]);
    assert_ne!(wanted[0].images, wanted[1].images);
    assert_eq!(wanted[2].iteration, 5);
    assert_eq!(wanted[2].images.len(), (3 + 2) * 24 * 32 * 3);
    assert_eq!(wanted[2].labels.len(), 3 * 24 * 32);
}

#[test]
fn an_epoch_shows_every_image_once() {
    let mut batches = Batches::new(labelled(), Augmentation::none(), SIZE, 1).unwrap();
    let colours: Vec<u8> = (0..7)
        .flat_map(|i| {
            let images = batches.batch(i).unwrap().images;
            [0, 1, 2].map(|k| images[k * 24 * 32 * 3])
        })
        .collect();
    for epoch in colours.chunks(7) {
        let mut sorted = epoch.to_vec();
        sorted.sort();
        assert_eq!(sorted, [0, 10, 20, 30, 40, 50, 60]);
    }
    assert_ne!(colours[..7], colours[7..14]);
}

#[test]
fn rare_classes_come_into_view() {
    let share = |rare: f32| {
        let augmentation = Augmentation {
            rare,
            ..Augmentation::none()
        };
        let mut batches = Batches::new(labelled(), augmentation, SIZE, 1).unwrap();
        let all = (0..60).map(|i| batches.batch(i).unwrap());
        all.filter(|b| b.labels.contains(&2)).count()
    };
    // One pixel of thousands: by chance it is in view of a few batches at most, when looked for in most.
    assert!(share(1.0) > 50, "{}", share(1.0));
    assert!(share(0.0) < 30, "{}", share(0.0));
}

#[test]
fn pictures_without_labels_are_for_reconstruction_only() {
    let dir = tempfile::tempdir().unwrap();
    for (name, width, height) in [("wide", 90, 20), ("small", 9, 5)] {
        let file = dir.path().join(format!("{name}.png"));
        write_png(&file, &Rgb::from_elem((height, width, 3), 200)).unwrap();
    }
    let sources = |share| Sources {
        pictures: Arc::new(PictureSet::open(&[dir.path()]).unwrap()),
        share,
        ..labelled()
    };
    let augmentation = Augmentation {
        stretch: 1.3,
        ..Augmentation::none()
    };
    let pixels = 24 * 32 * 3;
    let bright = |share| {
        let mut batches = Batches::new(sources(share), augmentation.clone(), SIZE, 1).unwrap();
        let mut without = Batches::new(labelled(), augmentation.clone(), SIZE, 1).unwrap();
        let mut count = 0;
        for iteration in 0..50 {
            let batch = batches.batch(iteration).unwrap();
            let same = without.batch(iteration).unwrap();
            assert_eq!(batch.labels, same.labels);
            let (labelled, hidden) = batch.images.split_at(3 * pixels);
            assert_eq!(labelled, &same.images[..3 * pixels]);
            assert_eq!(same.images[3 * pixels..], same.images[..2 * pixels]);
            for (i, image) in hidden.chunks(pixels).enumerate() {
                if image == &labelled[i * pixels..][..pixels] {
                    continue;
                }
                // All of it is the picture, nothing padding.
                assert!(image.iter().all(|p| p.abs_diff(200) <= 1));
                count += 1;
            }
        }
        count
    };
    assert_eq!(bright(0.0), 0);
    assert_eq!(bright(1.0), 100);
    assert!((25..75).contains(&bright(0.5)), "{}", bright(0.5));

    let mut gone = Batches::new(sources(1.0), augmentation.clone(), SIZE, 1).unwrap();
    std::fs::remove_file(dir.path().join("wide.png")).unwrap();
    std::fs::remove_file(dir.path().join("small.png")).unwrap();
    let error = gone.batch(0).unwrap_err().to_string();
    assert!(error.contains(".png: "), "{error}");
    let none = Sources {
        share: 1.5,
        ..labelled()
    };
    let refused = Batches::new(none, augmentation, SIZE, 1).unwrap_err();
    assert!(matches!(refused, LoaderError::Share(_)));
}

#[test]
fn dropping_ends_the_threads() {
    let mut loader = Loader::new(supply, 0, 2).unwrap();
    loader.next_batch().unwrap();
    drop(loader);
}

#[test]
fn what_makes_no_batch() {
    let size = BatchSize { images: 0, ..SIZE };
    let refused = Batches::new(labelled(), Augmentation::none(), size, 0).unwrap_err();
    assert!(matches!(
        refused,
        LoaderError::Size(BatchSize { images: 0, .. })
    ));
    let size = BatchSize { masked: 4, ..SIZE };
    let refused = Batches::new(labelled(), Augmentation::none(), size, 0).unwrap_err();
    assert!(refused.to_string().contains("4 of them masked"));
    let augmentation = Augmentation {
        stretch: 0.5,
        ..Augmentation::none()
    };
    let refused = Loader::new(
        || Batches::new(labelled(), augmentation.clone(), SIZE, 0),
        0,
        1,
    )
    .unwrap_err();
    assert!(refused.to_string().contains("stretch"));
}
