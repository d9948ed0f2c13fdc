//! One list of behaviours, run against every transport.
//!
//! A behaviour is an `async fn` that takes a [`Fixture`] and panics when the transport behaves otherwise; [`behaviours!`]
//! makes a test of each, by name. A transport's test file says only how to connect it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a behaviour panics when it does not hold")]

pub mod calls;
pub mod events;
pub mod fixture;
pub mod hostile;
pub mod kept;
pub mod letters;
pub mod limits;
pub mod middleware;
pub mod mortal;
pub mod ordered;
pub mod probe;
pub mod rolling;
pub mod without_events;

pub use fixture::Fixture;

/// The generated types of `idl/probe.frugal`.
#[allow(missing_docs)]
pub mod idl {
    thriftwood::include_idl!("v1.probe");
}

/// Makes a test of every behaviour in the list, connected by `$connect`: an `async fn(&str) -> Option<Fixture>` that gives
/// `None` when its part is not to be had.
#[macro_export]
macro_rules! behaviours {
    ($connect:ident) => {
        $crate::call_behaviours!($connect);
        $crate::behaviours! { $connect; events:
            an_event_arrives_with_its_prefix_variable_and_headers
            a_bare_value_is_an_event_too
            two_members_of_a_group_share_the_events
            a_wildcard_takes_every_value_of_a_variable
            subscribers_outside_a_group_each_get_every_event
            a_variable_that_cannot_be_in_a_topic_is_refused
            a_handler_gets_every_event
            a_handler_that_takes_events_gets_every_one
            a_subscription_without_a_group_has_no_time_limit_and_gives_nothing_back
            a_closed_bus_publishes_nothing
        }
        $crate::behaviours! { $connect; ordered:
            events_of_one_key_are_handled_in_order
            a_failing_key_holds_back_no_other
            no_more_than_max_in_flight
            a_stopped_subscription_finishes_what_it_has
        }
        $crate::behaviours! { $connect; middleware as event_middleware:
            a_layer_sees_events_on_both_sides
        }
    };
    ($connect:ident; $module:ident: $($behaviour:ident)*) => {
        $crate::behaviours! { $connect; $module as $module: $($behaviour)* }
    };
    ($connect:ident; $module:ident as $tests:ident: $($behaviour:ident)*) => {
        mod $tests {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                if let Some(fixture) = super::$connect(stringify!($behaviour)).await {
                    $crate::$module::$behaviour(&fixture).await;
                    fixture.close().await;
                }
            })*
        }
    };
}

/// The behaviours of calls alone, for a transport that carries no events.
#[macro_export]
macro_rules! call_behaviours {
    ($connect:ident) => {
        $crate::behaviours! { $connect; calls:
            a_call_gives_back_its_result
            a_declared_exception_arrives_as_itself
            an_application_code_passes_unchanged
            an_unknown_method_is_a_typed_error
            a_panic_is_an_internal_error_and_the_server_lives_on
            a_slow_reply_times_out_and_the_next_call_works
            a_slow_call_delays_no_other
            a_thousand_calls_at_once_get_their_own_replies_out_of_order
            headers_travel_both_ways
            the_handler_sees_what_time_is_left
            a_dropped_future_stops_the_handler
            the_deadline_reaches_the_third_hop
            a_oneway_call_is_handled_and_not_awaited
            a_stopped_server_finishes_what_it_has
            a_stop_with_a_limit_ends_the_handlers_that_take_longer
            a_closed_bus_says_so
        }
        $crate::behaviours! { $connect; middleware:
            a_layer_sees_every_call_on_both_sides_in_order
            a_layer_can_refuse_a_call
            a_tower_limit_goes_around_a_client
        }
        $crate::behaviours! { $connect; limits:
            a_call_beyond_the_servers_limit_is_refused_as_overloaded
            a_handler_may_refuse_as_overloaded
            calls_wait_their_turn_and_no_more_are_handled_at_once_than_may_be
        }
        $crate::behaviours! { $connect; hostile:
            garbage_from_a_client_harms_nobody
            a_truncated_frame_harms_nobody
            garbage_from_a_server_is_a_typed_error
            a_reply_cut_at_any_byte_is_a_typed_error
            an_oversized_call_is_refused_before_it_is_sent
            an_oversized_result_is_a_typed_error
        }
    };
}

