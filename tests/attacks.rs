//! Attacks on a release's way from a commit to a server, one by one: each ends in a refusal that says what was wrong, as is
//! shown by the tests that are named here, against real git, ssh-keygen and hosts.

use crate::faults::holds;

/// The attacks by their numbers; below each, which test shows its end.
const ATTACKS: &str = "\
1 a tag is moved, here or on the remote
    tests/verbs/verify.rs shows tags_that_are_not_the_releases_are_named
    tests/verbs/verify.rs shows a_deployment_checks_first
    tests/verbs/hygiene.rs shows what_was_changed_on_the_remote_by_force_is_named_and_nothing_taken_over
2 a signed tag is copied to another name
    tests/verbs/verify.rs shows tags_that_are_not_the_releases_are_named
    src/ledger/tag.rs shows a_copied_tag_is_found_out_though_git_accepts_it
    tests/verbs/hygiene.rs shows what_was_changed_on_the_remote_by_force_is_named_and_nothing_taken_over
3 the same person's tag or manifest of another project
    src/ledger/tag.rs shows a_tag_of_another_project_manifest_or_commit_is_refused
    tests/agent/test_trust.py shows test_a_release_is_signed_by_who_may_release
4 the ledger is cut short
    tests/verbs/verify.rs shows a_ledger_that_lost_what_was_seen_is_named
    tests/verbs/hygiene.rs shows what_was_changed_on_the_remote_by_force_is_named_and_nothing_taken_over
    src/ledger/fetch.rs shows a_replaced_or_shortened_history_is_not_taken_over
5 two people are shown two ledgers
    tests/verbs/hygiene.rs shows what_was_changed_on_the_remote_by_force_is_named_and_nothing_taken_over
    tests/agent/test_trust.py shows test_none_is_left_out_or_replaced
6 an old deployment is sent again
    tests/agent/test_trust.py shows test_an_old_one_is_not_taken_again
7 an old ledger is served
    tests/verbs/frozen.rs shows an_old_ledger_is_not_deployed_by_for_longer_than_the_policy_says
    tests/verbs/lost_update.rs shows what_a_clone_has_not_heard_of_is_fetched_first
    tests/agent/test_trust.py shows test_an_old_one_is_not_taken_again
8 serials jump
    tests/verbs/verify.rs shows a_deleted_entry_a_gap_and_a_merge_are_named
9 parts of two releases are mixed
    tests/verbs/verify.rs shows a_manifest_edited_in_the_ledger_is_named
    tests/agent/test_trust.py shows test_a_deployment_is_what_was_signed_by_who_may
10 an artifact is swapped, on the host or here
    tests/agent/test_trust.py shows test_an_artifact_that_was_swapped_is_found_before_the_switch
    tests/agent/test_agent.py shows test_what_does_not_hash_to_its_name_is_not_kept
    tests/verbs/verify.rs shows a_damaged_file_of_the_store_is_named_and_left_alone
11 a distribution from the index takes a project's name
    tests/verbs/release.rs shows an_egg_is_ours_even_where_the_index_has_its_name
    tests/verbs/release.rs shows an_egg_that_does_not_build_is_not_taken_from_the_index_instead
12 archives that leave their folder, or carry special bits
    tests/agent/test_agent.py shows test_what_leaves_the_tree_is_refused
    tests/agent/test_agent.py shows test_a_wheel_cannot_write_elsewhere
    tests/agent/test_agent.py shows test_the_top_folder_is_stripped_and_special_bits_are_dropped
    tests/verbs/refusals.rs shows a_wheel_with_a_member_that_leaves_its_folder
13 a host is somebody else's now
    tests/verbs/emergency.rs shows a_clone_that_heard_of_nothing_rolls_back_without_the_remote_and_tells_it_later
    tests/verbs/lost.rs shows a_host_gives_back_the_ledger_and_all_releases_when_clone_and_remote_are_lost
    src/ui/clean.rs shows whatever_comes_in_no_control_character_comes_out
14 a deploy key is stolen
    tests/verbs/host_trust.rs shows a_key_that_may_only_deploy_deploys_what_is_signed
    tests/agent/test_trust.py shows test_it_only_deploys
    tests/agent/test_trust.py shows test_it_introduces_nobody_and_what_is_unsigned_is_not_built
15 a release key is stolen
    tests/verbs/consent.rs shows two_people_agree_and_what_is_withdrawn_goes_nowhere
    tests/agent/test_trust.py shows test_two_people_are_counted_here_too
    tests/lab/cases/trust.rs shows root_has_a_host_believe_another_ledger_when_all_is_lost
    tests/agent/test_trust.py shows test_the_old_keys_are_refused_at_once_and_the_new_ones_taken
16 a key that was taken away signs with an earlier date
    src/ledger/members.rs shows a_key_that_is_gone_signs_nothing_more_whatever_date_it_writes
    src/ledger/members.rs shows a_key_whose_time_is_over_gains_nothing_by_an_earlier_date
    tests/agent/test_trust.py shows test_releases_of_keys_that_are_gone_count_where_they_were_named
17 a forge calls it verified
    tests/verbs/verify.rs shows neither_the_users_nor_the_repositorys_configuration_is_believed
18 keys or policy are edited by who may not
    tests/verbs/verify.rs shows signers_replaced_by_somebody_who_may_not_are_named
    tests/verbs/keys.rs shows keys_that_were_edited_by_hand_are_not_believed
    src/ledger/members.rs shows a_new_key_may_what_its_roles_say
19 the repository's configuration names other signers, programs, filters and hooks
    tests/verbs/hostile.rs shows a_repositorys_configuration_changes_no_byte_and_runs_nothing
    tests/verbs/hostile.rs shows a_program_that_finds_every_signature_good_is_not_asked
    tests/verbs/verify.rs shows neither_the_users_nor_the_repositorys_configuration_is_believed
20 a configuration that is extended from afar changes
    tests/verbs/buildouts.rs shows what_was_fetched_reaches_hosts_whatever_is_served_there_later
21 two objects have one SHA-1
    tests/verbs/hostile.rs shows what_has_the_id_of_a_file_and_not_its_bytes_is_found_by_sha256
    tests/verbs/repositories.rs shows sha256_object_names_release
    tests/verbs/rebuild.rs shows somebody_else_elsewhere_makes_the_same_bytes_again
22 somebody stands between us and the host
    tests/transport/host_keys.rs shows a_changed_key_is_refused_with_file_and_line
    tests/transport/host_keys.rs shows an_unknown_key_is_refused_with_its_fingerprint
23 words that command the terminal, or forge a trailer
    tests/verbs/control_characters.rs shows reach_neither_the_terminal_nor_a_log
    src/ui/clean.rs shows nothing_that_moves_the_cursor_survives
    src/ledger/message.rs shows a_reason_cannot_forge_a_trailer
    tests/agent/test_agent.py shows test_output_is_clean_text
";

#[test]
fn each_ends_in_a_refusal() {
    let gone: Vec<&str> = ATTACKS
        .lines()
        .filter(|line| line.starts_with(' ') && !holds(line.trim()))
        .collect();
    assert!(gone.is_empty(), "{}", gone.join("\n"));
    let mut number = 0;
    for pair in ATTACKS.lines().collect::<Vec<_>>().windows(2) {
        if !pair[0].starts_with(' ') {
            number += 1;
            assert!(pair[0].starts_with(&format!("{number} ")), "{}", pair[0]);
            assert!(pair[1].starts_with(' '), "{} has no end", pair[0]);
        }
    }
    assert_eq!(number, 23);
}
