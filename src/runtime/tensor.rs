//! Tensors on the host or on a device.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array, ArrayD, ArrayRef, ArrayViewD, Dimension};
use ort::memory::{AllocationDevice, Allocator};
use ort::value::{DynTensor, DynTensorValueType, PrimitiveTensorElementType, TensorElementType};

use super::library::is_loaded;
use super::{Error, InUse, Result};
use crate::graph::DType;

/// A tensor on the host or on the device of a session, row-major. Clones share their elements, which
/// never change.
#[derive(Clone)]
pub struct Tensor(Arc<Inner>);

struct Inner {
    value: DynTensor,
    dtype: DType,
    shape: Vec<usize>,
}

macro_rules! elements {
    ($($from:ident, $to:ident, $type:ty, $dtype:ident;)+) => {
        /// Making tensors on the host, and reading them back.
        ///
        /// Making fails with [`Error::ElementCount`] when the data does not fill the shape, reading with
        /// [`Error::ElementType`] when the tensor is of another type. ONNX Runtime has to be loaded.
        #[allow(clippy::missing_errors_doc, reason = "said once for all of them above")]
        impl Tensor {
            $(
                #[doc = concat!("A host tensor of `", stringify!($type), "` elements, copied.")]
                pub fn $from(shape: &[usize], data: &[$type]) -> Result<Self> {
                    Self::from_slice(DType::$dtype, shape, data)
                }

                #[doc = concat!("The `", stringify!($type), "` elements, copied to the host.")]
                pub fn $to(&self) -> Result<Vec<$type>> {
                    self.to_vec(DType::$dtype)
                }
            )+
        }
    };
}

elements! {
    from_f32, to_f32, f32, F32;
    from_f64, to_f64, f64, F64;
    from_i64, to_i64, i64, I64;
    from_i32, to_i32, i32, I32;
    from_u8, to_u8, u8, U8;
    from_bool, to_bool, bool, Bool;
}

impl Tensor {
    /// Element type.
    pub fn dtype(&self) -> DType {
        self.0.dtype
    }

    /// Sizes, outermost first; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.0.shape.iter().product()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the elements can be read without copying them from a device first.
    pub fn is_on_host(&self) -> bool {
        self.0.value.memory_info().is_cpu_accessible()
    }

    /// The same elements where a session on `place` reads them without a copy: the tensor itself, or a
    /// copy on the device. Worth it for what is handed in more than once, such as weights.
    ///
    /// # Errors
    /// [`Error::Tensor`] when the device has no room.
    pub fn on(&self, place: &InUse) -> Result<Self> {
        match place.cuda_device() {
            Some(device) if self.is_on_host() => self.copied(AllocationDevice::CUDA, device),
            Some(_) => Ok(self.clone()),
            None => self.on_host(),
        }
    }

    /// The same elements on the host: the tensor itself, or a copy.
    ///
    /// # Errors
    /// [`Error::Tensor`] when the device fails.
    pub fn on_host(&self) -> Result<Self> {
        if self.is_on_host() {
            Ok(self.clone())
        } else {
            self.copied(AllocationDevice::CPU, 0)
        }
    }

    fn copied(&self, device: AllocationDevice<'_>, index: u32) -> Result<Self> {
        let index = i32::try_from(index).map_err(|_| Error::Tensor(format!("device {index}")))?;
        let value = self.0.value.to(device, index).map_err(failed)?;
        Self::wrap(value)
    }

    fn from_slice<T>(dtype: DType, shape: &[usize], data: &[T]) -> Result<Self>
    where
        T: PrimitiveTensorElementType + Copy + fmt::Debug,
    {
        let elements = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if elements != Some(data.len()) {
            return Err(Error::ElementCount {
                shape: shape.to_vec(),
                elements: data.len(),
            });
        }
        if !is_loaded() {
            return Err(Error::Tensor("ONNX Runtime is not loaded".into()));
        }
        // ONNX Runtime's allocator aligns for its vector code, a `Vec` does not.
        let mut value =
            ort::value::Tensor::<T>::new(&Allocator::default(), dims(shape)).map_err(failed)?;
        if !data.is_empty() {
            let (_, to) = value.try_extract_tensor_mut::<T>().map_err(failed)?;
            to.copy_from_slice(data);
        }
        Ok(Self(Arc::new(Inner {
            value: value.upcast(),
            dtype,
            shape: shape.to_vec(),
        })))
    }

    /// Like [`Tensor::from_u8`], in the memory of `spent` if that fits and nothing else holds it.
    pub(crate) fn from_u8_over(spent: Option<Self>, shape: &[usize], data: &[u8]) -> Result<Self> {
        Self::from_slice_over(spent, DType::U8, shape, data)
    }

    /// Like [`Tensor::from_f32`], likewise.
    pub(crate) fn from_f32_over(
        spent: Option<Self>,
        shape: &[usize],
        data: &[f32],
    ) -> Result<Self> {
        Self::from_slice_over(spent, DType::F32, shape, data)
    }

    fn from_slice_over<T>(
        spent: Option<Self>,
        dtype: DType,
        shape: &[usize],
        data: &[T],
    ) -> Result<Self>
    where
        T: PrimitiveTensorElementType + Copy + fmt::Debug,
    {
        match spent.map(|tensor| Arc::try_unwrap(tensor.0)) {
            Some(Ok(mut inner))
                if inner.dtype == dtype
                    && inner.shape == shape
                    && inner.value.memory_info().is_cpu_accessible() =>
            {
                let (_, to) = inner.value.try_extract_tensor_mut::<T>().map_err(failed)?;
                if to.len() == data.len() {
                    to.copy_from_slice(data);
                    return Ok(Self(Arc::new(inner)));
                }
                Self::from_slice(dtype, shape, data)
            }
            _ => Self::from_slice(dtype, shape, data),
        }
    }

