//! Who may ask what.

use fifteen::protocol::{ALLOWED, Request, Role};

#[test]
fn every_request_is_in_the_table_once_and_nothing_else_is() {
    let mut listed: Vec<_> = ALLOWED.iter().map(|(name, _)| *name).collect();
    let mut known = Request::NAMES.to_vec();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known);
}

#[test]
fn unit_cannot_look_around_and_intake_cannot_dispatch() {
    for request in ["list_calls", "list_units", "assign_unit", "close_call", "report"] {
        assert!(!Role::Unit.allows(request), "{request}");
        assert!(!Role::Intake.allows(request), "{request}");
    }
    assert!(Role::Unit.allows("report_status"));
    assert!(Role::Intake.allows("place_call"));
}

#[test]
fn admin_never_sees_a_call() {
    for request in ["list_calls", "show_call", "subscribe", "recommend_units"] {
        assert!(!Role::Admin.allows(request), "{request}");
    }
    assert!(Role::Admin.allows("backup"));
}

#[test]
fn unknown_request_is_allowed_to_nobody() {
    assert!(Role::ALL.iter().all(|role| !role.allows("make_tea")));
}
