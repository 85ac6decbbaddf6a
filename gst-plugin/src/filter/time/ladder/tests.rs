use proptest::prelude::*;

use super::*;

/// A machine on which a step takes time by the view, and the rest of a frame always the same; in microseconds.
#[derive(Clone, Copy, Debug)]
struct Machine {
    view: u64,
    predict: u64,
}

impl Machine {
    fn frame(self, effort: Effort) -> Spent {
        let views = (effort.masks * effort.steps) as u64;
        let learning = if effort.learn { views * self.view } else { 0 };
        let predict = if effort.predict { self.predict } else { 0 };
        Spent {
            learning: Duration::from_micros(learning),
            frame: Duration::from_micros(learning + predict),
        }
    }

    /// Runs some frames; what was spent on them, and the rungs they were on.
    fn run(self, ladder: &mut Ladder, limits: Limits, frames: usize) -> (Vec<Spent>, Vec<Rung>) {
        let one = |_| {
            let effort = ladder.next(false);
            let spent = self.frame(effort);
            ladder.observe(spent, limits);
            (spent, effort.rung)
        };
        (0..frames).map(one).unzip()
    }
}

const PERIOD: u64 = 40_000;

fn live() -> Limits {
    Limits {
        learning: None,
        frame: Some(Duration::from_micros(PERIOD)),
    }
}

fn ladder(masks: usize, steps: usize) -> Ladder {
    let mut ladder = Ladder::default();
    ladder.set_full(masks, steps);
    ladder
}

fn mean(times: impl ExactSizeIterator<Item = Duration>) -> Duration {
    let frames = times.len() as u32;
    times.sum::<Duration>() / frames
}

#[test]
fn the_order_of_the_rungs() {
    let places = notches(32, 8).into_iter();
    let places: Vec<_> = places.map(|n| (n.rung.name(), n.masks, n.steps)).collect();
    let expected = [
        ("full", 32, 8),
        ("fewer-masks", 8, 8),
        ("fewer-masks", 2, 8),
        ("fewer-masks", 1, 8),
        ("fewer-steps", 1, 2),
        ("fewer-steps", 1, 1),
        ("skip-step", 1, 1),
        ("reuse-map", 1, 1),
    ];
    assert_eq!(places, expected);
    let least: Vec<_> = notches(1, 1).iter().map(|n| n.rung).collect();
    assert_eq!(least, [Rung::Full, Rung::SkipStep, Rung::ReuseMap]);
}

#[test]
fn without_limits_nothing_is_left_out() {
    let mut ladder = ladder(8, 2);
    let slow = Machine {
        view: PERIOD,
        predict: PERIOD,
    };
    let (_, rungs) = slow.run(&mut ladder, Limits::default(), 2000);
    assert!(rungs.iter().all(|r| *r == Rung::Full));
}

#[test]
fn a_late_frame_gets_the_last_map_on_any_rung() {
    let effort = ladder(8, 2).next(true);
    assert_eq!((effort.learn, effort.predict), (false, false));
    assert_eq!(effort.rung, Rung::Full, "lateness is over soon");
}

#[test]
fn one_long_frame_changes_nothing() {
    let mut ladder = ladder(1, 1);
    let easy = Machine {
        view: 5_000,
        predict: 10_000,
    };
    for _ in 0..5 {
        easy.run(&mut ladder, live(), 60);
        let hiccup = Spent {
            learning: Duration::from_secs(1),
            frame: Duration::from_secs(1),
        };
        assert!(!ladder.observe(hiccup, live()));
    }
    assert_eq!(ladder.rung(), Rung::Full);
}

#[test]
fn a_step_that_fits_now_and_then_is_taken_now_and_then() {
    // As measured for the built-in model: a step of 60 ms, a prediction of 24 ms, frames of 40 ms.
    let machine = Machine {
        view: 60_000,
        predict: 24_000,
    };
    let mut ladder = ladder(1, 1);
    let (spent, rungs) = machine.run(&mut ladder, live(), 1000);
    assert_eq!(rungs.last(), Some(&Rung::SkipStep));
    let learned = spent.iter().filter(|s| !s.learning.is_zero()).count();
    assert!((200..300).contains(&learned), "{learned} of 1000");
}

