//! GELU, `x · ½ (1 + erf(x / √2))`, recognised by its last product. The rules of its five operators
//! would pass over the widest activations of a transformer nine times; its own derivative takes seven.

use std::f64::consts::{PI, SQRT_2};

use super::visit::{Visit, scale};
use crate::graph::{Constant, Graph, Op, Result, Value};

/// What of the forward pass the derivative uses.
pub(super) struct Gelu {
    x: Value,
    /// `x / √2`
    scaled: Value,
    /// `1 + erf(x / √2)`
    shifted: Value,
}

/// The GELU that ends in this product, written in the order of operators that ONNX Runtime fuses, if it
/// is one and no gradient of a value inside is requested.
pub(super) fn ending_in(g: &Graph, v: &Visit) -> Option<Gelu> {
    let weighted = with_number(g, &v.node.inputs, 0.5)?;
    let &[x, shifted] = operands(g, weighted, &Op::Mul)? else {
        return None;
    };
    let erf = with_number(g, operands(g, shifted, &Op::Add)?, 1.0)?;
    let scaled = *operands(g, erf, &Op::Erf)?.first()?;
    let source = with_number(g, operands(g, scaled, &Op::Div)?, SQRT_2)?;
    let inside = [weighted, shifted, erf, scaled];
    let requested = inside.iter().any(|value| v.requested.contains(value));
    (source == x && !requested).then_some(Gelu { x, scaled, shifted })
}

/// The operands of the node that computes `v`, if its operator is `op`.
fn operands<'a>(g: &'a Graph, v: Value, op: &Op) -> Option<&'a [Value]> {
    let node = g.producer(v).filter(|node| node.op == *op);
    node.map(|node| &node.inputs[..])
}

/// The first of two operands whose second is this number as a scalar.
fn with_number(g: &Graph, operands: &[Value], number: f64) -> Option<Value> {
    let &[first, second] = operands else {
        return None;
    };
    let c = g.as_constant(second).filter(|c| c.shape.is_empty())?;
    let close = |found: f64| (found - number).abs() < 1e-6;
    let found = Constant::as_real(c)?;
    close(*found.first()?).then_some(first)
}

/// `dx = dy (Φ(x) + x φ(x))`, with `φ(x) = e^(ln(1/√2π) - (x/√2)²)`.
pub(super) fn gelu(g: &mut Graph, v: &mut Visit, gelu: &Gelu) -> Result<()> {
    let square = g.mul(gelu.scaled, gelu.scaled)?;
    let peak = g.scalar(gelu.x, (1.0 / (2.0 * PI).sqrt()).ln());
    let exponent = g.sub(peak, square)?;
    let density = g.exp(exponent)?;
    let steep = g.mul(density, gelu.x)?;
    let share = scale(g, gelu.shifted, 0.5)?;
    let slope = g.add(share, steep)?;
    let dy = v.dy(g)?;
    let d = g.mul(dy, slope)?;
    v.give_to(gelu.x, d);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::SQRT_2;
    use crate::grad::check::{check_in, check_twice_in, given};
    use crate::grad::{gradients, vjp};
    use crate::graph::{DType, Graph, Result, Value};

    /// The result, and `1 + erf(x / √2)` on the way to it.
    fn gelu(g: &mut Graph, x: Value) -> Result<(Value, Value)> {
        let root = g.scalar(x, SQRT_2);
        let one = g.scalar(x, 1.0);
        let half = g.scalar(x, 0.5);
        let scaled = g.div(x, root)?;
        let erf = g.erf(scaled)?;
        let shifted = g.add(erf, one)?;
        let weighted = g.mul(x, shifted)?;
        Ok((g.mul(weighted, half)?, shifted))
    }

    #[test]
    fn gelu_by_its_own_rule() {
        check_in(DType::F32, &[given(&[3, 5])], |g, x| Ok(gelu(g, x[0])?.0));
        check_twice_in(DType::F32, &[given(&[4])], |g, x| Ok(gelu(g, x[0])?.0));
        // In front of a sum, whose cotangent is unexpanded, and with a second use inside.
        check_in(DType::F32, &[given(&[3, 5])], |g, x| {
            let (y, shifted) = gelu(g, x[0])?;
            let both = g.add(y, shifted)?;
            g.reduce_sum(both, &[1], false)
        });
    }

    fn emitted(ask_inside: bool) -> (usize, Vec<Option<Value>>) {
        let mut g = Graph::new("emitted");
        let x = g.input("x", DType::F32, &[3, 5]).unwrap();
        let dy = g.input("dy", DType::F32, &[3, 5]).unwrap();
        let (y, shifted) = gelu(&mut g, x).unwrap();
        let before = g.nodes().len();
        let wrt = if ask_inside {
            vec![x, shifted]
        } else {
            vec![x]
        };
        let d = vjp(&mut g, &[(y, dy)], &wrt).unwrap();
        (g.nodes().len() - before, d)
    }

    #[test]
    fn it_takes_seven_passes() {
        assert_eq!(emitted(false).0, 7);
        // A requested value inside is computed, by the rules of the operators.
        let (nodes, d) = emitted(true);
        assert!(nodes > 7);
        assert!(d.iter().all(Option::is_some));
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        check_in(DType::F32, &[given(&[6])], |g, x| {
            let two = g.scalar(x[0], 2.0);
            let one = g.scalar(x[0], 1.0);
            let half = g.scalar(x[0], 0.5);
            let scaled = g.div(x[0], two)?;
            let erf = g.erf(scaled)?;
            let shifted = g.add(erf, one)?;
            let weighted = g.mul(x[0], shifted)?;
            g.mul(weighted, half)
        });
        let mut g = Graph::new("half");
        let x = g.input("x", DType::F32, &[2]).unwrap();
        let half = g.scalar(x, 0.5);
        let y = g.mul(x, half).unwrap();
        assert!(gradients(&mut g, y, &[x]).unwrap()[0].is_some());
    }
}
