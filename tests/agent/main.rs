//! The agent on a real NATS server and a real API server, spoken to with NATS's
//! own command-line client, so that what is tested is the protocol itself.
//!
//! All tests share one control plane, one NATS server and one agent; those that
//! stop something start their own.

mod acting;
mod answers;
mod chart;
mod commands;
mod examples;
mod faults;
mod guard;
mod hostile;
mod identity;
mod installed;
mod library;
mod link;
mod objects;
mod outage;
mod platform;
mod program;
mod proxy;
mod reads;
mod remote;
mod replicas;
mod scene;
mod schemas;
mod sessions;
mod ways;
mod wire;

use std::process::ExitCode;

use scene::Agents;
use testbed::{cases, suite};

fn main() -> ExitCode {
    suite::run::<Agents>(cases![
        link::answers_health_and_readiness,
        link::is_found_as_a_service,
        link::comes_back_when_nats_does,
        link::silent_connection_is_replaced,
        link::stops_when_asked,
        identity::registers_and_renews_without_a_gap,
        identity::refusal_is_told_and_asked_again_slowly,
        identity::revoked_credentials_are_replaced,
        identity::credentials_file_may_change,
        acting::users_have_their_own_rights,
        acting::nobody_is_acted_for_unless_switched_on,
        guard::client_without_the_right_gets_nothing,
        guard::nothing_secret_leaves,
        ways::nats_is_reached_in_each_way,
        proxy::nats_is_reached_by_a_proxy,
        proxy::proxy_that_refuses_is_named,
        reads::info_names_cluster_and_versions,
        reads::kinds_are_known_by_name,
        reads::pages_hold_each_pod_once,
        reads::lists_are_sorted,
        reads::order_tells_no_secret,
        reads::objects_are_read_without_secrets,
        reads::what_is_wrong_is_said_with_a_code,
        objects::manifests_are_applied_and_changed,
        objects::events_and_use_are_shown,
        objects::secrets_are_revealed_by_a_right_of_its_own,
        objects::doctor_finds_what_is_wrong,
        sessions::watch_shows_what_happens,
        sessions::log_is_followed,
        sessions::log_is_filtered,
        commands::release_of_the_agent_is_a_helm_release,
        commands::same_command_twice_is_done_once,
        commands::failure_is_told,
        replicas::killed_agent_is_taken_over,
        replicas::two_agents_do_one_thing_at_a_time,
        replicas::work_ends_before_the_agent,
        replicas::operation_is_cancelled,
        replicas::stream_has_one_source,
        library::slow_reader_gets_the_last_state,
        library::watch_survives_the_loss_of_nats,
        library::log_survives_the_loss_of_nats,
        library::gaps_in_logs_are_told,
        library::large_object_comes_in_parts,
        library::commands_that_must_not_be_done,
        library::abandoned_sessions_end,
        chart::all_helms_render_it_alike,
        chart::it_is_installed_by_either,
        chart::its_document_is_true,
        installed::agent_works_in_a_real_cluster if installed::missing,
        faults::cut_wire_loses_and_doubles_nothing,
        answers::lost_answers_do_nothing_twice,
        faults::api_server_restarts,
        outage::nats_is_away_for_a_minute,
        outage::pages_go_on_after_compaction,
        faults::long_and_late_messages_are_refused,
        hostile::every_verb_refuses_what_is_broken,
        hostile::users_are_refused_what_is_broken,
        hostile::every_command_refuses_what_is_broken,
        hostile::sessions_and_operations_go_on,
        faults::thousand_sessions_are_left,
        examples::examples_of_the_protocol_work,
        schemas::messages_fit_their_schemas,
        schemas::schemas_find_what_is_wrong,
        remote::reads_print_the_same,
        remote::changes_are_told_the_same,
        program::agents_and_kinds_are_listed,
        program::objects_are_shown_as_by_kubectl,
        program::exit_codes_say_what_went_wrong,
        program::release_is_made_and_taken_away,
    ])
}
