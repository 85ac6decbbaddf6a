//! The reader and writer of safetensors files: our description as JSON under one key of the header's metadata,
//! parameters in half or single precision.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::{fs, io};

use half::{bf16, f16};
use ndarray::ArrayD;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Pictures, Tensor, Weights, WeightsError};
use crate::files;

/// Version of the description in the header that this build writes and reads.
pub const FORMAT_VERSION: u64 = 1;

/// Key of our description in the header's metadata.
const KEY: &str = "tttseg";

/// How parameters are stored on disk; in memory they are float32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// IEEE half precision, F16.
    #[default]
    Half,
    /// F32.
    Single,
}

impl Weights {
    /// Reads the parameters of any safetensors file: F32, F16 and BF16 become float32; integer and boolean
    /// tensors, which checkpoints use for constant buffers such as `relative_position_index`, are left out.
    ///
    /// # Errors
    /// [`WeightsError`] when the file cannot be read or is broken, for other types (F64, F8…), and when an
    /// element is not finite.
    pub fn read_safetensors(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        let (file, bytes) = read_file(path.as_ref())?;
        let weights = convert(&file, &parse(&file, &bytes)?, Integers::LeaveOut)?;
        weights.check_finite(&file)?;
        Ok(weights)
    }

    /// Reads every tensor of a safetensors file as float32, those of 8-bit and boolean type as well (recorded
    /// images and masks); elements may be anything. 16-bit and wider integers are left out.
    ///
    /// # Errors
    /// [`WeightsError`] when the file cannot be read or is broken, and for other types.
    pub fn read_recording(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        let (file, bytes) = read_file(path.as_ref())?;
        convert(&file, &parse(&file, &bytes)?, Integers::Bytes)
    }
}

