//! How every pane looks, and the bad days: as whole screens.

use crate::samples::*;
use fifteen::client::Update;
use fifteen::console::theme::Theme;
use fifteen::console::{Msg, Purpose};
use fifteen::protocol::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};

/// A night: waiting, missed, dispatched, on scene, closed.
fn night() -> (Vec<CallSummary>, Vec<UnitSummary>) {
    let mut missed = urgent(1_260);
    missed.clocks[0].rung = 1;
    missed.clocks[1].rung = 1;
    let mut repeated = call(4_800);
    repeated.clocks[0].rung = 4;
    repeated.clocks[0].repeats = 2;
    let mut cut = call(95);
    cut.kind = "stalking".into();
    cut.flags.dropped = true;
    cut.clocks.push(clock("callback", cut.received_at + 300_000));
    let mut silent = urgent(700);
    silent.flags = Flags { silent: true, sos: true, unsafe_to_ring_back: true, ..Flags::default() };
    silent.kind = "abduction".into();
    let mut far = call(610);
    far.district = "ਗੁਰਦਾਸਪੁਰ".into();
    far.kind = "ہراسانی".into();
    let mut going = claimed(with_unit(call(430), "CAR-7", UnitStatus::EnRoute), "sara");
    going.stage = Stage::EnRoute;
    going.clocks[0].stopped_at = Some(NOW - 200_000);
    let mut there = claimed(with_unit(call(1_900), "CAR-12", UnitStatus::OnScene), "omar");
    there.stage = Stage::OnScene;
    for clock in &mut there.clocks {
        clock.stopped_at = Some(NOW - 900_000);
    }
    there
        .clocks
        .push(ClockSummary { unit: Some("CAR-12".into()), ..clock("safety", NOW + 400_000) });
    let mut stale = claimed(call(300), "bilal");
    if let Some(claim) = &mut stale.claim {
        claim.stale = true;
    }
    let calls =
        vec![missed, repeated, cut, silent, far, going, there, stale, call(12), closed(2_000)];
    let mut radio = unit("CAR-12", UnitStatus::OnScene, &[1_900]);
    radio.linked = false;
    let units = vec![
        unit("CAR-7", UnitStatus::EnRoute, &[430]),
        radio,
        unit("CAR-3", UnitStatus::Available, &[]),
        unit("بلال-4", UnitStatus::OutOfService, &[]),
    ];
    (calls, units)
}

fn desk(columns: u16, rows: u16) -> Desk {
    let (calls, units) = night();
    let mut desk = Desk::sized(calls, units, columns, rows);
    desk.pass(3);
    desk.push(190, "call_closed", closed(1_500));
    desk
}

#[test]
fn the_board_at_80_by_24() {
    insta::assert_snapshot!(desk(80, 24).screen());
}

#[test]
fn the_board_at_120_by_30() {
    insta::assert_snapshot!(desk(120, 30).screen());
}

#[test]
fn the_board_beside_the_open_call_at_250_by_70() {
    let mut desk = desk(250, 70);
    desk.keys("<enter>");
    desk.read(night().0[0].clone());
    insta::assert_snapshot!(desk.screen());
}

#[test]
fn an_empty_board_says_that_all_is_quiet() {
    insta::assert_snapshot!(Desk::with(Vec::new(), Vec::new()).screen());
}

#[test]
fn before_anything_came_from_the_server() {
    insta::assert_snapshot!(Desk::new(Role::Operator, 80, 24).screen());
}

#[test]
fn ten_thousand_waiting_calls_and_the_last_of_them() {
    let calls = (1..=10_000).map(call).collect();
    let mut desk = Desk::with(calls, Vec::new());
    desk.keys("G");
    insta::assert_snapshot!(desk.screen());
}

#[test]
fn a_lost_server_greys_the_board_and_says_so() {
    let mut desk = desk(80, 24);
    desk.down();
    desk.pass(7);
    desk.keys("c");
    insta::assert_snapshot!(desk.screen());
}

#[test]
fn a_drill_on_a_degraded_server_is_marked_on_every_pane() {
    let mut desk = desk(80, 24);
    desk.up(Welcome { drill: true, degraded: true, ..welcome() });
    insta::assert_snapshot!(desk.screen());
    for key in ["1", "2", "3", "4", "6", "?", "<esc>n"] {
        desk.keys(key);
        let screen = desk.screen();
        assert!(screen.contains("DRILL") && screen.contains("DEGRADED"), "{key}: {screen}");
    }
}

