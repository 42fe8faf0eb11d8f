//! What goes with a deployment so that hosts can check it.

use crate::{
    host::{SignedText, TrustRequest},
    ledger::{Ledger, Result, SignedFile},
};

/// What hosts are told of keys and policy, and of who agreed.
#[derive(Clone, Debug, Default)]
pub struct Telling {
    /// Every statement, oldest first.
    pub statements: Vec<SignedText>,
    /// Withdrawals of releases.
    pub withdrawals: Vec<SignedText>,
    /// Who agreed to this deployment.
    pub approvals: Vec<SignedText>,
    /// How far the hosts have taken entries.
    pub after: Option<u64>,
}

impl Telling {
    /// What `ledger` tells every host.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn of(ledger: &Ledger) -> Result<Self> {
        Ok(Self {
            statements: ledger.statements(0)?.into_iter().map(text).collect(),
            withdrawals: ledger.withdrawals()?.into_iter().map(text).collect(),
            ..Self::default()
        })
    }

    /// The request to a host of `stage`, from the statement on that it knows.
    pub fn request(&self, project: &str, stage: &str, known: Option<u64>) -> TrustRequest {
        let known = usize::try_from(known.unwrap_or_default()).unwrap_or(usize::MAX);
        TrustRequest {
            project: project.to_owned(),
            stage: stage.to_owned(),
            statements: self.statements.iter().skip(known).cloned().collect(),
            withdrawals: self.withdrawals.clone(),
        }
    }
}

/// A file of the ledger as hosts get it.
pub fn text(file: SignedFile) -> SignedText {
    SignedText {
        text: file.text,
        signature: file.signature,
    }
}
