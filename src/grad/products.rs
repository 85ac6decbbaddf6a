//! Matrix products. Operands are used as they are stored: a transposition is either an attribute of `Gemm`
//! or one that ONNX Runtime merges into the product.

use super::layout::swapped;
use super::visit::{Visit, unbroadcast};
use crate::graph::{Graph, Result, Value};

/// `C = A B` over the last two axes: `dA = dC Bᵀ`, `dB = Aᵀ dC`, summed over broadcast batches.
pub(super) fn matmul(g: &mut Graph, v: &mut Visit) -> Result<()> {
    let (a, b) = (v.x(0), v.x(1));
    let dy = v.full_dy(g)?;
    let (a_shape, b_shape) = (g.shape(a).to_vec(), g.shape(b).to_vec());
    if b_shape[..b_shape.len() - 2].iter().all(|&n| n == 1) && b_shape.len() <= a_shape.len() {
        return one_right_matrix(g, v, dy);
    }
    let batch = g.shape(dy)[..g.shape(dy).len() - 2].to_vec();
    let whole = |shape: &[usize]| [&batch[..], &shape[shape.len() - 2..]].concat();
    v.offer(g, 0, |g| {
        let d = if transposed_from(g, a).is_some() {
            let turned = swapped(g, dy)?;
            let d = g.matmul(b, turned)?;
            swapped(g, d)?
        } else {
            let turned = swapped(g, b)?;
            g.matmul(dy, turned)?
        };
        unbroadcast(g, d, &whole(&a_shape), &a_shape)
    })?;
    v.offer(g, 1, |g| {
        let d = if transposed_from(g, b).is_some() {
            let turned = swapped(g, dy)?;
            let d = g.matmul(turned, a)?;
            swapped(g, d)?
        } else {
            let turned = swapped(g, a)?;
            g.matmul(turned, dy)?
        };
        unbroadcast(g, d, &whole(&b_shape), &b_shape)
    })
}

/// One right matrix for all rows of the left operand: two plain matrix products.
fn one_right_matrix(g: &mut Graph, v: &mut Visit, dy: Value) -> Result<()> {
    let (a, b) = (v.x(0), v.x(1));
    let (a_shape, b_shape) = (g.shape(a).to_vec(), g.shape(b).to_vec());
    let (k, n) = (b_shape[b_shape.len() - 2], b_shape[b_shape.len() - 1]);
    let rows = a_shape[..a_shape.len() - 1].iter().product::<usize>();
    let dy = g.reshape(dy, &[rows, n])?;
    // Where the right matrix is stored the other way round, that is what the products use and give.
    let stored = transposed_from(g, b);
    v.offer(g, 0, |g| {
        let (b, shape) = match stored {
            Some(stored) => (stored, [n, k]),
            None => (b, [k, n]),
        };
        let b = g.reshape(b, &shape)?;
        let d = g.gemm(dy, b, None, false, stored.is_none())?;
        g.reshape(d, &a_shape)
    })?;
    v.offer(g, 1, |g| {
        let a = g.reshape(a, &[rows, k])?;
        let d = if stored.is_some() {
            let d = g.gemm(dy, a, None, true, false)?;
            swapped(g, d)?
        } else {
            g.gemm(a, dy, None, true, false)?
        };
        g.reshape(d, &b_shape)
    })
}

/// What `v` is the transposition (of the last two axes) of.
fn transposed_from(g: &Graph, v: Value) -> Option<Value> {
    let node = g.producer(v)?;
    node.op.swaps_last_two().then(|| node.inputs[0])
}

