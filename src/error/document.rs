//! An error as `--json` writes it.

use super::{Class, Error};
use crate::{execute, plan};
use serde::Serialize;

impl Error {
    /// As `--json` writes it.
    pub fn document(&self) -> Document {
        let class = self.class();
        let reasons = self
            .refusal()
            .map(|refusal| refusal.reasons.clone())
            .unwrap_or_default();
        Document {
            error: Body {
                code: class.code(),
                kind: class,
                message: self.to_string(),
                causes: self.causes(),
                hint: self.hints().into_iter().next(),
                live: self.live(),
                reasons,
                output: match self {
                    Self::Execute(execute::Error::Deployed(deployed)) => deployed.output.clone(),
                    _ => Vec::new(),
                },
            },
        }
    }
}

/// What an error looks like with `--json`.
#[derive(Debug, Serialize)]
pub struct Document {
    error: Body,
}

impl Document {
    /// With a hint that only the repository knows: it is the better one.
    #[must_use]
    pub fn hinting(mut self, hint: Option<String>) -> Self {
        self.error.hint = hint.or(self.error.hint);
        self
    }
}

#[derive(Debug, Serialize)]
struct Body {
    code: u8,
    kind: Class,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    live: String,
    reasons: Vec<plan::Reason>,
    output: Vec<String>,
}
