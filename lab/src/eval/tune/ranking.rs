//! Settings by their mean gain over streams and seeds.

use super::Run;
use tttseg::adapt::Settings;

/// Settings, and what they gave over streams and seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// The settings; the seed is 0.
    pub settings: Settings,
    /// Runs with them.
    pub runs: usize,
    /// Mean gain in pooled mean intersection over union, from −1 to 1.
    pub gain: f64,
    /// The lowest gain among the runs.
    pub worst: f64,
    /// Mean of the median times of a frame's steps, in milliseconds; none when nothing was learned.
    pub step_ms: Option<f64>,
}

/// Settings by their mean gain, the highest first; of equal ones in the order of their first runs. Runs
/// without a gain do not count.
pub fn ranking<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Vec<Ranked> {
    // Gain and time of every run.
    type Entries = Vec<(f64, Option<f64>)>;
    let mut groups: Vec<(Settings, Entries)> = vec![];
    for run in runs {
        let Some(gain) = run.scores.gain.filter(|g| g.is_finite()) else {
            continue;
        };
        let settings = Settings {
            seed: 0,
            ..run.trial.settings.clone()
        };
        let entry = (gain, run.scores.step_ms);
        match groups.iter_mut().find(|(known, _)| *known == settings) {
            Some((_, entries)) => entries.push(entry),
            None => groups.push((settings, vec![entry])),
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let mut ranked: Vec<Ranked> = groups
        .into_iter()
        .map(|(settings, entries)| {
            let gains: Vec<f64> = entries.iter().map(|e| e.0).collect();
            let times: Vec<f64> = entries.iter().filter_map(|e| e.1).collect();
            Ranked {
                settings,
                runs: entries.len(),
                gain: mean(&gains),
                worst: gains.iter().copied().fold(f64::INFINITY, f64::min),
                step_ms: (!times.is_empty()).then(|| mean(&times)),
            }
        })
        .collect();
    ranked.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    ranked
}

#[cfg(test)]
mod tests {
    use super::super::runs::Scores;
    use super::super::{Run, Trial};
    use super::*;

    fn run(steps: usize, seed: u64, gain: Option<f64>, step_ms: Option<f64>) -> Run {
        let settings = Settings {
            steps,
            seed,
            ..Settings::default()
        };
        let (model, stream, playback) = <(String, String, String)>::default();
        Run {
            trial: Trial {
                model,
                stream,
                playback,
                settings,
            },
            scores: Scores {
                gain,
                step_ms,
                ..Scores::default()
            },
        }
    }

    #[test]
    fn settings_are_ranked_by_their_mean_gain() {
        let runs = [
            run(1, 0, Some(0.5), Some(10.0)),
            run(2, 0, Some(0.25), None),
            run(1, 1, Some(-0.25), Some(30.0)),
            run(3, 0, None, Some(1.0)),
            run(4, 0, Some(f64::NAN), None),
        ];
        let ranked = ranking(&runs);
        let steps: Vec<_> = ranked.iter().map(|r| (r.settings.steps, r.runs)).collect();
        assert_eq!(steps, [(2, 1), (1, 2)]);
        assert_eq!((ranked[1].gain, ranked[1].worst), (0.125, -0.25));
        assert_eq!((ranked[0].step_ms, ranked[1].step_ms), (None, Some(20.0)));
    }
}
