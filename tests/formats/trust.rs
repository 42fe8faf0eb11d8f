//! Files of the ledger that say who may do what.

use super::{document, files::frozen, sample};
use hostout::host::{Request, SignedText, TrustRequest};
use hostout::release::{
    Approval, FormatError, Need, Policy, Roles, Statement, Unchecked, Withdrawal,
};

#[test]
fn roles_mean_what_they_meant() {
    let roles: Roles = frozen("roles.toml");
    let (ada, ben) = (&roles.key[0], &roles.key[1]);
    let may = |need: &Need| roles.may(&ben.fingerprint, need);
    assert!(roles.may(&ada.fingerprint, &Need::Deploy("production".to_owned())));
    assert!(may(&Need::Release) && may(&Need::Keys) && may(&Need::Deploy("staging".to_owned())));
    assert!(may(&Need::Rollback("production".to_owned())));
    assert!(!may(&Need::Deploy("production".to_owned())));
}

#[test]
fn a_policy_means_what_it_meant() {
    let text = sample("policy.toml");
    let policy = Policy::from_toml(&text).unwrap();
    assert!(policy.reason && policy.unchecked == Unchecked::Refuse);
    let production = policy.of("production");
    assert_eq!((production.signers, production.healthy), (2, 1800));
    assert_eq!(production.retention, Some(90 * 86_400));
    assert_eq!(production.max_age, None);
    let later = Policy::from_toml(&sample("policy-max-age.toml")).unwrap();
    assert_eq!(later.of("production").max_age, Some(7 * 86_400));
    let newer = text.replacen("format = 1", "format = 2", 1);
    assert!(matches!(
        Policy::from_toml(&newer),
        Err(FormatError::Newer(2))
    ));
}

#[test]
fn what_hosts_are_told_means_what_it_meant() {
    let statement: Statement = frozen("statement.toml");
    assert_eq!(statement.generation, 1);
    assert_eq!(statement.previous, "1".repeat(64).parse().ok());
    assert_eq!(statement.project, Some("0".repeat(40)));
    assert!(statement.allowed_signers.starts_with("ada@example.org "));
    assert_eq!((statement.manifests.len(), statement.openpgp.len()), (1, 1));
    assert!(statement.withdrawn.contains_key("1.4.1"));
}

#[test]
fn approvals_and_withdrawals_mean_what_they_meant() {
    let approval: Approval = frozen("approval.toml");
    assert_eq!(
        (approval.stage.as_str(), approval.reason.as_str()),
        ("production", "tested on staging")
    );
    let withdrawal: Withdrawal = frozen("withdrawal.toml");
    assert_eq!(withdrawal.manifest, approval.manifest);
    assert_eq!(
        (withdrawal.version, withdrawal.reason.as_str()),
        (approval.version, "leaks")
    );
}

#[test]
fn a_host_is_told_of_keys_as_it_was() {
    let request = Request::new(TrustRequest {
        project: "0".repeat(40),
        stage: "staging".to_owned(),
        statements: vec![SignedText {
            text: "format = 1".to_owned(),
            signature: "-----BEGIN SSH SIGNATURE-----".to_owned(),
        }],
        withdrawals: Vec::new(),
    });
    let written: serde_json::Value = serde_json::from_slice(&request.to_json().unwrap()).unwrap();
    assert_eq!(written, document("agent-trust.json"));
}
