//! What can go wrong on the way, fault by fault: each is shown by tests that are named here, or a sentence of the code's
//! own documentation says why it can't happen.

use std::{collections::BTreeSet, fs, path::Path};

/// What can go wrong, from the first connection to the last word; below each, which file shows or says why it does no
/// harm.
const FAULTS: &str = "\
a connection is refused, times out, or a name is not found for a moment
    tests/transport/lost.rs shows a_refused_connection_is_said_with_its_address
    tests/transport/lost.rs shows a_host_that_comes_back_is_reached_when_more_attempts_are_allowed
    src/plan/tests/deployments.rs shows every_reason_on_every_host_is_told_at_once
sshd takes no more sessions
    src/transport/ssh.rs says one session, a channel a command
the line is cut while hosts are looked at
    tests/verbs/interrupt.rs shows a_client_that_is_killed_holds_up_nobody
the line is cut in an upload
    tests/transport/lost.rs shows a_killed_sshd_loses_an_upload
    tests/agent/test_agent.py shows test_a_torn_upload_is_no_success
the line is cut in a bootstrap
    tests/lab/cases/bare.rs shows a_bootstrap_that_is_cut_off_goes_on
the line is cut in a backup
    tests/lab/cases/matrix.rs shows each_step_with_each_cut
    tests/agent/test_backup.py shows test_half_a_backup_is_none_and_goes_before_the_next
the line is cut after services were stopped
    tests/verbs/interrupt.rs shows a_connection_that_is_lost_is_made_again
    tests/verbs/interrupt.rs shows a_connection_that_is_lost_in_a_switch_loses_nothing
    tests/lab/cases/matrix.rs shows each_step_with_each_cut
the line is cut while buildout runs
    tests/agent/test_agent.py shows test_work_that_nobody_waits_for_stops
the line is cut between switch and start
    tests/lab/cases/matrix.rs shows each_step_with_each_cut
    tests/agent/test_recovery.py shows test_after_the_switch_the_old_release_comes_back_with_its_data
the line is cut after the end, before it is written down
    tests/verbs/interrupt.rs shows a_switch_goes_on_to_its_end_with_us_or_without_us
    tests/agent/test_recovery.py shows test_a_release_that_was_found_healthy_stays
Ctrl-C
    tests/verbs/interrupt.rs shows a_deployment_that_is_interrupted_before_the_switch_leaves_the_old_release
    tests/verbs/interrupt.rs shows a_switch_goes_on_to_its_end_with_us_or_without_us
the client is killed, or its machine falls asleep
    tests/verbs/lock.rs shows a_cancelled_client_leaves_nothing
    tests/verbs/lock.rs shows a_lock_that_somebody_left_ends_by_itself_or_by_unlock
the host loses its power in an activation
    tests/lab/cases/crash.rs shows a_unit_of_systemd_puts_it_right_at_boot
    tests/lab/cases/crash.rs shows a_line_of_cron_puts_it_right_at_boot
    tests/lab/cases/crash.rs shows the_next_command_puts_right_what_power_cut_off
the host kills a step for want of memory
    tests/lab/cases/matrix.rs shows each_step_with_each_cut
    tests/agent/test_deploy.py shows test_a_failing_buildout_leaves_nothing_but_its_log
an unknown host key
    tests/transport/host_keys.rs shows an_unknown_key_is_refused_with_its_fingerprint
    tests/transport/host_keys.rs shows a_person_is_asked_and_the_answer_remembered
a changed host key
    tests/transport/host_keys.rs shows a_changed_key_is_refused_with_file_and_line
a login that is refused
    tests/transport/login.rs shows a_wrong_key_is_named_with_the_user_and_what_the_server_takes
    tests/transport/login.rs shows too_many_keys_are_said_to_be_too_many
sudo wants a password
    tests/lab/cases/bare.rs shows logins_that_are_not_as_they_should_be
    src/host/mod.rs says nothing in a deployment asks for sudo's password
a disk that fills up in an upload or a build
    tests/lab/cases/disks.rs shows a_disk_that_is_too_small_is_told_before_anything_is_sent
    tests/lab/cases/disks.rs shows of_a_host_in_an_upload_and_in_a_build
    tests/agent/test_agent.py shows test_a_full_disk_is_told_apart_and_leaves_no_partial
