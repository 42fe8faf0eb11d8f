//! How files of a release are read and written: TOML with the number of its format in front.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The format that this program writes. It reads every older one, and refuses newer ones.
pub const FORMAT: u32 = 1;

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// Not TOML, or not of this shape.
    #[error("not a file of format {FORMAT}")]
    Toml(#[from] toml_edit::de::Error),
    /// Written by a newer program.
    #[error("written in format {0} by a newer git-hostout; this one knows up to {FORMAT}")]
    Newer(u32),
    /// Cannot be written.
    #[error("cannot be written as TOML")]
    Write(#[from] toml_edit::ser::Error),
}

impl FormatError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Newer(_) => Some("install a newer git-hostout".to_owned()),
            Self::Toml(_) | Self::Write(_) => None,
        }
    }
}

/// Reads a manifest, an entry or a note.
///
/// # Errors
/// Names the format first, so that a newer file is not taken for a broken one.
pub fn from_toml<T: DeserializeOwned>(text: &str) -> Result<T, FormatError> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let Head { format } = toml_edit::de::from_str(text)?;
    if format > FORMAT {
        return Err(FormatError::Newer(format));
    }
    Ok(toml_edit::de::from_str(text)?)
}

/// The text of `value`: what is signed, hashed and sent to hosts.
pub fn to_toml(value: &impl Serialize) -> Result<String, FormatError> {
    Ok(toml_edit::ser::to_string_pretty(value)?)
}
