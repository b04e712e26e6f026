//! The printed report: one page that needs nothing else, says what the JSON says, and can be read
//! without eyes.

use super::{full, karachi, report_of};
use crate::room::{Room, START};
use fifteen::config::Settings;
use fifteen::domain::{
    Actor, CallId, Callsign, Command, Dated, Event, NewCall, Progress, Role, Transition, UtcMs,
};
use fifteen::report::{Disclosure, Fold, Query, Report, html, summary};

fn page(report: &Report) -> String {
    html(report, None, Disclosure::default())
}

/// What stands in the page as text, tag for tag.
fn texts(page: &str) -> Vec<&str> {
    let body = page.split_once("</style>").unwrap().1;
    body.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect()
}

/// Every tag of that name, as written.
fn tags<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let opens =
        |part: &&str| part.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '>']));
    page.split('<').filter(opens).collect()
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    let page = page(&full(&super::screens::bad_night()));
    let page = page.replace("http://www.w3.org/2000/svg", "");
    for outside in
        ["http:", "https:", "//", "<script", "<link", "<img", "@import", "href=", "src=", "onload"]
    {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("url(").count(), page.matches("url(#hatch)").count());
}

#[test]
fn every_figure_of_the_whole_is_that_of_the_json() {
    let room = super::screens::bad_night();
    let report = full(&room);
    let plain = report_of(&room.log, Query::all(karachi()), room.now);
    assert_eq!(report.whole, plain.whole, "the full report has the figures of the plain one");
    let page = page(&report);
    let texts = texts(&page);
    for clock in plain.clocks_that_ran() {
        let at = texts.iter().position(|text| *text == clock.clock).unwrap();
        let row: Vec<&str> =
            texts[at..].iter().filter(|text| !text.is_empty()).copied().take(13).collect();
        let count = |count: u64| count.to_string();
        let counts = [
            count(clock.started),
            count(clock.in_time),
            count(clock.missed),
            count(clock.missed_unanswered + clock.missed_closed),
            count(clock.open),
        ];
        assert_eq!(row[2..7], counts, "{}", clock.clock);
        let ranks = [clock.p50_ms, clock.p90_ms, clock.p95_ms, clock.p99_ms, clock.max_ms];
        for (said, ms) in row[8..13].iter().zip(ranks) {
            assert_eq!(*said == "never", ms.is_none(), "{row:?}");
        }
    }
    let calls = &plain.whole.calls;
    assert!(page.contains(&format!("<strong>{}</strong>", calls.received)));
    assert!(page.contains(&format!("NOBODY HAS {}", calls.open_waiting)));
}

trait Ran {
    fn clocks_that_ran(&self) -> Vec<fifteen::report::ClockFigures>;
}

impl Ran for Report {
    fn clocks_that_ran(&self) -> Vec<fifteen::report::ClockFigures> {
        self.whole.clocks.iter().filter(|clock| clock.started > 0).cloned().collect()
    }
}

#[test]
fn it_can_be_read_without_eyes() {
    let page = page(&full(&super::screens::bad_night()));
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    assert_eq!(tags(&page, "h1").len(), 1);
    for header in tags(&page, "th") {
        assert!(header.contains("scope=\""), "{header}");
    }
    for picture in page.split("<svg").skip(1) {
        let (open, inside) = picture.split_once('>').unwrap();
        let described = inside.starts_with("<title id=") && inside.contains("<desc id=");
        assert!(open.contains("aria-hidden=\"true\"") || described, "{open}");
    }
    for table in page.split("<table").skip(1) {
        let table = table.split("</table>").next().unwrap();
        assert!(table.contains("<thead>"), "a table without a head: {table}");
    }
    let mut ids: Vec<&str> =
        page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id stands twice");
    for named in page.split("aria-labelledby=\"").skip(1) {
        for id in named.split('"').next().unwrap().split(' ') {
            assert!(ids.binary_search(&id).is_ok(), "{id} is not there");
        }
    }
}

#[test]
fn what_somebody_typed_is_text() {
    let mut room = Room::open();
    for evil in ["<script>alert(1)</script>", "\"onload=x", "a&b"] {
        for _ in 0..9 {
            room.place(NewCall { district: evil.into(), kind: evil.into(), ..Room::new_call(1) });
        }
    }
    room.minutes(40);
    let take = Command::TakeEscalation { call: CallId(1), clock: "acknowledge".into(), rung: None };
    room.submit("<b>DPO</b>", Role::Supervisor, take).unwrap();
    let mut report = full(&room);
    report.detail.as_mut().unwrap().room = "</title><script>".into();
    let page = page(&report);
    assert!(!page.contains("<script") && !page.contains("<b>DPO"));
    assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("&lt;b&gt;DPO"));
    assert!(page.contains("&quot;onload=x"));
}

#[test]
fn a_span_without_a_call_is_a_page_that_says_so() {
    let mut room = Room::open();
    room.minutes(60);
    let report = full(&room);
    assert!(page(&report).contains("No call was received in this span."));
    assert!(summary(&report, None, Disclosure::default()).contains("No call was received."));
}

#[test]
fn a_stamp_at_the_very_deadline_is_left_of_the_line() {
    let mut room = Room::open();
    let sharp = room.call(1);
    room.minutes(15);
    room.progress(sharp, "CAR-1", Progress::OnScene).unwrap();
    let late = room.call(1);
    room.millis(15 * 60_000 + 1);
    room.progress(late, "CAR-2", Progress::OnScene).unwrap();
    let detail = full(&room).detail.unwrap();
    let bars = &detail.spreads[0].bars;
    assert_eq!((bars[14].upto_ms, bars[14].in_time, bars[14].late), (Some(900_000), 1, 0));
    assert_eq!((bars[15].in_time, bars[15].late), (0, 1));
}