/// The whole file, and its path as errors name it.
pub(super) fn read_file(path: &Path) -> Result<(String, Vec<u8>), WeightsError> {
    let file = path.display().to_string();
    match fs::read(path) {
        Ok(bytes) => Ok((file, bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(WeightsError::NotFound { file }),
        Err(source) => Err(WeightsError::Read { file, source }),
    }
}

/// Reads a file of ours: its description, which must be of `kind`, and finite parameters.
pub(super) fn read<D: DeserializeOwned>(
    file: &str,
    kind: &'static str,
    bytes: &[u8],
) -> Result<(D, Weights), WeightsError> {
    let tensors = parse(file, bytes)?;
    let description = description(file, kind, bytes, &tensors)?;
    let weights = convert(file, &tensors, Integers::Refuse)?;
    weights.check_finite(file)?;
    Ok((description, weights))
}

/// The same for a file that holds pictures and maps, tensors of bytes, as well.
pub(super) fn read_with_pictures<D: DeserializeOwned>(
    file: &str,
    kind: &'static str,
    bytes: &[u8],
) -> Result<(D, Weights, Pictures), WeightsError> {
    let tensors = parse(file, bytes)?;
    let description = description(file, kind, bytes, &tensors)?;
    let mut pictures = Pictures::new();
    for (name, view) in tensors.iter().filter(|(_, v)| v.dtype() == Dtype::U8) {
        let picture = ArrayD::from_shape_vec(view.shape(), view.data().to_vec());
        let picture = picture.map_err(|e| WeightsError::NotSafetensors {
            file: file.to_owned(),
            reason: format!("tensor `{name}`: {e}"),
        })?;
        pictures.insert(name.to_owned(), picture);
    }
    let weights = convert(file, &tensors, Integers::Pictures)?;
    weights.check_finite(file)?;
    Ok((description, weights, pictures))
}

/// Writes a file of ours.
pub(super) fn write(
    path: &Path,
    kind: &'static str,
    description: &impl Serialize,
    weights: &Weights,
    precision: Precision,
) -> Result<(), WeightsError> {
    write_with_pictures(
        path,
        kind,
        description,
        weights,
        precision,
        &Pictures::new(),
    )
}

/// The same for a file that holds pictures and maps as well.
pub(super) fn write_with_pictures(
    path: &Path,
    kind: &'static str,
    description: &impl Serialize,
    weights: &Weights,
    precision: Precision,
    pictures: &Pictures,
) -> Result<(), WeightsError> {
    let file = path.display().to_string();
    let unusable = |reason: String| WeightsError::Description {
        file: file.clone(),
        reason,
    };
    weights.check_finite(&file)?;
    let mut json = serde_json::to_value(description).map_err(|e| unusable(e.to_string()))?;
    let fields = json
        .as_object_mut()
        .ok_or_else(|| unusable("not a JSON object".into()))?;
    fields.insert("format_version".into(), FORMAT_VERSION.into());
    fields.insert("kind".into(), kind.into());

    let mut encoded = Vec::with_capacity(weights.len());
    for (name, tensor) in weights.iter() {
        encoded.push((name, &tensor.shape, encode(&file, name, tensor, precision)?));
    }
    let dtype = match precision {
        Precision::Half => Dtype::F16,
        Precision::Single => Dtype::F32,
    };
    let mut views = Vec::with_capacity(encoded.len());
    for (name, shape, data) in &encoded {
        let view = TensorView::new(dtype, shape.to_vec(), data)
            .map_err(|e| unusable(format!("tensor `{name}`: {e}")))?;
        views.push((*name, view));
    }
    for (name, picture) in pictures {
        let data = picture.as_slice().unwrap_or_default();
        let view = TensorView::new(Dtype::U8, picture.shape().to_vec(), data)
            .map_err(|e| unusable(format!("tensor `{name}`: {e}")))?;
        views.push((name, view));
    }
    let metadata = HashMap::from([(KEY.to_owned(), json.to_string())]);
    let bytes =
        safetensors::serialize(views, Some(metadata)).map_err(|e| unusable(e.to_string()))?;
    Ok(files::write(path, &bytes)?)
}

impl Weights {
    /// Writes the tensors as they are, float32, with no description: a trainer's checkpoint.
    ///
    /// # Errors
    /// [`WeightsError`] when an element is not finite or the file cannot be written.
    pub fn write_safetensors(&self, path: impl AsRef<Path>) -> Result<(), WeightsError> {
        let path = path.as_ref();
        write(
            path,
            "checkpoint",
            &serde_json::json!({}),
            self,
            Precision::Single,
        )
    }
}

fn encode(
    file: &str,
    name: &str,
    tensor: &Tensor,
    precision: Precision,
) -> Result<Vec<u8>, WeightsError> {
    if precision == Precision::Single {
        return Ok(tensor.data.iter().flat_map(|v| v.to_le_bytes()).collect());
    }
    let mut bytes = Vec::with_capacity(2 * tensor.len());
    for &value in &tensor.data {
        let half = f16::from_f32(value);
        if !half.is_finite() {
            return Err(WeightsError::HalfOverflow {
                file: file.to_owned(),
                tensor: name.to_owned(),
                value,
            });
        }
        bytes.extend_from_slice(&half.to_le_bytes());
    }
    Ok(bytes)
}

fn parse<'a>(file: &str, bytes: &'a [u8]) -> Result<SafeTensors<'a>, WeightsError> {
    let broken = |reason: String| WeightsError::NotSafetensors {
        file: file.to_owned(),
        reason,
    };
    if let Some(other) = recognise(bytes) {
        return Err(broken(format!("it looks like {other}")));
    }
    // Before the crate adds offsets up: a truncated file gets an error of its own, and no offset can overflow.
    if let Some(expected) = promised_length(bytes)
        && expected > bytes.len() as u64
    {
        return Err(WeightsError::Truncated {
            file: file.to_owned(),
            expected,
            actual: bytes.len() as u64,
        });
    }
    SafeTensors::deserialize(bytes).map_err(|e| broken(e.to_string()))
}

/// Length of the file by its header; `None` when there is no readable header.
fn promised_length(bytes: &[u8]) -> Option<u64> {
    let header_length = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    let header_end = header_length.checked_add(8)?;
    let Some(header) = bytes.get(8..usize::try_from(header_end).ok()?) else {
        // Only something that starts like a header is one that was cut short.
        let plausible = header_length < 100_000_000 && bytes.get(8).is_none_or(|&b| b == b'{');
        return plausible.then_some(header_end);
    };
    let header: BTreeMap<String, Value> = serde_json::from_slice(header).ok()?;
    let ends = header
        .values()
        .filter_map(|t| t["data_offsets"][1].as_u64());
    Some(header_end.saturating_add(ends.max().unwrap_or(0)))
}

