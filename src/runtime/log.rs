//! ONNX Runtime's log.

use std::sync::Arc;

use once_cell::sync::OnceCell;
use ort::logging::{LogLevel, LoggerFunction};

/// The severity of a line of ONNX Runtime's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What it does in detail.
    Verbose,
    /// What it does.
    Info,
    /// Something is not as it could be.
    Warning,
    /// Something failed; the caller gets it as an error, too.
    Error,
    /// Something failed that leaves it unusable.
    Fatal,
}

/// Where ONNX Runtime's log goes.
pub trait Log: Send + Sync {
    /// The least severity that is logged; read when a session is built.
    fn least(&self) -> Severity;
    /// Takes a line. `place` is where in ONNX Runtime it comes from. Must not panic: the caller is no Rust.
    fn line(&self, severity: Severity, place: &str, message: &str);
}

static LOG: OnceCell<Box<dyn Log>> = OnceCell::new();

/// Sends ONNX Runtime's log there, for as long as the process lives. Without this it goes to the standard error, and
/// only if the environment variable `ORT_LOG` asks for it.
///
/// False when there is a log already, which stays. To see everything, set it before the first [`super::load`].
pub fn set_log(log: impl Log + 'static) -> bool {
    LOG.set(Box::new(log)).is_ok()
}

/// What a session logs; `None` leaves it to the environment.
pub(super) fn level() -> Option<LogLevel> {
    LOG.get().map(|log| log.least().into())
}

/// For ONNX Runtime's environment.
pub(super) fn logger() -> Option<LoggerFunction> {
    LOG.get()?;
    Some(Arc::new(|level, _category, _id, place, message| {
        if let Some(log) = LOG.get() {
            log.line(level.into(), place, message);
        }
    }))
}

impl From<Severity> for LogLevel {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Verbose => Self::Verbose,
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
            Severity::Fatal => Self::Fatal,
        }
    }
}

impl From<LogLevel> for Severity {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Verbose => Self::Verbose,
            LogLevel::Info => Self::Info,
            LogLevel::Warning => Self::Warning,
            LogLevel::Error => Self::Error,
            LogLevel::Fatal => Self::Fatal,
        }
    }
}