#[test]
fn the_worst_case_is_drawn_however_rare() {
    let mut room = Room::open();
    for _ in 0..400 {
        let call = room.call(3);
        room.progress(call, "CAR-1", Progress::OnScene).unwrap();
        room.close(call, "Saima", "helped").unwrap();
    }
    let never = room.call(1);
    room.minutes(60 * 30);
    let page = page(&full(&room));
    let drawn = page.split("<rect").filter(|rect| rect.contains("class=\"none\"")).count();
    assert!(drawn >= 2, "one call of 401 is seen, for both clocks");
    assert!(page.contains("1 never answered") && page.contains(&format!("(call {never})")));
}

#[test]
fn one_call_and_all_never_are_pages_too() {
    let mut room = Room::open();
    room.call(1);
    let first = page(&full(&room));
    assert!(first.contains(">not due<"), "the only call is not due yet");
    room.minutes(600);
    let all_never = page(&full(&room));
    assert!(all_never.contains("1 of 1 call missed the acknowledge deadline of 15m."));
    assert!(!all_never.contains("NaN") && !all_never.contains("inf\""));
}

/// So many calls of one hour, answered after ever longer, as a log of their own.
fn many(calls: u64) -> Vec<Dated> {
    let by = Actor::new("Saima", Role::Operator);
    let mut log = Vec::new();
    let mut happens = |at: UtcMs, event: Event| {
        let seq = log.len() as u64 + 1;
        log.push(Dated { seq, at, transition: Transition { event, mark: None } });
    };
    happens(START, Event::RulesAdopted(Box::new(Settings::shipped().rules)));
    let unit = Callsign::new("CAR-1").unwrap();
    for id in 1..=calls {
        let (call, by) = (CallId(id), by.clone());
        let received_at = START.plus(id * 40);
        let placed = Box::new(Room::new_call(2));
        happens(received_at, Event::CallReceived { call, received_at, placed, by: by.clone() });
        let answered = received_at.plus(id * 20);
        let (unit, progress) = (unit.clone(), Progress::OnScene);
        happens(
            answered,
            Event::UnitProgressed { call, unit, progress, by_radio: true, by: by.clone() },
        );
        let disposition = "helped".into();
        happens(answered, Event::CallClosed { call, disposition, by, remark: None });
    }
    log
}

#[test]
fn a_hundred_thousand_calls_fit_the_page() {
    let mut fold = Fold::full(Query::all(karachi()));
    many(100_000).iter().for_each(|dated| fold.take(dated));
    let report = fold.finish(START.plus(100_000_000));
    let page = page(&report);
    assert!(page.contains("<strong>100,000</strong>"));
    assert!(page.len() < 400_000, "{} bytes", page.len());
    assert!(page.contains(">3000<"), "a minute of them is a bar");
}

#[test]
fn what_is_told_of_thousands_is_counted_and_the_worst_is_kept() {
    let mut room = Room::open();
    let worst = room.call(1);
    room.minutes(120);
    for _ in 0..400 {
        let call = room.call(3);
        room.minutes(16);
        room.progress(call, "CAR-1", Progress::OnScene).unwrap();
        room.close(call, "Saima", "helped").unwrap();
    }
    let report = full(&room);
    let detail = report.detail.as_ref().unwrap();
    assert_eq!(detail.stories_total, 802, "two clocks a call");
    assert_eq!(detail.stories.len(), fifteen::report::Detail::STORIES_MAX);
    assert_eq!(detail.stories[0].call, worst);
    assert!(page(&report).contains("The 60 told of most, of 802"));
}

#[test]
fn answer_bands_are_there_only_where_calls_are_claimed() {
    let mut room = Room::open();
    let [at_once, sharp, late, never] = [room.call(1), room.call(1), room.call(1), room.call(1)];
    assert_eq!(full(&room).detail.unwrap().picked_up, None);
    assert!(!page(&full(&room)).contains("picked up"));
    room.seconds(15);
    room.claim(at_once, "Saima").unwrap();
    room.seconds(5);
    room.claim(sharp, "Saima").unwrap();
    room.millis(1);
    room.claim(late, "Saima").unwrap();
    let picked_up = full(&room).detail.unwrap().picked_up.unwrap();
    assert_eq!(
        [
            picked_up.calls,
            picked_up.within_15s,
            picked_up.within_20s,
            picked_up.later,
            picked_up.never
        ],
        [4, 1, 2, 1, 1],
        "{never} is not claimed"
    );
    assert!(page(&full(&room)).contains("within 15 s"));
}

#[test]
fn a_shorter_report_still_counts_what_it_leaves_out() {
    let mut report = full(&super::screens::bad_night());
    let total = report.detail.as_ref().unwrap().stories_total;
    let mut steps = 0;
    while report.shorten() {
        steps += 1;
        assert!(steps < 100);
    }
    let detail = report.detail.as_ref().unwrap();
    assert_eq!((detail.stories.len(), detail.stories_total), (0, total));
    assert!(page(&report).ends_with("</html>"));
}

#[test]
fn a_mail_says_the_worst_and_fits_its_lines() {
    let report = full(&super::screens::bad_night());
    let text = summary(&report, None, Disclosure::default());
    assert_eq!(text.lines().find(|line| line.chars().count() > 78), None);
    insta::assert_snapshot!(text);
}