a disk that fills up in a backup
    tests/lab/cases/disks.rs shows on_a_full_disk_a_switch_is_possible_and_a_backup_takes_only_itself_away
    tests/agent/test_backup.py shows test_a_full_disk_takes_only_the_partial_away
no bytes or inodes left for the switch, a log or a lock
    src/plan/tests/backups.rs shows a_switch_to_what_is_there_is_possible_on_a_full_disk
    src/plan/tests/backups.rs shows inodes_run_out_too_where_they_are_counted
    tests/lab/cases/disks.rs shows on_a_full_disk_a_switch_is_possible_and_a_backup_takes_only_itself_away
a full disk that spoilt what was kept for later
    tests/verbs/verify.rs shows a_damaged_file_of_the_store_is_named_and_left_alone
    tests/agent/test_deploy.py shows test_prepare_is_reused_rebuilt_or_refused
bytes that changed on the way or on the disk
    tests/agent/test_agent.py shows test_what_does_not_hash_to_its_name_is_not_kept
    tests/agent/test_deploy.py shows test_prepare_is_reused_rebuilt_or_refused
two deployments at once on one host
    tests/verbs/lock.rs shows of_two_at_once_one_waits_its_turn_or_goes
    tests/agent/test_agent.py shows test_of_many_who_find_an_expired_one_one_wins
two deployments at once of one stage on different hosts
    tests/verbs/divided.rs shows the_later_one_on_a_stage_gives_way
a lock that was left, or taken over
    tests/verbs/lock.rs shows unlock_writes_down_how_a_deployment_ended_that_was_left
    tests/agent/test_agent.py shows test_an_expired_one_is_taken_over_and_its_owner_is_fenced
    tests/agent/test_agent.py shows test_who_lost_it_does_not_begin
clocks that disagree
    tests/agent/test_agent.py shows test_a_wrong_or_stepping_clock_neither_ends_a_lease_nor_makes_it_last
    tests/verbs/lock.rs shows a_lock_that_somebody_left_ends_by_itself_or_by_unlock
modification times that changed
    src/host/agent/head.py says Which release is good or older is never read from a modification time or the order of a listing
a buildout that ran half
    tests/agent/test_deploy.py shows test_a_failing_buildout_leaves_nothing_but_its_log
    tests/verbs/deploy.rs shows a_release_that_cannot_be_built_there_changes_nothing
a buildout that ends with 0 and something else than was released
    tests/agent/test_ways_back.py shows test_an_egg_that_is_not_the_manifests_is_refused_although_buildout_said_0
a service that does not start
    tests/verbs/deploy.rs shows a_release_that_does_not_start_is_put_back
    tests/agent/test_services.py shows test_one_that_is_dead_at_once_is_a_failed_start
a service that starts and dies later
    tests/verbs/health.rs shows a_crash_loop_is_not_taken_for_life
    tests/agent/test_health.py shows test_one_that_dies_in_the_window_is_found_out
the old process answers for the new release
    tests/verbs/health.rs shows a_service_that_never_stops_is_ended_and_never_runs_twice
    tests/agent/test_health.py shows test_another_releases_answer_does_not_count
a backup that fails or is half
    tests/verbs/data.rs shows a_backup_that_fails_touches_nothing
    tests/agent/test_backup.py shows test_the_last_one_of_a_healthy_release_outlives_failures
putting data back fails in the middle
    tests/agent/test_backup.py shows test_a_failure_in_the_middle_leaves_the_data_as_it_was_found
    tests/agent/test_backup.py shows test_it_can_be_done_again_after_it_was_cut_off
    tests/agent/test_postgresql.py shows test_what_cannot_be_put_back_changes_nothing
going back after data was migrated
    tests/verbs/data.rs shows a_copy_of_zodb_comes_back_after_a_failed_migration
    tests/verbs/data.rs shows without_a_way_back_services_stay_down_and_both_ways_are_told
going back from the first release
    tests/verbs/rollback.rs shows goes_back_step_by_step_and_never_forward
    tests/agent/test_deploy.py shows test_a_first_release_that_is_unhealthy_leaves_nothing_live
an earlier release that is gone from a host
    tests/verbs/rollback.rs shows ships_again_what_the_host_lost
going back from having gone back
    tests/verbs/rollback.rs shows goes_back_step_by_step_and_never_forward