#[test]
fn a_room_without_a_disk_says_so_before_everything_else() {
    let mut desk = desk(100, 24);
    desk.up(Welcome { degraded: true, ..welcome() });
    assert!(!desk.screen().contains("NOT ON DISK"));
    desk.take(Msg::Pushed(Box::new(Update::Push(push(210, "spill_began", None)))));
    insta::assert_snapshot!(desk.screen());
    for key in ["1", "2", "3", "4", "6", "?", "<esc>n"] {
        desk.keys(key);
        let screen = desk.screen();
        assert!(screen.contains("NOT ON DISK") && !screen.contains("DEGRADED"), "{key}: {screen}");
    }
    desk.keys("<esc>");
    desk.take(Msg::Pushed(Box::new(Update::Push(push(220, "spill_merged", None)))));
    let screen = desk.screen();
    assert!(!screen.contains("NOT ON DISK") && screen.contains("DEGRADED"), "{screen}");
    desk.up(Welcome { degraded: true, spilling: true, ..welcome() });
    assert!(desk.screen().contains("NOT ON DISK"), "and whoever connects later sees it too");
}

#[test]
fn the_call_pane() {
    let mut desk = desk(80, 24);
    let mut call = night().0[3].clone();
    call.claim = Some(ClaimSummary { who: "sara".into(), since_at: NOW - 30_000, stale: false });
    desk.push(200, "call_claimed", call.clone());
    desk.keys("<enter>");
    desk.model.board.select(call.call);
    desk.keys("<esc><enter>");
    desk.read(call.clone());
    let units = vec![Recommendation {
        unit: "CAR-3".into(),
        distance_m: Some(2_300),
        reasons: vec!["same district".into(), "2.3 km away".into(), "female officer aboard".into()],
    }];
    let ranking = Recommendations { call: call.call, units };
    desk.take(Msg::Replied(Purpose::Recommend(call.call), Ok(ReplyBody::Recommendations(ranking))));
    let caller = Counts { calls: 3, open: 1, real: 2, last_at: Some(NOW), ..Counts::default() };
    let earlier = Earlier {
        same_caller: vec![closed(86_400)],
        caller,
        raise: 1,
        proposed: Some(1),
        why: vec![
            "1 other call of hers open (+4)".into(),
            "2 real calls of this number (+3)".into(),
        ],
        ..Earlier::default()
    };
    desk.take(Msg::Replied(Purpose::Earlier(call.call), Ok(ReplyBody::Earlier(earlier))));
    insta::assert_snapshot!(desk.screen());
    desk.keys("a");
    insta::assert_snapshot!("the_choice_of_a_unit", desk.screen());
    desk.keys("<esc>u");
    insta::assert_snapshot!("after_the_first_of_two_strokes", desk.screen());
    desk.keys("<esc>x");
    insta::assert_snapshot!("the_closing_form", desk.screen());
}

#[test]
fn the_missed_calls() {
    let mut desk = desk(80, 24);
    desk.keys("2");
    insta::assert_snapshot!(desk.screen());
}

#[test]
fn the_units() {
    let mut desk = desk(80, 24);
    desk.keys("3");
    insta::assert_snapshot!(desk.screen());
    desk.take(Msg::Resize(140, 24));
    insta::assert_snapshot!("the_units_at_140_columns", desk.screen());
}

#[test]
fn the_escalations() {
    let mut desk = desk(80, 24);
    let notice = |notice, person: &str| Notice {
        notice,
        person: person.into(),
        channel: "sms".into(),
        intended_at: NOW - 290_000,
        attempts: 0,
        delivered_at: None,
        failed_at: None,
        seen_at: None,
        problem: None,
    };
    let mut first = escalation(1_260, 1, "cell in-charge");
    first.notices = vec![
        Notice {
            delivered_at: Some(NOW - 288_000),
            seen_at: Some(NOW - 200_000),
            ..notice(1, "Insp. Rabia")
        },
        Notice { delivered_at: Some(NOW - 287_000), ..notice(2, "DSP Khan") },
        Notice {
            failed_at: Some(NOW - 100_000),
            attempts: 5,
            problem: Some("connection refused".into()),
            ..notice(3, "Duty desk")
        },
    ];
    first.seen = vec![Seen { who: "zara".into(), at: NOW - 150_000 }];
    let taken = Escalation {
        taken_by: Some("Rabia".into()),
        taken_at: Some(NOW - 60_000),
        late_ms: 95_000,
        ..escalation(4_800, 4, "DIG Operations")
    };
    let page = Escalations { escalations: vec![first, taken], next: None };
    desk.take(Msg::Replied(Purpose::Escalations, Ok(ReplyBody::Escalations(page))));
    desk.keys("4");
    desk.take(Msg::Tick);
    insta::assert_snapshot!(desk.screen());
}