/// The behaviours of calls that carry something, in the protocols other than binary, which the whole list runs in. What a protocol can get
/// wrong is in the values, the envelope and the exceptions; what is done with whole frames is the same code for all.
#[macro_export]
macro_rules! protocol_behaviours {
    ($connect:ident) => {
        $crate::protocol_behaviours! { $connect; compact Compact }
        $crate::protocol_behaviours! { $connect; json Json }
    };
    ($connect:ident; $module:ident $protocol:ident) => {
        mod $module {
            async fn speaking(test: &str) -> Option<$crate::Fixture> {
                let fixture = super::$connect(test).await?;
                Some(fixture.speaking(thriftwood::codec::Protocol::$protocol))
            }
            $crate::behaviours! { speaking; calls:
                a_call_gives_back_its_result
                a_declared_exception_arrives_as_itself
                an_application_code_passes_unchanged
                an_unknown_method_is_a_typed_error
                a_panic_is_an_internal_error_and_the_server_lives_on
                headers_travel_both_ways
                a_dropped_future_stops_the_handler
                the_deadline_reaches_the_third_hop
                a_oneway_call_is_handled_and_not_awaited
            }
            $crate::behaviours! { speaking; limits:
                a_call_beyond_the_servers_limit_is_refused_as_overloaded
            }
            $crate::behaviours! { speaking; hostile:
                an_oversized_call_is_refused_before_it_is_sent
                an_oversized_result_is_a_typed_error
            }
        }
    };
}

/// The same for the behaviours of events.
#[macro_export]
macro_rules! event_protocol_behaviours {
    ($connect:ident) => {
        $crate::event_protocol_behaviours! { $connect; compact_events Compact }
        $crate::event_protocol_behaviours! { $connect; json_events Json }
    };
    ($connect:ident; $module:ident $protocol:ident) => {
        mod $module {
            async fn speaking(test: &str) -> Option<$crate::Fixture> {
                let fixture = super::$connect(test).await?;
                Some(fixture.speaking(thriftwood::codec::Protocol::$protocol))
            }
            $crate::behaviours! { speaking; events:
                an_event_arrives_with_its_prefix_variable_and_headers
                a_bare_value_is_an_event_too
                two_members_of_a_group_share_the_events
            }
        }
    };
}

/// What a transport that carries no events says when it is asked to.
#[macro_export]
macro_rules! no_event_behaviours {
    ($connect:ident) => {
        $crate::behaviours! { $connect; without_events:
            publishing_is_refused_and_the_error_names_who_can
            subscribing_is_refused_and_the_error_names_who_can
        }
    };
}

/// What holds where a subscriber has an event for no longer than [`kept::TIME`](crate::kept::TIME).
#[macro_export]
macro_rules! time_limit_behaviours {
    ($connect:ident) => {
        $crate::behaviours! { $connect; kept as time_limit:
            an_event_in_progress_stays_with_its_subscriber_and_goes_to_another_afterwards
            a_handler_keeps_its_event_for_as_long_as_it_says_that_it_is_in_progress
            events_in_line_wait_however_long_all_handlers_are_at_work
        }
    };
}

/// What holds where an event has no more than [`mortal::ATTEMPTS`](crate::mortal::ATTEMPTS) deliveries.
#[macro_export]
macro_rules! mortal_behaviours {
    ($connect:ident) => {
        $crate::behaviours! { $connect; mortal:
            an_event_that_nobody_can_handle_becomes_a_dead_letter_with_its_reasons
            an_event_that_can_never_be_handled_becomes_a_dead_letter_at_once
            a_dropped_delivery_counts_and_the_last_one_waits_for_no_delay
            a_key_goes_on_behind_its_dead_letter
        }
    };
}

/// What holds besides, on a transport that keeps events.
#[macro_export]
macro_rules! kept_behaviours {
    ($connect:ident) => {
        $crate::behaviours! { $connect; kept:
            a_new_group_starts_with_the_first_event
            a_group_goes_on_where_it_left_off
            an_event_that_was_not_handled_comes_again
            an_event_given_back_with_a_delay_comes_after_it_and_holds_up_no_other
            what_a_member_at_its_limit_does_not_take_goes_to_another
            a_handler_that_takes_the_event_says_what_becomes_of_it_or_leaves_it
            a_subscription_starts_where_it_is_told
        }
    };
}
