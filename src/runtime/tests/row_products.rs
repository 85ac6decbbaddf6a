use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::graph::{DType, Graph, Op};
use crate::runtime::testing::{run, runtime, session};
use crate::runtime::{Error, Session, Tensor};

fn graph(t: DType, n: usize, d: usize, rows: usize, index: DType) -> Graph {
    let mut g = Graph::new("scatter");
    let x = g.input("x", t, &[n, d]).unwrap();
    let indices = g.input("indices", index, &[n]).unwrap();
    let y = g.add_rows_at(x, indices, rows).unwrap();
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

/// The three products of a sparse matrix against plain loops: the widths with code of their own and others, on one
/// thread and on two.
#[test]
fn products_of_rows_are_those_of_plain_loops() {
    let Some(runtime) = runtime() else { return };
    for (rows, n, k, d) in [
        (900, 3000, 48, 16),
        (200, 2000, 12, 32),
        (7, 9, 3, 5),
        (1, 4, 1, 1),
    ] {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut numbers =
            |n: usize| -> Vec<f32> { (0..n).map(|_| random.random_range(-1.0..1.0)).collect() };
        let (table, y, weight) = (numbers(rows * d), numbers(n * d), numbers(n * k));
        let index: Vec<i64> = (0..n * k)
            .map(|i| ((i * i + 3 * i) % rows) as i64)
            .collect();
        let (mut mixed, mut scattered) = (vec![0f32; n * d], vec![0f32; rows * d]);
        let mut dots = vec![0f64; n * k];
        for entry in 0..n * k {
            let (line, row) = (entry / k, index[entry] as usize);
            for c in 0..d {
                mixed[line * d + c] += weight[entry] * table[row * d + c];
                scattered[row * d + c] += weight[entry] * y[line * d + c];
                dots[entry] += f64::from(table[row * d + c]) * f64::from(y[line * d + c]);
            }
        }
        let mut g = Graph::new("rows");
        let table_v = g.input("table", DType::F32, &[rows, d]).unwrap();
        let y_v = g.input("y", DType::F32, &[n, d]).unwrap();
        let index_v = g.input("index", DType::I64, &[n, k]).unwrap();
        let weight_v = g.input("weight", DType::F32, &[n, k]).unwrap();
        for (name, v) in [
            ("mixed", g.mix_rows(table_v, index_v, weight_v).unwrap()),
            (
                "scattered",
                g.scatter_rows(y_v, index_v, weight_v, rows).unwrap(),
            ),
            ("dots", g.dot_rows(table_v, index_v, y_v).unwrap()),
        ] {
            g.output(name, v).unwrap();
        }
        let inputs = [
            ("table", &Tensor::from_f32(&[rows, d], &table).unwrap()),
            ("y", &Tensor::from_f32(&[n, d], &y).unwrap()),
            ("index", &Tensor::from_i64(&[n, k], &index).unwrap()),
            ("weight", &Tensor::from_f32(&[n, k], &weight).unwrap()),
        ];
        let found = run(runtime, g, &inputs);
        assert_eq!(found[0].to_f32().unwrap(), mixed, "{rows} {n} {k} {d}");
        assert_eq!(found[1].to_f32().unwrap(), scattered, "{rows} {n} {k} {d}");
        for (found, expected) in found[2].to_f32().unwrap().iter().zip(dots) {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-5,
                "{rows} {n} {k} {d}"
            );
        }
    }
}

#[test]
fn an_index_outside_is_named_by_every_product() {
    let Some(runtime) = runtime() else { return };
    for (op, last) in [(Op::MixRows, [2, 2]), (Op::DotRows, [2, 3])] {
        let mut g = Graph::new("rows");
        let table = g.input("table", DType::F32, &[4, 3]).unwrap();
        let index = g.input("index", DType::I32, &[2, 2]).unwrap();
        let other = g.input("other", DType::F32, &last).unwrap();
        let y = g.node(op.clone(), &[table, index, other]).unwrap()[0];
        g.output("y", y).unwrap();
        let mut session = session(runtime, g);
        let table = Tensor::from_f32(&[4, 3], &[1.0; 12]).unwrap();
        let other = Tensor::from_f32(&last, &vec![1.0; last[0] * last[1]]).unwrap();
        for (index, wrong) in [
            ([0, 3, 4, 1], Some(4)),
            ([0, -1, 0, 0], Some(-1)),
            ([0; 4], None),
        ] {
            let index = Tensor::from_i32(&[2, 2], &index).unwrap();
            let result = session.run(&[("table", &table), ("index", &index), ("other", &other)]);
            match (result, wrong) {
                (Ok(_), None) => {}
                (Err(Error::Run(text)), Some(wrong)) => assert!(
                    text.contains(&format!("index {wrong} is outside of 4 rows")),
                    "{text}"
                ),
                (other, _) => panic!("{:?}", other.map(|_| ())),
            }
        }
    }
}
