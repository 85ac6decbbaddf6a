use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::graph::{DType, Graph};
use crate::runtime::testing::{run, runtime, session};
use crate::runtime::{Error, Session, Tensor};

fn graph(t: DType, n: usize, d: usize, rows: usize, index: DType) -> Graph {
    let mut g = Graph::new("scatter");
    let x = g.input("x", t, &[n, d]).unwrap();
    let indices = g.input("indices", index, &[n]).unwrap();
    let y = g.scatter_rows(x, indices, rows).unwrap();
    g.output("y", y).unwrap();
    g
}

fn expected(x: &[f32], indices: &[i64], d: usize, rows: usize) -> Vec<f32> {
    let mut y = vec![0.0; rows * d];
    for (i, &row) in indices.iter().enumerate() {
        for c in 0..d {
            y[row as usize * d + c] += x[i * d + c];
        }
    }
    y
}

struct Case {
    x: Vec<f32>,
    indices: Vec<i64>,
    n: usize,
    d: usize,
    rows: usize,
}

impl Case {
    /// Indices at random, every third one at a row of its own: many repetitions and one hot row.
    fn new(n: usize, d: usize, rows: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        Self {
            x: (0..n * d).map(|_| random.random_range(-1.0..1.0)).collect(),
            indices: (0..n)
                .map(|i| {
                    if i % 3 == 0 {
                        rows as i64 / 2
                    } else {
                        random.random_range(0..rows as i64)
                    }
                })
                .collect(),
            n,
            d,
            rows,
        }
    }

    fn run(&self, session: &mut Session) -> Result<Vec<f32>, Error> {
        let x = Tensor::from_f32(&[self.n, self.d], &self.x)?;
        let indices = Tensor::from_i64(&[self.n], &self.indices)?;
        session.run(&[("x", &x), ("indices", &indices)])?[0].to_f32()
    }

    fn graph(&self) -> Graph {
        graph(DType::F32, self.n, self.d, self.rows, DType::I64)
    }
}

#[test]
fn sums_are_those_of_a_plain_loop_to_the_last_bit() {
    let Some(runtime) = runtime() else { return };
    for (n, d, rows) in [
        (40_000, 16, 900),
        (5000, 32, 2000),
        (3000, 7, 5000),
        (20_000, 3, 1),
        (1, 1, 1),
        (100_000, 2, 70_000),
    ] {
        let case = Case::new(n, d, rows);
        let y = case.run(&mut session(runtime, case.graph())).unwrap();
        assert_eq!(
            y,
            expected(&case.x, &case.indices, d, rows),
            "{n} {d} {rows}"
        );
    }
}

#[test]
fn sixty_runs_on_two_threads_are_identical() {
    let Some(runtime) = runtime() else { return };
    let case = Case::new(100_000, 16, 8232);
    let mut session = session(runtime, case.graph());
    let expected = expected(&case.x, &case.indices, case.d, case.rows);
    for i in 0..60 {
        assert_eq!(case.run(&mut session).unwrap(), expected, "run {i}");
    }
}

#[test]
fn other_element_and_index_types() {
    let Some(runtime) = runtime() else { return };
    let indices = Tensor::from_i32(&[4], &[2, 0, 2, 2]).unwrap();
    let data = [1., 2., 3., 4., 5., 6., 7., 8.];
    let x = Tensor::from_f64(&[4, 2], &data).unwrap();
    let inputs = [("x", &x), ("indices", &indices)];
    let y = run(runtime, graph(DType::F64, 4, 2, 3, DType::I32), &inputs);
    assert_eq!(y[0].to_f64().unwrap(), [3., 4., 0., 0., 13., 16.]);
    let x = Tensor::from_f32(&[4, 2], &data.map(|v| v as f32)).unwrap();
    let inputs = [("x", &x), ("indices", &indices)];
    let y = run(runtime, graph(DType::F32, 4, 2, 3, DType::I32), &inputs);
    assert_eq!(y[0].to_f32().unwrap(), [3., 4., 0., 0., 13., 16.]);
}

#[test]
fn nothing_to_add_gives_zeros() {
    let Some(runtime) = runtime() else { return };
    let x = Tensor::from_f32(&[0, 4], &[]).unwrap();
    let indices = Tensor::from_i64(&[0], &[]).unwrap();
    let inputs = [("x", &x), ("indices", &indices)];
    let y = run(runtime, graph(DType::F32, 0, 4, 2, DType::I64), &inputs);
    assert_eq!(y[0].to_f32().unwrap(), [0.0; 8]);
}

#[test]
fn an_index_outside_is_named_and_the_session_goes_on() {
    let Some(runtime) = runtime() else { return };
    // Small, and large enough for two threads.
    for n in [50, 60_000] {
        let good = Case::new(n, 4, 20);
        let mut session = session(runtime, good.graph());
        for wrong in [20, -1, i64::MIN] {
            let mut bad = Case::new(n, 4, 20);
            bad.indices[n - 2] = wrong;
            match bad.run(&mut session) {
                Err(Error::Run(text)) => assert!(
                    text.contains(&format!("index {wrong} is outside of 20 rows")),
                    "{text}"
                ),
                other => panic!("{other:?}"),
            }
        }
        let y = good.run(&mut session).unwrap();
        assert_eq!(y, expected(&good.x, &good.indices, 4, 20));
    }
}