/// The probable format of a file that is no safetensors file.
fn recognise(bytes: &[u8]) -> Option<&'static str> {
    const SIGNS: [(&[u8], &str); 7] = [
        (b"PK\x03\x04", "a PyTorch checkpoint or another ZIP archive"),
        (b"\x80\x02", "an old PyTorch checkpoint or another pickle"),
        (b"\x89HDF", "an HDF5 file"),
        (b"GGUF", "a GGUF file"),
        (b"\x89PNG", "a picture"),
        (
            b"version https://git-lfs",
            "a Git LFS pointer whose file was not fetched",
        ),
        (b"<", "a web page"),
    ];
    // A safetensors file goes on with its JSON header after eight bytes of length.
    if bytes.is_empty() {
        return Some("an empty file");
    }
    if bytes.get(8) == Some(&b'{') {
        return None;
    }
    let sign = SIGNS.iter().find(|(sign, _)| bytes.starts_with(sign))?;
    Some(sign.1)
}

fn description<D: DeserializeOwned>(
    file: &str,
    kind: &'static str,
    bytes: &[u8],
    tensors: &SafeTensors<'_>,
) -> Result<D, WeightsError> {
    let unusable = |reason: String| WeightsError::Description {
        file: file.to_owned(),
        reason,
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| unusable(e.to_string()))?;
    let Some(text) = header.metadata().as_ref().and_then(|m| m.get(KEY)) else {
        return Err(WeightsError::Foreign {
            file: file.to_owned(),
            looks_like: looks_like(tensors),
        });
    };
    let json: Value = serde_json::from_str(text).map_err(|e| unusable(e.to_string()))?;
    match json["format_version"].as_u64() {
        Some(FORMAT_VERSION) => {}
        Some(found) => {
            return Err(WeightsError::Version {
                file: file.to_owned(),
                found,
                supported: FORMAT_VERSION,
            });
        }
        None => return Err(unusable("no format_version".into())),
    }
    match json["kind"].as_str() {
        Some(found) if found == kind => {}
        found => {
            return Err(WeightsError::Kind {
                file: file.to_owned(),
                found: found.unwrap_or("thing of unknown kind").to_owned(),
                expected: kind,
            });
        }
    }
    serde_json::from_value(json).map_err(|e| unusable(e.to_string()))
}

/// A guess from the names of the tensors, for the error about a foreign file.
fn looks_like(tensors: &SafeTensors<'_>) -> String {
    let mut names = tensors.names();
    names.sort_unstable();
    let any = |part: &str| names.iter().any(|n| n.contains(part));
    let known = if any("pixel_level_module.") {
        Some("a Hugging Face Mask2Former checkpoint")
    } else if any("sem_seg_head.") {
        Some("a detectron2 Mask2Former checkpoint")
    } else if any("hidden_states_norms.") || any(".relative_position_bias_table") {
        Some("a Swin backbone")
    } else {
        None
    };
    match (known, names.first()) {
        (Some(known), _) => format!("looks like {known}"),
        (None, Some(first)) => format!("holds {} tensors, `{first}` first", names.len()),
        (None, None) => "holds no tensors".into(),
    }
}

/// The treatment of integer tensors.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Integers {
    Refuse,
    LeaveOut,
    Bytes,
    /// Those of bytes are read elsewhere.
    Pictures,
}

fn convert(
    file: &str,
    tensors: &SafeTensors<'_>,
    integers: Integers,
) -> Result<Weights, WeightsError> {
    let mut weights = Weights::default();
    for (name, view) in tensors.iter() {
        let data = view.data();
        let two = |c: &[u8]| [c[0], c[1]];
        let values: Vec<f32> = match view.dtype() {
            Dtype::F32 => {
                let four = data.chunks_exact(4);
                four.map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]]))
                    .collect()
            }
            Dtype::F16 => {
                let halves = data.chunks_exact(2).map(|c| f16::from_le_bytes(two(c)));
                halves.map(f16::to_f32).collect()
            }
            Dtype::BF16 => {
                let halves = data.chunks_exact(2).map(|c| bf16::from_le_bytes(two(c)));
                halves.map(bf16::to_f32).collect()
            }
            Dtype::U8 | Dtype::BOOL if integers == Integers::Bytes => {
                data.iter().map(|&b| f32::from(b)).collect()
            }
            Dtype::U8 if integers == Integers::Pictures => continue,
            Dtype::BOOL
            | Dtype::U8
            | Dtype::I8
            | Dtype::U16
            | Dtype::I16
            | Dtype::U32
            | Dtype::I32
            | Dtype::U64
            | Dtype::I64
                if matches!(integers, Integers::LeaveOut | Integers::Bytes) =>
            {
                continue;
            }
            other => {
                return Err(WeightsError::ElementType {
                    file: file.to_owned(),
                    tensor: name.to_owned(),
                    dtype: format!("{other:?}"),
                });
            }
        };
        weights.insert(name, Tensor::new(view.shape().to_vec(), values)?);
    }
    Ok(weights)
}