/// `C = A' B' + bias`: each gradient in the layout its operand is stored in.
pub(super) fn gemm(g: &mut Graph, v: &mut Visit, trans_a: bool, trans_b: bool) -> Result<()> {
    let (a, b) = (v.x(0), v.x(1));
    let dy = v.dy(g)?;
    v.give_broadcast(g, 2, dy)?;
    if !v.wants(0) && !v.wants(1) {
        return Ok(());
    }
    let dy = v.full_dy(g)?;
    v.offer(g, 0, |g| match trans_a {
        true => g.gemm(b, dy, None, trans_b, true),
        false => g.gemm(dy, b, None, false, !trans_b),
    })?;
    v.offer(g, 1, |g| match trans_b {
        true => g.gemm(dy, a, None, true, trans_a),
        false => g.gemm(a, dy, None, !trans_a, false),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::grad::check::{check, given};
    use crate::grad::gradients;
    use crate::graph::{DType, Graph, Value};

    #[test]
    fn batches_broadcast() {
        let shapes: [(&[usize], &[usize]); 9] = [
            (&[2, 3], &[3, 4]),
            (&[5, 2, 3], &[3, 4]),
            (&[2, 5, 2, 3], &[3, 4]),
            (&[5, 2, 3], &[1, 3, 4]),
            (&[2, 3], &[5, 3, 4]),
            (&[2, 3], &[1, 3, 4]),
            (&[5, 2, 3], &[5, 3, 4]),
            (&[2, 1, 2, 3], &[5, 3, 4]),
            (&[6, 49, 32], &[6, 32, 49]),
        ];
        for (a, b) in shapes {
            check(&[given(a), given(b)], |g, x| g.matmul(x[0], x[1]));
        }
    }

    /// `x` with its last two axes exchanged.
    fn turned(g: &mut Graph, x: Value) -> crate::graph::Result<Value> {
        super::swapped(g, x)
    }

    #[test]
    fn transposed_operands() {
        for (a, b) in [
            (vec![3, 2], vec![4, 3]),
            (vec![5, 3, 2], vec![5, 4, 3]),
            (vec![5, 3, 2], vec![4, 3]),
            (vec![3, 2], vec![5, 4, 3]),
        ] {
            check(&[given(&a), given(&b)], |g, x| {
                let a = turned(g, x[0])?;
                let b = turned(g, x[1])?;
                g.matmul(a, b)
            });
        }
    }

    #[test]
    fn gemm_in_all_transpositions() {
        for (m, k, n) in [(2, 3, 4), (1, 5, 1), (40, 30, 50)] {
            for (trans_a, trans_b) in [(false, false), (false, true), (true, false), (true, true)] {
                let a = if trans_a { [k, m] } else { [m, k] };
                let b = if trans_b { [n, k] } else { [k, n] };
                check(&[given(&a), given(&b), given(&[n])], |g, x| {
                    g.gemm(x[0], x[1], Some(x[2]), trans_a, trans_b)
                });
                check(&[given(&a), given(&b)], |g, x| {
                    g.gemm(x[0], x[1], None, trans_a, trans_b)
                });
            }
        }
    }

    fn emitted(
        build: impl Fn(&mut Graph, Value, Value) -> crate::graph::Result<Value>,
        b: &[usize],
    ) -> Vec<&'static str> {
        let mut g = Graph::new("emitted");
        let a = g.input("a", DType::F32, &[6, 4]).unwrap();
        let b = g.input("b", DType::F32, b).unwrap();
        let y = build(&mut g, a, b).unwrap();
        let loss = g.sum_square(y).unwrap();
        let before = g.nodes().len();
        gradients(&mut g, loss, &[a, b]).unwrap();
        g.nodes()[before..].iter().map(|n| n.op.name()).collect()
    }

    #[test]
    fn a_linear_layer_needs_no_transposition() {
        let plain = ["Reshape", "Mul", "Mul", "Gemm", "Gemm"];
        assert_eq!(
            emitted(|g, a, b| g.gemm(a, b, None, false, true), &[5, 4]),
            plain
        );
        let stored = emitted(
            |g, a, b| {
                let b = g.transpose(b, &[1, 0])?;
                g.matmul(a, b)
            },
            &[5, 4],
        );
        assert!(
            stored.iter().filter(|&&op| op == "Transpose").count() <= 1,
            "{stored:?}"
        );
        let batched = emitted(
            |g, a, b| {
                let a = g.reshape(a, &[2, 3, 4])?;
                g.matmul(a, b)
            },
            &[4, 5],
        );
        assert_eq!(batched.iter().filter(|&&op| op == "Gemm").count(), 2);
        assert!(!batched.contains(&"Transpose") && !batched.contains(&"MatMul"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

        #[test]
        fn any_batches(
            batch in prop::collection::vec((1usize..3, 0u8..3), 0..3),
            drop in 0usize..3,
            (m, k, n) in (1usize..4, 1usize..4, 1usize..4),
        ) {
            let axis = |ones: u8| batch.iter().map(|&(n, w)| if w == ones { 1 } else { n }).collect::<Vec<_>>();
            let (a, b) = (axis(1), axis(2));
            let b = &b[drop.min(b.len())..];
            let a = [&a[..], &[m, k]].concat();
            let b = [b, &[k, n]].concat();
            check(&[given(&a), given(&b)], |g, x| g.matmul(x[0], x[1]));
        }
    }
}
