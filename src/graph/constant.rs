//! Element types, and tensors that are known while the graph is built.

use std::sync::Arc;

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32-bit float: what every model computes in.
    F32,
    /// 64-bit float: for checking gradients.
    F64,
    /// 64-bit signed integer: indices.
    I64,
    /// 32-bit signed integer.
    I32,
    /// 8-bit unsigned integer: images and class maps.
    U8,
    /// Truth value.
    Bool,
}

impl DType {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            DType::F64 | DType::I64 => 8,
            DType::F32 | DType::I32 => 4,
            DType::U8 | DType::Bool => 1,
        }
    }

    /// Whether the type is a floating-point one.
    pub fn is_real(self) -> bool {
        matches!(self, DType::F32 | DType::F64)
    }
}

/// A tensor whose elements are known while the graph is built: little-endian bytes, row-major.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Constant {
    /// Element type.
    pub dtype: DType,
    /// Sizes, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// `shape` elements in row-major order, little-endian.
    pub bytes: Arc<[u8]>,
}

impl Constant {
    fn new<const N: usize>(
        dtype: DType,
        shape: &[usize],
        elements: impl IntoIterator<Item = [u8; N]>,
    ) -> Self {
        let bytes: Vec<u8> = elements.into_iter().flatten().collect();
        Self {
            dtype,
            shape: shape.to_vec(),
            bytes: bytes.into(),
        }
    }

    /// Real numbers stored as `dtype` (`F32` or `F64`; any other type is stored as `F32`).
    pub fn real(dtype: DType, shape: &[usize], data: impl IntoIterator<Item = f64>) -> Self {
        let data = data.into_iter();
        if dtype == DType::F64 {
            Self::new(dtype, shape, data.map(f64::to_le_bytes))
        } else {
            Self::new(DType::F32, shape, data.map(|v| (v as f32).to_le_bytes()))
        }
    }

    /// `F32` elements.
    pub fn f32(shape: &[usize], data: &[f32]) -> Self {
        Self::new(DType::F32, shape, data.iter().map(|v| v.to_le_bytes()))
    }

    /// `I64` elements.
    pub fn i64(shape: &[usize], data: &[i64]) -> Self {
        Self::new(DType::I64, shape, data.iter().map(|v| v.to_le_bytes()))
    }

    /// `I32` elements.
    pub fn i32(shape: &[usize], data: &[i32]) -> Self {
        Self::new(DType::I32, shape, data.iter().map(|v| v.to_le_bytes()))
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn elements<const N: usize, T>(&self, read: impl Fn([u8; N]) -> T) -> Vec<T> {
        let elements = self.bytes.as_chunks::<N>().0;
        elements.iter().map(|bytes| read(*bytes)).collect()
    }

    /// The elements of an `I64` or `I32` constant as `i64`, `None` for other types.
    pub fn as_integers(&self) -> Option<Vec<i64>> {
        match self.dtype {
            DType::I64 => Some(self.elements(i64::from_le_bytes)),
            DType::I32 => Some(self.elements(|b| i32::from_le_bytes(b).into())),
            _ => None,
        }
    }

    /// The elements of an `F32` or `F64` constant as `f64`, `None` for other types.
    pub fn as_real(&self) -> Option<Vec<f64>> {
        match self.dtype {
            DType::F32 => Some(self.elements(|b| f32::from_le_bytes(b).into())),
            DType::F64 => Some(self.elements(f64::from_le_bytes)),
            _ => None,
        }
    }
}