    /// The `f32` elements as an array of the tensor's shape, copied to the host.
    ///
    /// # Errors
    /// [`Error::ElementType`] when the tensor is of another type, [`Error::Dimensions`] when it has another number of axes.
    pub fn to_array<D: Dimension>(&self) -> Result<Array<f32, D>> {
        let array = ArrayD::from_shape_vec(self.shape(), self.to_f32()?);
        array
            .and_then(ArrayD::into_dimensionality)
            .map_err(|_| self.other_axes::<D>())
    }

    /// The `f32` elements as an array of the tensor's shape, on the host: in the memory of `spent` where its shape is the same.
    pub(crate) fn to_array_over<D: Dimension>(
        &self,
        spent: Option<Array<f32, D>>,
    ) -> Result<Array<f32, D>> {
        match spent {
            Some(mut array) if array.shape() == self.shape() && array.is_standard_layout() => {
                self.with(DType::F32, |values: &[f32]| {
                    if let Some(to) = array.as_slice_mut() {
                        to.copy_from_slice(values);
                    }
                })?;
                Ok(array)
            }
            _ => self.to_array(),
        }
    }

    /// What `work` makes of the `u8` elements as an array of the tensor's shape, on the host.
    pub(crate) fn with_array<D: Dimension, R>(
        &self,
        work: impl FnOnce(&ArrayRef<u8, D>) -> R,
    ) -> Result<R> {
        self.with(DType::U8, |bytes| {
            let view = ArrayViewD::from_shape(self.shape(), bytes);
            let view = view.and_then(ArrayViewD::into_dimensionality::<D>);
            Ok(work(&view.map_err(|_| self.other_axes::<D>())?))
        })?
    }

    fn other_axes<D: Dimension>(&self) -> Error {
        Error::Dimensions {
            shape: self.shape().to_vec(),
            wanted: D::NDIM.unwrap_or_default(),
        }
    }

    fn to_vec<T>(&self, wanted: DType) -> Result<Vec<T>>
    where
        T: PrimitiveTensorElementType + Copy,
    {
        self.with(wanted, <[T]>::to_vec)
    }

    fn with<T, R>(&self, wanted: DType, work: impl FnOnce(&[T]) -> R) -> Result<R>
    where
        T: PrimitiveTensorElementType,
    {
        if self.0.dtype != wanted {
            return Err(Error::ElementType {
                given: self.0.dtype,
                wanted,
            });
        }
        if self.is_empty() {
            return Ok(work(&[]));
        }
        let host = self.on_host()?;
        let (_, data) = host.0.value.try_extract_tensor::<T>().map_err(failed)?;
        Ok(work(data))
    }

    /// Takes over a value of ONNX Runtime.
    pub(super) fn wrap(value: DynTensor) -> Result<Self> {
        let dtype = dtype_of(*value.data_type())
            .ok_or_else(|| Error::Tensor(format!("elements of {}", value.data_type())))?;
        let shape = value
            .shape()
            .iter()
            .map(|&d| usize::try_from(d).unwrap_or(0))
            .collect();
        Ok(Self(Arc::new(Inner {
            value,
            dtype,
            shape,
        })))
    }

    /// Whether no clone of this tensor holds its elements, so that they can be written over.
    pub(crate) fn is_held_once(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// The value, if no clone of this tensor holds it too.
    pub(super) fn into_value(self) -> Option<DynTensor> {
        Arc::into_inner(self.0).map(|inner| inner.value)
    }

    /// The device that holds the elements, `None` for the host.
    pub(super) fn device(&self) -> Option<u32> {
        let memory = self.0.value.memory_info();
        if memory.is_cpu_accessible() {
            None
        } else {
            u32::try_from(memory.device_id()).ok()
        }
    }

    pub(super) fn value(&self) -> &ort::value::Value<DynTensorValueType> {
        &self.0.value
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({:?} {:?})", self.0.dtype, self.0.shape)
    }
}

pub(super) fn dims(shape: &[usize]) -> Vec<i64> {
    shape
        .iter()
        .map(|&d| i64::try_from(d).unwrap_or(i64::MAX))
        .collect()
}

pub(super) fn dtype_of(t: TensorElementType) -> Option<DType> {
    Some(match t {
        TensorElementType::Float32 => DType::F32,
        TensorElementType::Float64 => DType::F64,
        TensorElementType::Int64 => DType::I64,
        TensorElementType::Int32 => DType::I32,
        TensorElementType::Uint8 => DType::U8,
        TensorElementType::Bool => DType::Bool,
        _ => return None,
    })
}

pub(super) fn element_type(t: DType) -> TensorElementType {
    match t {
        DType::F32 => TensorElementType::Float32,
        DType::F64 => TensorElementType::Float64,
        DType::I64 => TensorElementType::Int64,
        DType::I32 => TensorElementType::Int32,
        DType::U8 => TensorElementType::Uint8,
        DType::Bool => TensorElementType::Bool,
    }
}

fn failed(e: ort::Error) -> Error {
    Error::Tensor(e.to_string())
}
