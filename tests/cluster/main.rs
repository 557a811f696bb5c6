//! The command-line program on a real API server, side by side with real Helm.
//!
//! Each test has a namespace of its own on a control plane that all share. With
//! `TESTBED_SUBJECT=helm4` (or `helm3`) real Helm takes the place of our
//! program: what then fails is a wrong test, or one about a difference that is
//! meant.

mod bad_input;
mod client_side;
mod dependencies;
mod drivers;
mod faults;
mod fetch;
mod flags;
mod interplay;
mod kill;
mod lifecycle;
mod lookup;
mod parity;
mod post_render;
mod provenance;
mod proxy;
mod random;
mod record;
mod scene;
mod wait;

use std::process::ExitCode;

use scene::Cluster;
use testbed::{cases, suite};

fn main() -> ExitCode {
    suite::run::<Cluster>(cases![
        interplay::helm4_takes_over_ours,
        interplay::helm3_takes_over_ours,
        interplay::ours_takes_over_helm4,
        interplay::ours_takes_over_helm3,
        record::same_as_helm4,
        record::same_as_helm3,
        record::objects_are_owned_as_by_helm4,
        client_side::same_as_helm4,
        client_side::same_as_helm3,
        lifecycle::drift_is_put_right_and_nothing_else,
        lifecycle::dropped_objects_go_and_kept_ones_stay,
        lifecycle::history_is_limited,
        lifecycle::deprecated_charts_are_told_of_once,
        kill::install,
        kill::upgrade,
        kill::rollback,
        kill::uninstall,
        kill::twice,
        kill::then_fails,
        faults::server_restarted,
        faults::server_gone,
        faults::connections_cut,
        faults::too_many_requests,
        faults::server_errors,
        faults::webhook_refuses,
        faults::one_verb_is_forbidden,
        faults::leases_are_forbidden,
        faults::watch_expires,
        faults::idle_wait_asks_nothing,
        faults::lease_of_another_machine,
        faults::pending_record_of_helm,
        drivers::configmaps,
        drivers::memory_and_unknown,
        drivers::sql if drivers::no_postgres,
        drivers::sql_with_tls if drivers::no_postgres,
        parity::of_install,
        parity::of_upgrade,
        parity::of_rollback,
        parity::of_uninstall,
        parity::of_test,
        parity::of_hooks,
        parity::of_reads,
        flags::of_helm3,
        flags::of_install,
        flags::of_upgrade,
        flags::generated_names,
        flags::of_all_namespaces,
        flags::of_sources,
        flags::of_the_connection,
        flags::every_flag_has_a_test,
        lookup::same_as_helm4,
        lookup::same_as_helm3,
        post_render::same_as_helm4,
        post_render::same_as_helm3,
        random::sequence_ends_as_by_helm4_alone,
        wait::for_hooks_and_pods,
        wait::asks_for_no_more_than_it_needs,
        wait::failed_pods_are_seen,
        wait::failing_hook_fails_the_release,
        wait::interrupted_install_can_be_upgraded,
        wait::custom_resources_after_their_definition,
        bad_input::not_a_chart,
        bad_input::values_that_are_no_yaml,
        bad_input::values_file_is_missing,
        bad_input::values_that_break_the_schema,
        bad_input::template_that_does_not_parse,
        bad_input::template_that_fails,
        bad_input::manifest_that_is_no_yaml,
        bad_input::kind_that_does_not_exist,
        bad_input::namespace_that_does_not_exist,
        bad_input::object_of_another_release,
        bad_input::name_that_is_taken,
        bad_input::install_that_cannot_begin,
        bad_input::server_that_is_away,
        bad_input::server_that_refuses,
        bad_input::server_that_answers_conflict,
        fetch::from_a_registry,
        fetch::from_a_registry_with_a_login,
        fetch::from_a_repository,
        fetch::from_a_url,
        fetch::archive_with_another_digest,
        fetch::prereleases,
        fetch::from_a_repository_with_tls,
        provenance::same_as_helm if provenance::no_gpg,
        provenance::what_is_wrong_is_refused if provenance::no_gpg,
        provenance::of_every_verb if provenance::no_gpg,
        dependencies::same_as_helm,
        dependencies::locked_and_outdated,
    ])
}