#[test]
fn other_settings_leave_it_on_its_rung() {
    let mut ladder = ladder(16, 4);
    let machine = Machine {
        view: 6_000,
        predict: 10_000,
    };
    machine.run(&mut ladder, live(), 200);
    let rung = ladder.rung();
    assert!(rung > Rung::Full);
    ladder.set_full(32, 8);
    assert_eq!(ladder.rung(), rung);
    ladder.set_full(1, 1);
    assert!(ladder.rung() >= rung);
}

prop_compose! {
    fn machines()(view in 0..4 * PERIOD, predict in 0..4 * PERIOD) -> Machine {
        Machine { view, predict }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn it_moves_by_one_notch(
        times in prop::collection::vec((0..10 * PERIOD, 0..10 * PERIOD), 1..400),
        masks in 1usize..64,
        steps in 1usize..20,
        budget in 1..2 * PERIOD,
    ) {
        let mut ladder = ladder(masks, steps);
        let limits = Limits { learning: Some(Duration::from_micros(budget)), ..live() };
        for (learning, frame) in times {
            let (at, rung) = (ladder.at, ladder.rung());
            let spent = Spent {
                learning: Duration::from_micros(learning),
                frame: Duration::from_micros(frame),
            };
            let moved = ladder.observe(spent, limits);
            prop_assert!(ladder.at.abs_diff(at) <= 1);
            prop_assert_eq!(moved, ladder.rung() != rung);
            let effort = ladder.next(false);
            prop_assert!((1..=masks).contains(&effort.masks) && (1..=steps).contains(&effort.steps));
            prop_assert!(effort.predict || !effort.learn);
        }
    }

    /// The frame rate is kept, however slow the machine.
    #[test]
    fn frames_take_no_longer_than_they_may(machine in machines(), masks in 1usize..64, steps in 1usize..20) {
        let mut ladder = ladder(masks, steps);
        machine.run(&mut ladder, live(), 6_000);
        let (spent, _) = machine.run(&mut ladder, live(), 6_000);
        let mean = mean(spent.iter().map(|s| s.frame));
        prop_assert!(mean <= Duration::from_micros(PERIOD + PERIOD / 20), "{mean:?}");
    }

    /// So is a budget for learning, and it alone never costs a map.
    #[test]
    fn learning_keeps_to_its_budget(machine in machines(), masks in 1usize..64, budget in 1000..2 * PERIOD) {
        let budget = Duration::from_micros(budget);
        let limits = Limits { learning: Some(budget), frame: None };
        let mut ladder = ladder(masks, 2);
        machine.run(&mut ladder, limits, 6_000);
        let (spent, rungs) = machine.run(&mut ladder, limits, 6_000);
        prop_assert!(rungs.iter().all(|r| *r < Rung::ReuseMap));
        let mean = mean(spent.iter().map(|s| s.learning));
        prop_assert!(mean <= budget + budget / 20, "{mean:?} of {budget:?}");
    }

    /// A machine that has been busy comes back.
    #[test]
    fn what_fits_is_done_again(busy in machines(), masks in 1usize..64, load in 0.0..0.75) {
        let mut ladder = ladder(masks, 2);
        busy.run(&mut ladder, live(), 3000);
        let view = load * PERIOD as f64 / (masks * 2) as f64;
        let idle = Machine { view: view as u64, predict: 0 };
        let (_, rungs) = idle.run(&mut ladder, live(), 10 * MOST_PATIENCE as usize);
        prop_assert_eq!(rungs.last(), Some(&Rung::Full));
    }

    /// Trials that fail become rare: a steady machine is not disturbed by them.
    #[test]
    fn it_settles(machine in machines(), masks in 1usize..64) {
        let mut ladder = ladder(masks, 2);
        machine.run(&mut ladder, live(), 10_000);
        let mut moves = 0;
        for _ in 0..10_000 {
            let at = ladder.at;
            ladder.observe(machine.frame(ladder.next(false)), live());
            moves += u32::from(ladder.at != at);
        }
        prop_assert!(moves <= 2 * 10_000 / MOST_PATIENCE + 2, "{moves} moves");
    }
}