the way back fails too
    tests/agent/test_ways_back.py shows test_an_old_release_that_does_not_start_again_is_told_with_both_causes
    tests/agent/test_recovery.py shows test_its_own_way_back_may_be_cut_off_too
some hosts fail
    tests/lab/cases/fleets.rs shows a_rolling_deployment_that_halts_is_resumed
    tests/lab/cases/fleets.rs shows a_host_that_is_away_stays_behind
a hook that fails or hangs
    tests/verbs/hooks.rs shows hooks_are_run_in_their_moments_and_fail_each_in_its_own_way
old releases that can't be removed
    src/host/agent/activation.py says What can't be removed is told, and undoes nothing
no index and no remote at a deployment
    tests/verbs/buildouts.rs shows what_was_fetched_reaches_hosts_whatever_is_served_there_later
    tests/lab/cases/cycle.rs shows deploy_change_and_roll_back
no remote at a rollback
    tests/verbs/emergency.rs shows a_clone_that_heard_of_nothing_rolls_back_without_the_remote_and_tells_it_later
`current` is a folder
    tests/verbs/bad_hosts.rs shows a_path_that_is_somebody_elses
    tests/agent/test_agent.py shows test_a_foreign_current_is_seen
files of somebody else's in a release
    tests/agent/test_agent.py shows test_read_only_trees_are_removed
a secret that is missing on the host
    tests/verbs/bad_hosts.rs shows a_shared_file_has_to_be_there_first
    tests/agent/test_deploy.py shows test_a_missing_shared_file_is_named_and_nothing_is_left
the wrong stage by mistake
    tests/verbs/ssh.rs shows a_local_and_a_far_stage_side_by_side
a tag that moved, a signature that is missing or by a key that may not
    tests/verbs/verify.rs shows tags_that_are_not_the_releases_are_named
    tests/verbs/verify.rs shows a_deployment_checks_first
    tests/verbs/verify.rs shows signers_replaced_by_somebody_who_may_not_are_named
clients of different versions
    tests/verbs/repositories.rs shows a_newer_format_is_read_by_nobody_and_written_over_by_nobody
    tests/verbs/bad_hosts.rs shows what_a_newer_program_left_is_read_and_never_written
wheels for another python, libc or processor
    tests/verbs/bad_hosts.rs shows a_python_that_is_missing_or_does_not_fit
    src/plan/fit.rs shows compares_every_tag_of_a_set
the ledger's push is refused after a deployment is live
    tests/verbs/divided.rs shows two_stages_at_once_are_both_in_the_ledger
    tests/verbs/emergency.rs shows a_clone_that_heard_of_nothing_rolls_back_without_the_remote_and_tells_it_later
bytes that are no text
    tests/agent/test_agent.py shows test_output_is_clean_text
";

/// What is known: no fault may get lost.
const COUNT: usize = 54;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default()
}

/// All words of a file without the signs of comments, whatever lines they are broken into.
fn words(text: &str) -> String {
    let signs: &[char] = &['/', '!', '#', '"', ' '];
    let lines = text.lines().map(|line| line.trim_matches(signs));
    lines
        .flat_map(str::split_whitespace)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a line's claim holds.
pub fn holds(line: &str) -> bool {
    if let Some((file, name)) = line.split_once(" shows ") {
        let text = read(file);
        return [format!("fn {name}()"), format!("def {name}(self)")]
            .iter()
            .any(|definition| text.contains(definition));
    }
    line.split_once(" says ")
        .is_some_and(|(file, sentence)| words(&read(file)).contains(sentence))
}

#[test]
fn each_has_its_proof() {
    let (proofs, faults): (Vec<_>, Vec<_>) = FAULTS.lines().partition(|line| line.starts_with(' '));
    let gone: Vec<_> = proofs
        .into_iter()
        .filter(|proof| !holds(proof.trim()))
        .collect();
    assert!(gone.is_empty(), "{}", gone.join("\n"));
    let distinct: BTreeSet<_> = faults.iter().collect();
    assert_eq!((faults.len(), distinct.len()), (COUNT, COUNT));
    for pair in FAULTS.lines().collect::<Vec<_>>().windows(2) {
        assert!(
            pair.iter().any(|line| line.starts_with(' ')),
            "{} has no proof",
            pair[0]
        );
    }
}