#[test]
fn a_panic_and_a_message_in_front() {
    let mut desk = desk(80, 24);
    let mut officer = unit("CAR-12", UnitStatus::OnScene, &[1_900, 5]);
    officer.panic = Some(5);
    let panicked =
        Push { unit: Some(Box::new(officer)), ..push(210, "unit_panicked", Some(urgent(5))) };
    desk.take(Msg::Pushed(Box::new(Update::Push(panicked))));
    let message = Message {
        seq: 300,
        at: NOW,
        unit: "CAR-7".into(),
        to_room: true,
        who: "CAR-7".into(),
        call: Some(430),
        read: false,
        text: "gate is locked, need the landlord".into(),
    };
    let said = Push { message: Some(Box::new(message)), ..push(300, "message_sent", None) };
    desk.take(Msg::Pushed(Box::new(Update::Push(said))));
    insta::assert_snapshot!(desk.screen());
}

#[test]
fn the_help_and_the_health() {
    let mut desk = desk(80, 24);
    desk.keys("?");
    insta::assert_snapshot!("the_help", desk.screen());
    desk.keys("<esc>6");
    let health = HealthStatus {
        ok: false,
        degraded: true,
        spilling: false,
        drill: false,
        problems: vec![
            "degraded: the log's Witness failed, the other goes on: no space left".into(),
        ],
        seq: 5_120,
        now_at: NOW + 3_000,
        uptime_ms: 7_260_000,
        open_calls: 9,
        waiting_calls: 7,
        units: 4,
        sessions: 6,
        next_deadline_at: Some(NOW + 60_000),
        slowest_commit_ms: Some(3),
        certificate_ends_at: None,
        failed_log_ins: 0,
        canary_at: Some(NOW - 30_000),
    };
    desk.take(Msg::Replied(Purpose::Health, Ok(ReplyBody::HealthStatus(health))));
    insta::assert_snapshot!("the_health_of_a_degraded_server", desk.screen());
}

#[test]
fn a_terminal_that_is_too_small_says_so() {
    let mut desk = desk(80, 24);
    desk.take(Msg::Resize(60, 10));
    insta::assert_snapshot!(desk.screen());
}

/// Every style that stands on the screen.
fn styles(desk: &mut Desk, theme: Theme) -> Vec<(Color, Color, Modifier)> {
    desk.model.theme = theme;
    let (columns, rows) = desk.model.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| fifteen::console::view(&desk.model, frame)).unwrap();
    terminal
        .backend()
        .buffer()
        .content()
        .iter()
        .map(|cell| (cell.fg, cell.bg, cell.modifier))
        .collect()
}

#[test]
fn without_colour_there_is_no_colour_and_nothing_ever_blinks() {
    let mut desk = desk(120, 40);
    desk.down();
    for keys in ["1", "2", "3", "4", "6", "?", "<esc>n"] {
        desk.keys(keys);
        for theme in [Theme::mono(), Theme::ansi16(), Theme::truecolor()] {
            let styles = styles(&mut desk, theme);
            let blinks = Modifier::SLOW_BLINK | Modifier::RAPID_BLINK;
            assert!(styles.iter().all(|(_, _, modifier)| !modifier.intersects(blinks)));
            let coloured =
                styles.iter().any(|(fg, bg, _)| *fg != Color::Reset || *bg != Color::Reset);
            assert_eq!(coloured, theme != Theme::mono(), "{keys}");
        }
    }
}

#[test]
fn a_lost_server_leaves_no_colour_on_the_old_picture() {
    let mut desk = desk(80, 24);
    desk.down();
    desk.model.theme = Theme::truecolor();
    let (columns, rows) = desk.model.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| fifteen::console::view(&desk.model, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let stale = Theme::truecolor().stale.fg;
    for y in 4..rows - 1 {
        for x in 0..columns {
            // A blank has no colour to be seen, and behind a wide letter none at all.
            let cell = &buffer[(x, y)];
            assert!(cell.symbol() == " " || Some(cell.fg) == stale, "at {x}, {y}");
        }
    }
}
