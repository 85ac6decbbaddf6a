//! The Fréchet distance between two clouds of points, taken for normal distributions.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Mean and covariance of points, in the making.
#[derive(Clone, Debug)]
pub(super) struct Cloud {
    count: usize,
    sum: DVector<f64>,
    products: DMatrix<f64>,
}

impl Cloud {
    pub fn new(dimensions: usize) -> Self {
        Self {
            count: 0,
            sum: DVector::zeros(dimensions),
            products: DMatrix::zeros(dimensions, dimensions),
        }
    }

    /// Adds points, coordinates next to each other.
    pub fn add(&mut self, points: &[f32]) {
        let dimensions = self.sum.len();
        let count = points.len() / dimensions;
        let all = points.iter().map(|&v| f64::from(v));
        let columns = DMatrix::from_iterator(dimensions, count, all);
        self.count += count;
        self.sum += columns.column_sum();
        self.products.gemm(1.0, &columns, &columns.transpose(), 1.0);
    }

    fn mean(&self) -> DVector<f64> {
        &self.sum / self.count as f64
    }

    fn covariance(&self) -> DMatrix<f64> {
        let mean = self.mean();
        &self.products / self.count as f64 - &mean * mean.transpose()
    }

    /// The Fréchet distance of the normal distributions with the means and covariances of both:
    /// `|m − n|² + tr(C + D − 2 (C D)^½)`. None where one has no points.
    pub fn distance(&self, other: &Self) -> Option<f64> {
        if self.count == 0 || other.count == 0 {
            return None;
        }
        let (a, b) = (self.covariance(), other.covariance());
        // C D has the eigenvalues of C^½ D C^½, which is symmetric.
        let eigen = SymmetricEigen::new(a.clone());
        let roots = eigen.eigenvalues.map(|v| v.max(0.0).sqrt());
        let root =
            &eigen.eigenvectors * DMatrix::from_diagonal(&roots) * eigen.eigenvectors.transpose();
        let product = &root * &b * &root;
        let between: f64 = product
            .symmetric_eigenvalues()
            .iter()
            .map(|v| v.max(0.0).sqrt())
            .sum();
        let apart = (self.mean() - other.mean()).norm_squared();
        Some((apart + a.trace() + b.trace() - 2.0 * between).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_spreads_count() {
        // Two coordinates: the first is ±1 around m, the second ±s around 0.
        let cloud = |m: f32, s: f32| {
            let mut cloud = Cloud::new(2);
            cloud.add(&[m - 1.0, s, m + 1.0, s]);
            cloud.add(&[m - 1.0, -s, m + 1.0, -s]);
            cloud
        };
        let near = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-9, "{a:?} {b}");
        near(cloud(0.0, 1.0).distance(&cloud(0.0, 1.0)), 0.0);
        near(cloud(0.0, 1.0).distance(&cloud(3.0, 1.0)), 9.0);
        // (3 − 1)².
        near(cloud(0.0, 1.0).distance(&cloud(0.0, 3.0)), 4.0);
        assert_eq!(cloud(0.0, 1.0).distance(&Cloud::new(2)), None);
    }

    #[test]
    fn spreads_that_do_not_lie_along_the_same_axes() {
        // One coordinate in common: lines along (1, 1) and (1, −1), of variance 2 each. C D is 0, so is its root.
        let mut a = Cloud::new(2);
        a.add(&[1.0, 1.0, -1.0, -1.0]);
        let mut b = Cloud::new(2);
        b.add(&[1.0, -1.0, -1.0, 1.0]);
        assert!((a.distance(&b).unwrap() - 4.0).abs() < 1e-9);
    }
}
