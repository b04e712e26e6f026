//! dispatch.toml: what ships is the table of the rules, and a file that makes no sense is refused
//! by the name of the key.

use fifteen::config::{PressLimits, SHIPPED, Settings};
use fifteen::domain::{ClockRule, Point, Priority, Trigger};

const MINUTE: u64 = 60_000;

#[test]
fn the_shipped_clocks_are_the_table() {
    let rules = Settings::shipped().rules;
    let clock = |name: &str,
                 starts,
                 stops: &[Trigger],
                 restarts: &[Trigger],
                 limit_ms,
                 warn: &[u64],
                 ladder: &str| {
        ClockRule {
            name: name.into(),
            starts,
            stops: stops.into(),
            restarts: restarts.into(),
            limit_ms,
            warn_ms: warn.into(),
            ladder: rules.ladders.iter().position(|known| &*known.name == ladder).unwrap(),
        }
    };
    use Trigger::*;
    let table = [
        clock(
            "acknowledge",
            Received,
            &[Acknowledged, Closed],
            &[],
            15 * MINUTE,
            &[10 * MINUTE],
            "command",
        ),
        clock("arrive", Received, &[OnScene, Closed], &[], 15 * MINUTE, &[10 * MINUTE], "command"),
        clock(
            "turnout",
            UnitAssigned,
            &[UnitAcknowledged, UnitDeclined, UnitReleased],
            &[],
            90_000,
            &[],
            "room",
        ),
        clock(
            "callback",
            DroppedReceived,
            &[CallbackRecorded, Closed],
            &[],
            5 * MINUTE,
            &[2 * MINUTE],
            "room",
        ),
        clock(
            "safety",
            UnitOnScene,
            &[UnitCleared],
            &[UnitCheckedIn],
            30 * MINUTE,
            &[25 * MINUTE],
            "room",
        ),
        clock("canary", CanaryReceived, &[Closed], &[], 2_000, &[], "sink"),
    ];
    assert_eq!(rules.clocks, table);
}

#[test]
fn the_shipped_ladders_climb_to_the_dig_every_fifteen_minutes() {
    let rules = Settings::shipped().rules;
    let ladders: Vec<_> = rules
        .ladders
        .iter()
        .map(|ladder| {
            (
                &*ladder.name,
                ladder.every_ms,
                ladder.rungs.iter().map(|rung| &**rung).collect::<Vec<_>>(),
            )
        })
        .collect();
    assert_eq!(
        ladders,
        [
            ("command", 15 * MINUTE, vec!["cell in-charge", "DPO", "RPO", "DIG Operations"]),
            ("room", 15 * MINUTE, vec!["room supervisor"]),
            ("sink", 15 * MINUTE, vec!["canary sink"]),
        ]
    );
}

#[test]
fn the_shipped_limits_are_those_of_the_rules() {
    let settings = Settings::shipped();
    let rules = &settings.rules;
    assert_eq!(rules.aging_ms, [Some(15 * MINUTE), Some(20 * MINUTE), Some(30 * MINUTE)]);
    assert_eq!(rules.withdrawn_left_ms_min, 2 * MINUTE);
    assert_eq!(rules.claim_stale_ms, 45_000);
    assert_eq!(rules.unit_silent_ms, 5 * MINUTE);
    assert_eq!(rules.key_kept_ms, 24 * 60 * MINUTE);
    assert_eq!(rules.closed_kept_ms, 7 * 24 * 60 * MINUTE);
    assert_eq!(settings.room.zone, "Asia/Karachi");
    assert_eq!(settings.listen.heartbeat.as_secs(), 15);
    assert!(settings.listen.address.ip().is_loopback());
    assert!(!settings.listen.plain_text_outside_loopback);
    assert!(settings.journal.witness.is_none() && settings.journal.archive.is_none());
    assert_eq!(settings.canary.every.as_secs(), 300);
    assert_eq!(settings.canary.late.as_secs(), 1);
    assert!(settings.listen.people_file.is_none());
    let guarded: Vec<_> =
        rules.dispositions.iter().filter(|d| d.guarded).map(|d| &*d.name).collect();
    assert_eq!(guarded, ["hoax", "error", "unanswered"]);
}

#[test]
fn a_kind_proposes_its_priority_and_an_unknown_kind_the_second() {
    let settings = Settings::shipped();
    for (kind, priority) in
        [("abduction", 1), ("threat", 2), ("harassment", 3), ("advice", 4), ("never heard of", 2)]
    {
        assert_eq!(settings.proposed_priority(kind), Priority::new(priority).unwrap());
    }
}

#[test]
fn the_shipped_districts_are_the_36_of_punjab_with_their_tehsils() {
    let districts = Settings::shipped().districts;
    assert_eq!(districts.len(), 36);
    assert!(districts.iter().all(|district| district.tehsils.len() >= 2), "{districts:?}");
    let lahore = districts.iter().find(|district| district.name == "Lahore").unwrap();
    let tehsils = ["Lahore Cantt", "Lahore City", "Model Town", "Raiwind", "Shalimar"];
    assert_eq!(lahore.tehsils, tehsils);
}

#[test]
fn a_tehsil_has_a_name() {
    let key = "district \"Attock\".tehsils";
    refused(&changed("\"Hazro\"", "\"\""), key, "is empty");
    let many = format!("tehsils = {:?}", (0..2_049).map(|n| n.to_string()).collect::<Vec<_>>());
    let line = SHIPPED.lines().find(|line| line.starts_with("tehsils = ")).unwrap();
    refused(&changed(line, &many), "district", "more than 2048 tehsils");
}

/// The shipped file with `from` replaced by `to`, which must be there.
fn changed(from: &str, to: &str) -> String {
    assert!(SHIPPED.contains(from), "{from:?} is not in the shipped file");
    SHIPPED.replacen(from, to, 1)
}

/// The file is refused, and the text names `key` and says `why`.
#[track_caller]
fn refused(text: &str, key: &str, why: &str) {
    let error = Settings::parse(text, "bad.toml").expect_err(key).to_string();
    assert!(error.starts_with("bad.toml: "), "{error}");
    assert!(error.contains(key), "{error:?} does not name {key:?}");
    assert!(error.contains(why), "{error:?} does not say {why:?}");
}

#[test]
fn an_unknown_key_is_refused_in_every_section() {
    for section in [
        "[limits]",
        "[limits.presses]",
        "[metrics]",
        "[web]",
        "[intake]",
        "[sms]",
        "[triage]",
        "[triage.points]",
        "[room]",
        "[listen]",
        "[journal]",
        "[queue]",
        "[canary]",
        "[[clock]]",
        "[[ladder]]",
        "[[disposition]]",
        "[[kind]]",
        "[[district]]",
        "[notify]",
    ] {
        let text = changed(&format!("\n{section}\n"), &format!("\n{section}\nsurprise = 1\n"));
        refused(&text, "surprise", "unknown field");
    }
    refused(&format!("{SHIPPED}\n[surprise]\n"), "surprise", "unknown field");
    refused(&changed("aging = { 2", "aging = { 1 = \"5m\", 2"), "`1`", "unknown field");
}

#[test]
fn a_missing_section_or_key_is_named() {
    for key in [
        "zone",
        "snapshot_every",
        "withdrawn_left_min",
        "claim_stale",
        "unit_silent",
        "key_kept",
        "closed_kept",
        "limit",
        "starts",
        "ladder",
        "rungs",
        "late",
    ] {
        let line = SHIPPED.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
        refused(&changed(&format!("\n{line}\n"), "\n"), &format!("`{key}`"), "missing field");
    }
    let whole: toml::Table = SHIPPED.parse().unwrap();
    // What a room may do without.
    let optional = ["web", "sip", "intake", "sms", "triage"];
    for section in whole.keys().filter(|section| !optional.contains(&section.as_str())) {
        let mut rest = whole.clone();
        rest.remove(section);
        refused(&rest.to_string(), &format!("`{section}`"), "missing field");
    }
}

#[test]
fn what_is_not_toml_is_refused_with_its_line() {
    refused(&changed("[room]", "[room"), "line", "");
    refused(&changed("limit = \"15m\"", "limit = 15m"), "line", "limit = 15m");
}

#[test]
fn a_span_that_is_none_is_refused() {
    for bad in ["\"15 minuts\"", "\"-1s\"", "\"\"", "15", "true"] {
        refused(&changed("limit = \"15m\"", &format!("limit = {bad}")), "limit", "");
        refused(
            &changed("claim_stale = \"45s\"", &format!("claim_stale = {bad}")),
            "claim_stale",
            "",
        );
        refused(&changed("2 = \"15m\"", &format!("2 = {bad}")), "aging", "");
    }
}

#[test]
fn no_time_at_all_and_more_than_ten_years_are_refused() {
    for (key, line) in [
        ("clock \"acknowledge\".limit", "limit = \"15m\""),
        ("clock \"acknowledge\".warn", "warn = [\"10m\"]"),
        ("ladder \"command\".every", "every = \"15m\""),
        ("queue.withdrawn_left_min", "withdrawn_left_min = \"2m\""),
        ("queue.claim_stale", "claim_stale = \"45s\""),
        ("queue.unit_silent", "unit_silent = \"5m\""),
        ("queue.key_kept", "key_kept = \"24h\""),
        ("queue.closed_kept", "closed_kept = \"7days\""),
        ("queue.aging.2", "2 = \"15m\""),
        ("queue.aging.3", "3 = \"20m\""),
        ("queue.aging.4", "4 = \"30m\""),
        ("listen.heartbeat", "heartbeat = \"15s\""),
        ("listen.handshake_limit", "handshake_limit = \"5s\""),
        ("notify.first_retry", "first_retry = \"5s\""),
        ("notify.retry_max", "retry_max = \"1m\""),
        ("notify.send_limit", "send_limit = \"10s\""),
        ("notify.feed_wait", "feed_wait = \"20s\""),
        ("notify.link_valid", "link_valid = \"12h\""),
    ] {
        let (start, rest) = line.split_once('"').unwrap();
        let (_, end) = rest.split_once('"').unwrap();
        for (span, why) in [
            ("0s", "is 0; at least 1ms"),
            ("4000days", "longer than ten years"),
            ("999us", "is 0; at least 1ms"),
        ] {
            refused(&changed(line, &format!("{start}\"{span}\"{end}")), key, why);
        }
    }
}

#[test]
fn counts_of_nothing_are_refused() {
    for (key, line) in [
        ("listen.sessions_max", "sessions_max = 4096"),
        ("listen.push_backlog_max", "push_backlog_max = 8192"),
        ("listen.resume_max", "resume_max = 65536"),
        ("journal.snapshot_every", "snapshot_every = 1000000"),
    ] {
        let name = line.split(' ').next().unwrap();
        refused(&changed(line, &format!("{name} = 0")), key, "is 0; at least 1");
        refused(&changed(line, &format!("{name} = -1")), name, "");
    }
}

#[test]
fn a_zone_that_is_none_is_refused() {
    for zone in ["Asia/Lahore", "", "PKT+5", "Mars/Olympus"] {
        refused(
            &changed("Asia/Karachi", zone),
            "room.zone",
            "no IANA time zone, such as Asia/Karachi",
        );
    }
}

#[test]
fn warnings_ascend_and_stay_under_the_limit() {
    let why = "at most 8 spans, ascending, each under the limit";
    for bad in [
        "[\"15m\"]",
        "[\"20m\"]",
        "[\"10m\", \"5m\"]",
        "[\"5m\", \"5m\"]",
        "[\"1m\", \"2m\", \"3m\", \"4m\", \"5m\", \"6m\", \"7m\", \"8m\", \"9m\"]",
    ] {
        let text = changed("warn = [\"10m\"]", &format!("warn = {bad}"));
        refused(&text, "clock \"acknowledge\".warn", why);
    }
    let eight = "warn = [\"1m\", \"2m\", \"3m\", \"4m\", \"5m\", \"6m\", \"7m\", \"8m\"]";
    Settings::parse(&changed("warn = [\"10m\"]", eight), "good.toml").unwrap();
}

#[test]
fn a_clock_names_a_ladder_that_is_there() {
    refused(
        &changed("ladder = \"command\"", "ladder = \"comand\""),
        "clock \"acknowledge\".ladder",
        "\"comand\" is no ladder here; one of: command, room, sink",
    );
}

#[test]
fn a_ladder_has_a_rung() {
    let rungs = "rungs = [\"cell in-charge\", \"DPO\", \"RPO\", \"DIG Operations\"]";
    let key = "ladder \"command\".rungs";
    refused(&changed(rungs, "rungs = []"), key, "a ladder never falls silent");
    let many = format!("rungs = {:?}", vec!["DPO"; 33]);
    refused(&changed(rungs, &many), key, "1 to 32 offices");
    refused(&changed(rungs, "rungs = [\"DPO\", \"\"]"), key, "is empty or has blanks");
    refused(&changed(rungs, "rungs = [\" DPO\"]"), key, "is empty or has blanks");
}

#[test]
fn names_are_neither_empty_nor_blank_nor_too_long() {
    let long = "x".repeat(97);
    for (key, line) in [
        ("clock.name", "name = \"acknowledge\""),
        ("ladder.name", "name = \"sink\""),
        ("disposition.name", "name = \"helped\""),
        ("kind.name", "name = \"advice\""),
        ("district.name", "name = \"Attock\""),
    ] {
        for (name, why) in [
            ("", "is empty"),
            (" x", "blanks at its ends"),
            (long.as_str(), "longer than 96 bytes"),
        ] {
            let mut text = changed(line, &format!("name = \"{name}\""));
            if key == "ladder.name" {
                text = text.replace("ladder = \"sink\"", &format!("ladder = \"{name}\""));
            }
            refused(&text, key, why);
        }
    }
}

#[test]
fn names_are_unique() {
    for (table, from, to) in [
        ("clock \"acknowledge\"", "name = \"arrive\"", "name = \"acknowledge\""),
        ("ladder \"command\"", "name = \"room\"", "name = \"command\""),
        ("disposition \"helped\"", "name = \"referred\"", "name = \"helped\""),
        ("kind \"threat\"", "name = \"stalking\"", "name = \"threat\""),
        ("district \"Attock\"", "name = \"Bhakkar\"", "name = \"Attock\""),
        ("district \"Attock\".tehsils \"Jand\"", "\"Hazro\"", "\"Jand\""),
    ] {
        refused(&changed(from, to), table, "is there twice; names are unique");
    }
}

#[test]
fn a_clock_starts_and_stops_at_known_events() {
    refused(
        &changed("starts = \"received\"", "starts = \"recieved\""),
        "starts",
        "unknown variant `recieved`",
    );
    refused(
        &changed("\"acknowledged\", \"closed\"", "\"acknowleged\""),
        "stops",
        "unknown variant",
    );
    refused(
        &changed("starts = \"received\"", "starts = \"closed\""),
        "clock \"acknowledge\".starts",
        "closing stops every clock",
    );
    refused(
        &changed("stops = [\"acknowledged\", \"closed\"]", "stops = []"),
        "clock \"acknowledge\".stops",
        "names no event",
    );
    let one_event = "one event cannot start, restart and stop the same clock";
    refused(
        &changed("\"acknowledged\", \"closed\"", "\"received\""),
        "clock \"acknowledge\".stops",
        one_event,
    );
    refused(
        &changed("[\"unit_checked_in\"]", "[\"unit_on_scene\"]"),
        "clock \"safety\"",
        one_event,
    );
    refused(&changed("[\"unit_checked_in\"]", "[\"unit_cleared\"]"), "clock \"safety\"", one_event);
}

#[test]
fn a_priority_is_one_of_four() {
    for bad in ["0", "5", "-1", "\"high\"", "256"] {
        refused(&changed("priority = 4", &format!("priority = {bad}")), "priority", "");
    }
}

#[test]
fn a_canary_needs_its_clock_and_longer_than_its_limit() {
    refused(
        &changed("every = \"5m\"", "every = \"2s\""),
        "canary.every",
        "not longer than the limit of clock \"canary\"",
    );
    let no_clock = changed("starts = \"canary_received\"", "starts = \"dropped_received\"");
    refused(&no_clock, "canary.every", "no clock starts with canary_received");
    let settings =
        Settings::parse(&no_clock.replace("every = \"5m\"", "every = \"0s\""), "x").unwrap();
    assert!(settings.canary.every.is_zero());
}

#[test]
fn rules_too_large_for_the_log_are_refused() {
    let rungs = "rungs = [\"cell in-charge\", \"DPO\", \"RPO\", \"DIG Operations\"]";
    let many: Vec<_> = (0..32).map(|number| format!("{number:0>96}")).collect();
    let text = changed(rungs, &format!("rungs = {many:?}"));
    refused(&text, "clock, ladder, disposition", "bytes together; at most 3600");
}

#[test]
fn too_many_clocks_no_clock_and_no_disposition_are_refused() {
    use std::fmt::Write as _;
    let mut text = SHIPPED.to_owned();
    for number in 0..27 {
        write!(text, "\n[[clock]]\nname = \"c{number}\"\nstarts = \"received\"\nstops = [\"closed\"]\nlimit = \"1m\"\nladder = \"room\"\n").unwrap();
    }
    refused(&text, "clock", "there must be 1 to 32 clocks");
    let mut whole: toml::Table = SHIPPED.parse().unwrap();
    for (table, why) in
        [("clock", "there must be 1 to 32 clocks"), ("disposition", "a call could never be closed")]
    {
        let was = whole.insert(table.into(), toml::Value::Array(Vec::new())).unwrap();
        refused(&whole.to_string(), table, why);
        whole.insert(table.into(), was);
    }
}

#[test]
fn an_address_that_is_none_is_refused() {
    for bad in ["localhost", "127.0.0.1", "300.0.0.1:1"] {
        refused(&changed("127.0.0.1:7115", bad), "address", "");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let missing = std::path::Path::new("no/such/dispatch.toml");
    let error = Settings::load(Some(missing)).unwrap_err().to_string();
    assert!(error.contains("cannot read no/such/dispatch.toml"), "{error}");
    assert!(Settings::load(None).is_ok());
}

#[test]
fn people_are_looked_for_beside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dispatch.toml");
    std::fs::write(&path, changed("# people_file", "people_file")).unwrap();
    let people = Settings::load(Some(&path)).unwrap().listen.people_file;
    assert_eq!(people, Some(folder.path().join("people.toml")));
    std::fs::write(&path, changed("token_valid = \"12h\"", "token_valid = \"0s\"")).unwrap();
    let error = Settings::load(Some(&path)).unwrap_err().to_string();
    assert!(error.contains("listen.token_valid"), "{error}");
}

/// The shipped file with these tables after it.
fn with(tables: &str) -> String {
    format!("{SHIPPED}\n{tables}")
}

/// One channel of each kind, and one person who is reached by all of them.
const CHANNELS: &str = r#"
[[channel]]
name = "hook"
kind = "webhook"
url = "https://ops.example.org/hook"
secret_file = "hook.key"

[[channel]]
name = "mail"
kind = "email"
host = "smtp.example.org"
port = 587
tls = "starttls"
from = "room@example.org"
user = "room"
password_file = "mail.password"

[[channel]]
name = "sms"
kind = "command"
argv = ["/usr/bin/send-sms", "--quiet"]

[[channel]]
name = "feed"
kind = "feed"

[[person]]
name = "DPO Lahore"
office = "DPO"
districts = ["Lahore"]
channels = ["feed", "sms", "mail", "hook"]
phone = "+92 300 0000000"
email = "dpo@example.org"
reports = true
"#;

/// [`CHANNELS`] with `from` replaced by `to`, which must be there.
fn channels(from: &str, to: &str) -> String {
    assert!(CHANNELS.contains(from), "{from:?} is not in the tables");
    with(&CHANNELS.replacen(from, to, 1))
}

#[test]
fn nobody_is_told_by_the_shipped_file_and_its_examples_are_valid() {
    let shipped = Settings::shipped().roster;
    assert!(shipped.people.is_empty() && shipped.channels.is_empty() && shipped.link.is_none());
    assert_eq!((shipped.retry.attempts_max, shipped.retry.first_ms), (4, 5_000));
    assert_eq!(shipped.test_at.unwrap().to_string(), "06:00:00");
    // The commented examples as they are once somebody takes the mark away.
    let start = SHIPPED.find("# [[channel]]").unwrap();
    let end = SHIPPED.find("# Kinds of emergency").unwrap();
    let uncomment =
        |line: &str| line.strip_prefix("# ").unwrap_or(line).trim_matches('#').to_owned();
    let examples: Vec<_> = SHIPPED[start..end].lines().map(uncomment).collect();
    let roster = Settings::parse(&with(&examples.join("\n")), "good.toml").unwrap().roster;
    assert_eq!((roster.channels.len(), roster.people.len()), (4, 1));
}

#[test]
fn people_and_their_channels_are_read() {
    let roster = Settings::parse(&with(CHANNELS), "good.toml").unwrap().roster;
    let person = roster.person("DPO Lahore").unwrap();
    assert!(person.holds("DPO", "Lahore") && person.holds("DPO", "") && person.reports);
    assert!(!person.holds("DPO", "Kasur") && !person.holds("RPO", "Lahore"));
    assert_eq!(roster.channels.len(), 4);
    let shown = format!("{roster:?}");
    assert!(!shown.contains("dpo@example.org") && !shown.contains("300 0000000"), "{shown}");
    let reader = channels("office = \"DPO\"\ndistricts = [\"Lahore\"]\n", "");
    Settings::parse(&reader, "good.toml").unwrap();
}

#[test]
fn a_person_who_could_not_be_told_is_refused() {
    for (from, to, key, why) in [
        ("office = \"DPO\"", "office = \"PDO\"", ".office", "no rung of a ladder"),
        ("[\"Lahore\"]", "[\"Lahor\"]", ".districts", "not the name of a [[district]]"),
        ("[\"Lahore\"]", "[\"Lahore\", \"Lahore\"]", ".districts", "twice"),
        ("[\"feed\", \"sms\", \"mail\", \"hook\"]", "[]", ".channels", "names none"),
        ("\"feed\", \"sms\"", "\"fead\", \"sms\"", ".channels", "not the name of a [[channel]]"),
        ("\"feed\", \"sms\"", "\"sms\", \"sms\"", ".channels", "twice"),
        ("phone = \"+92 300 0000000\"\n", "", ".phone", "is missing"),
        ("email = \"dpo@example.org\"\n", "", ".email", "is missing"),
    ] {
        refused(&channels(from, to), &format!("person \"DPO Lahore\"{key}"), why);
    }
    for bad in ["dpo", "dpo@", "a@b c", "a@b\\nBcc: c@d", "dpo@exämple.org", "<dpo@example.org>"] {
        let error = Settings::parse(&channels("dpo@example.org", bad), "bad.toml").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("person \"DPO Lahore\".email: is no e-mail address"), "{text}");
        assert!(!text.contains(bad), "{text}");
    }
    for bad in ["", "12", "+92; rm -rf /", "0300-ABC", "+92\\n300 1234567"] {
        let text = channels("+92 300 0000000", bad);
        refused(&text, "person \"DPO Lahore\".phone", "is no number");
    }
    let nobody = channels("office = \"DPO\"\n", "").replace("reports = true", "");
    refused(&nobody, "person \"DPO Lahore\".office", "is missing");
    let person = &CHANNELS[CHANNELS.find("[[person]]").unwrap()..];
    refused(&with(&format!("{CHANNELS}{person}")), "person \"DPO Lahore\"", "is there twice");
    refused(&with(&format!("{person}mood = 1")), "mood", "unknown field");
}

#[test]
fn a_channel_that_could_not_send_is_refused() {
    let hook = "url = \"https://ops.example.org/hook\"";
    let mail = "host = \"smtp.example.org\"";
    for (from, to, key, why) in [
        (hook, "", "\"hook\".url", "is missing"),
        (hook, "url = \"ops.example.org\"", "\"hook\".url", "must be https"),
        (hook, "url = \"ftp://ops.example.org\"", "\"hook\".url", "must be https"),
        (hook, "url = \"https://me:pw@ops.example.org\"", "\"hook\".url", "must be https"),
        (hook, "url = \"http://ops.example.org/\"", "\"hook\".url", "https outside loopback"),
        (hook, "url = \"http://localhost.evil.org/\"", "\"hook\".url", "https outside loopback"),
        ("secret_file = \"hook.key\"", "", "\"hook\".secret_file", "a webhook is signed"),
        ("secret_file", "argv = [\"x\"]\nsecret_file", "\"hook\".argv", "of this kind"),
        (mail, "", "\"mail\".host", "is missing"),
        (mail, "host = \"\"", "\"mail\".host", "is no host"),
        ("port = 587\n", "", "\"mail\".port", "is missing"),
        ("tls = \"starttls\"", "", "\"mail\".tls", "is missing"),
        ("tls = \"starttls\"", "tls = \"none\"", "\"mail\".tls", "outside loopback"),
        ("from = \"room@example.org\"", "from = \"room\"", "\"mail\".from", "no e-mail address"),
        ("user = \"room\"\n", "", "\"mail\".user", "go together"),
        ("[\"/usr/bin/send-sms\", \"--quiet\"]", "[]", "\"sms\".argv", "begin with a program"),
        ("kind = \"feed\"", "kind = \"feed\"\nurl = \"x\"", "\"feed\".url", "of this kind"),
        ("name = \"sms\"", "name = \"mail\"", "channel \"mail\"", "is there twice"),
        ("name = \"sms\"", "name = \" sms\"", "channel.name", "blanks at its ends"),
        ("kind = \"feed\"", "kind = \"pager\"", "kind", "unknown variant"),
    ] {
        refused(&channels(from, to), key, why);
    }
    for url in ["http://127.0.0.1:8080/x", "http://localhost/", "http://[::1]:9/"] {
        let text = channels(hook, &format!("url = \"{url}\""));
        Settings::parse(&text, "good.toml").unwrap();
    }
    let plain = "url = \"http://ops.example.org/\"\nplain_text_outside_loopback = true";
    Settings::parse(&channels(hook, plain), "good.toml").unwrap();
}

#[test]
fn notices_keep_to_their_bounds() {
    for (from, to, key, why) in [
        ("attempts_max = 4", "attempts_max = 0", "notify.attempts_max", "must be 1 to 100"),
        ("attempts_max = 4", "attempts_max = 101", "notify.attempts_max", "must be 1 to 100"),
        (
            "retry_max = \"1m\"",
            "retry_max = \"1s\"",
            "notify.retry_max",
            "shorter than first_retry",
        ),
        ("send_limit = \"10s\"", "send_limit = \"3m\"", "notify.send_limit", "longer than 2m"),
        ("test_at = \"06:00\"", "test_at = \"6 o'clock\"", "notify.test_at", "a time of day"),
        ("report_at = \"07:00\"", "report_at = \"24:00\"", "notify.report_at", "a time of day"),
    ] {
        refused(&changed(from, to), key, why);
    }
    let never = changed("test_at = \"06:00\"", "test_at = \"never\"");
    assert!(Settings::parse(&never, "good.toml").unwrap().roster.test_at.is_none());
    let many = |table: &str, count: usize| {
        let tables = (0..count).map(|n| table.replace("NAME", &n.to_string()));
        with(&tables.collect::<String>())
    };
    let feeds = many("[[channel]]\nname = \"NAME\"\nkind = \"feed\"\n", 65);
    refused(&feeds, "channel", "more than 64");
    let people = many("[[person]]\nname = \"NAME\"\nchannels = [\"x\"]\nreports = true\n", 4_097);
    refused(&people, "person", "more than 4096");
}

#[test]
fn links_are_signed_and_answered_on_loopback() {
    let link = |lines: &str| changed("link_valid", &format!("{lines}\nlink_valid"));
    let (url, listen, key) = (
        "link_url = \"https://room.example.org/take/\"",
        "link_listen = \"127.0.0.1:0\"",
        "secret_file = \"notify.key\"",
    );
    let good = Settings::parse(&link(&format!("{url}\n{listen}\n{key}")), "good.toml").unwrap();
    assert_eq!(good.roster.link.unwrap().valid_ms, 12 * 60 * MINUTE);
    refused(&link(&format!("{url}\n{key}")), "notify.link_url", "go together");
    refused(&link(&format!("{listen}\n{key}")), "notify.link_url", "go together");
    refused(&link(&format!("{url}\n{listen}")), "notify.secret_file", "is missing");
    let outside = listen.replace("127.0.0.1", "0.0.0.0");
    refused(&link(&format!("{url}\n{outside}\n{key}")), "notify.link_listen", "loopback");
    for bad in ["https://room.example.org/take", "room/", "https:///", "javascript:alert(1)/"] {
        let url = format!("link_url = \"{bad}\"");
        refused(&link(&format!("{url}\n{listen}\n{key}")), "notify.link_url", "end in");
    }
}

#[test]
fn secrets_are_read_from_beside_the_file_and_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("dispatch.toml");
    std::fs::write(&config, with(CHANNELS)).unwrap();
    let load = || Settings::load(Some(&config));
    let error = load().unwrap_err().to_string();
    assert!(error.contains("hook.key"), "{error}");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("mail.password", "open sesame\n");
    for bad in ["", "short\n", "whsec_c2hvcnQ=\n", "whsec_###not base64 but long enough###\n"] {
        write("hook.key", bad);
        let error = load().unwrap_err().to_string();
        assert!(error.contains("hook.key: holds no key"), "{error}");
        assert!(bad.trim().is_empty() || !error.contains(bad.trim()), "{error}");
    }
    write("hook.key", "swordfish swordfish\n");
    let settings = load().unwrap();
    let shown = format!("{settings:?}");
    assert!(!shown.contains("swordfish") && !shown.contains("sesame"), "{shown}");
    write("mail.password", "two\nlines\n");
    let error = load().unwrap_err().to_string();
    assert!(error.contains("mail.password: holds no password"), "{error}");
}

#[test]
fn a_drill_tells_nobody_outside_and_gives_people_their_own_time() {
    let shipped = Settings::shipped();
    let drill = Settings::shipped().into_drill(60);
    assert_eq!((shipped.drill, drill.drill), (None, Some(60)));
    assert_eq!(drill.room.name, format!("DRILL - {}", shipped.room.name));
    assert!(drill.roster.people.is_empty() && drill.roster.channels.is_empty());
    assert!(drill.roster.link.is_none() && drill.roster.report_at.is_none());
    assert!(drill.canary.every.is_zero());
    assert!(drill.journal.witness.is_none() && drill.journal.archive.is_none());
    assert_eq!(drill.rules.claim_stale_ms, 60 * shipped.rules.claim_stale_ms);
    assert_eq!(drill.rules.clocks, shipped.rules.clocks, "a call's clocks are the room's");
}

#[test]
fn figures_have_a_port_of_their_own_and_stay_on_the_machine_unless_told_otherwise() {
    let listen = |address: &str| {
        changed("# listen = \"127.0.0.1:9115\"", &format!("listen = \"{address}\""))
    };
    assert!(Settings::shipped().metrics.listen.is_none(), "nothing listens that nobody asked for");
    let settings = Settings::parse(&listen("127.0.0.1:9115"), "good.toml").unwrap();
    assert_eq!(settings.metrics.listen.unwrap().port(), 9115);
    assert!(settings.into_drill(60).metrics.listen.is_none());
    refused(&listen("127.0.0.1:7115"), "metrics.listen", "a port of its own");
    refused(&listen("0.0.0.0:9115"), "metrics.listen", "outside_loopback = true");
    let open =
        listen("0.0.0.0:9115").replace("outside_loopback = false ", "outside_loopback = true ");
    Settings::parse(&open, "open.toml").unwrap();
}

#[test]
fn tls_is_all_of_its_files_or_none() {
    for (from, key, why) in [
        ("# certificate = ", "listen.certificate", "come together"),
        ("# key = ", "listen.certificate", "come together"),
        ("# unit_ca = ", "listen.unit_ca", "no use without"),
    ] {
        refused(&changed(from, from.trim_start_matches("# ")), key, why);
    }
    let required = changed("unit_certificates = \"off\"", "unit_certificates = \"required\"");
    refused(&required, "listen.unit_certificates", "no listen.unit_ca");
    refused(&changed("unit_certificates = \"off\"", "unit_certificates = \"maybe\""), "maybe", "");
}

#[test]
fn files_of_tls_are_beside_the_rules_and_of_an_older_file_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dispatch.toml");
    let rules = changed("# certificate = ", "certificate = ").replace("# key = ", "key = ");
    std::fs::write(&path, rules).unwrap();
    let listen = Settings::load(Some(&path)).unwrap().listen;
    assert_eq!(listen.certificate, Some(folder.path().join("server.pem")));
    assert_eq!(listen.key, Some(folder.path().join("server.key")));
    let older = SHIPPED.lines().filter(|line| !line.starts_with("unit_certificates"));
    let listen = Settings::parse(&older.collect::<Vec<_>>().join("\n"), "older").unwrap().listen;
    assert_eq!(listen.certificate, None);
}

#[test]
fn a_limit_that_lets_nothing_through_is_refused() {
    for (line, key) in [
        ("connections_per_second = 100", "connections_per_second = 0"),
        ("handshakes_max = 1024", "handshakes_max = 0"),
        ("handshakes_per_address = 128", "handshakes_per_address = 0"),
        ("sessions_per_address = 1024", "sessions_per_address = 0"),
        ("questions_per_second = 100", "questions_per_second = 0"),
        ("position_every = \"1s\"", "position_every = \"0s\""),
        ("frame_limit = \"10s\"", "frame_limit = \"0s\""),
    ] {
        let name = key.split(' ').next().unwrap();
        refused(&changed(line, key), &format!("limits.{name}"), "is 0");
    }
    let older = SHIPPED.replace("\nnarrow_links_max", "\n# narrow_links_max");
    assert_eq!(Settings::parse(&older, "older").unwrap().limits.narrow_links_max, 1_024);
    refused(&changed("unread_mib = 256", "unread_mib = 3"), "limits.unread_mib", "less than 4");
}

#[test]
fn calls_over_http_have_a_port_of_their_own() {
    let listen = |address: &str| {
        changed("# listen = \"127.0.0.1:7117\"", &format!("listen = \"{address}\""))
    };
    assert!(Settings::shipped().web.listen.is_none(), "nothing listens that nobody asked for");
    let settings = Settings::parse(&listen("127.0.0.1:7117"), "good.toml").unwrap();
    assert_eq!(settings.web.listen.unwrap().port(), 7117);
    assert!(settings.into_drill(60).web.listen.is_none());
    refused(&listen("127.0.0.1:7115"), "web.listen", "a port of its own");
    let old = SHIPPED.replace("\n[web]\n", "\n").replace("\n[intake]\n", "\n");
    assert!(Settings::parse(&old, "old.toml").unwrap().web.listen.is_none(), "a file of before");
}

#[test]
fn telephone_lines_say_who_calls_and_where_the_extensions_are() {
    let sip = |lines: &str| changed("\n[sip]\n", &format!("\n[sip]\n{lines}\n"));
    assert!(Settings::shipped().sip.listen.is_none(), "nothing listens that nobody asked for");
    let whole = "listen = \"127.0.0.1:5160\"\nexchange = \"10.0.0.5:5060\"\nextension = \"200\"\npeers = [\"10.0.0.7\"]";
    let settings = Settings::parse(&sip(whole), "good.toml").unwrap();
    let peers: Vec<_> = settings.sip.peers().iter().map(ToString::to_string).collect();
    assert_eq!(peers, ["10.0.0.5", "10.0.0.7"]);
    assert!(settings.into_drill(60).sip.listen.is_none(), "a drill takes no woman's call");
    for (from, to, key, why) in [
        ("127.0.0.1:5160", "0.0.0.0:5160", "sip.listen", "plain_text_outside_loopback"),
        ("127.0.0.1:5160", "127.0.0.1:7115", "sip.listen", "a port of its own"),
        ("exchange = \"10.0.0.5:5060\"\n", "", "sip.exchange", "is missing"),
        ("extension = \"200\"\n", "", "sip.extension", "is missing"),
        ("\"200\"", "\"2 00>\"", "sip.extensions", "is no extension"),
        (
            "127.0.0.1:5160\"",
            "127.0.0.1:5160\"\ntls = \"127.0.0.1:5160\"",
            "sip.tls",
            "a port of its own",
        ),
        (
            "127.0.0.1:5160\"",
            "127.0.0.1:5160\"\ntls = \"0.0.0.0:5161\"",
            "sip.tls",
            "listen.certificate",
        ),
        ("\"200\"", "\"200\"\nuser = \"exchange\"", "sip.user", "one is missing"),
        ("\"200\"", "\"200\"\nextensions = { saima = \"\" }", "sip.extensions", "is no extension"),
    ] {
        refused(&sip(&whole.replace(from, to)), key, why);
    }
    let said = "plain_text_outside_loopback = true\n".to_owned();
    let outside = said + &whole.replace("127.0.0.1:5160", "0.0.0.0:5160");
    assert!(Settings::parse(&sip(&outside), "said.toml").is_ok());
}

const SQUARE: &str = r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"zila":"Kasur"},
    "geometry":{"type":"Polygon","coordinates":[[[74,30],[75,30],[75,31],[74,31],[74,30]]]}}]}"#;

#[test]
fn a_call_has_its_district_by_line_then_point_then_the_rooms_own() {
    let dir = tempfile::tempdir().unwrap();
    let intake = "[intake]\nlines = { \"1015\" = \"Lahore\" }\nmap = \"map.geojson\"\nmap_name = \"zila\"\ndistrict = \"Okara\"\n";
    let path = dir.path().join("dispatch.toml");
    std::fs::write(&path, changed("[intake]\n", intake)).unwrap();
    let said = Settings::load(Some(&path)).unwrap_err().to_string();
    assert!(said.contains("intake.map") && said.contains("map.geojson"), "{said}");
    std::fs::write(dir.path().join("map.geojson"), SQUARE).unwrap();
    let settings = Settings::load(Some(&path)).unwrap();
    let at = |lat, lon| Point::from_degrees(lat, lon, 20);
    for (line, point, district) in [
        (Some("1015"), at(30.5, 74.5), "Lahore"),
        (Some("1016"), at(30.5, 74.5), "Kasur"),
        (None, at(30.5, 74.5), "Kasur"),
        (None, at(29.5, 74.5), "Okara"),
        (Some("1016"), None, "Okara"),
    ] {
        assert_eq!(settings.intake.district_of(line, point), district, "{line:?} {point:?}");
    }
    assert_eq!(Settings::shipped().intake.district_of(Some("1015"), at(30.5, 74.5)), "");
    std::fs::write(&path, changed("[intake]\n", &intake.replace("zila", "name"))).unwrap();
    let said = Settings::load(Some(&path)).unwrap_err().to_string();
    assert!(said.contains("feature 1") && said.contains("\"name\""), "{said}");
    let with = |line: &str| changed("[intake]\n", &format!("[intake]\n{line}\n"));
    refused(&with("district = \" x\""), "intake.district", "blanks");
    refused(&with("lines = { \"1015\" = \"\" }"), "intake.lines.\"1015\"", "is empty");
    refused(&with("map_name = \"x\""), "intake.map_name", "without intake.map");
}

#[test]
fn the_words_of_a_message_mean_what_the_room_says_they_do() {
    let shipped = Settings::shipped();
    let read = |text: &str| {
        let said = shipped.sms.meanings.read(text);
        (said.kind.map(str::to_owned), said.district.map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(read("madad, Okara"), (some("violence in progress"), some("Okara")));
    assert_eq!(read("تیزاب، لاہور میں"), (some("acid attack"), some("Lahore")));
    assert_eq!(read("Jaranwala"), (None, some("Faisalabad")), "a tehsil's district");
    assert_eq!(read("Sahiwal"), (None, some("Sahiwal")), "a district before another's tehsil");
    let with = |line: &str| changed("[sms.words]\n", &format!("[sms.words]\n{line}\n"));
    refused(&with("\"help\" = \"surprise\""), "sms.words.\"help\"", "no [[kind]]");
    refused(&with("\" help\" = \"threat\""), "sms.words", "blanks");
    refused(&changed("from = \"from\"  ", "from = \"\"  "), "sms.from", "is empty");
}

#[test]
fn triage_counts_what_is_a_disposition_and_weighs_within_bounds() {
    let triage = Settings::shipped().triage;
    assert_eq!(
        (triage.raise_each, triage.points.caller_open, triage.points.caller_hoax),
        (4, 4, -3)
    );
    for (now, then, key, problem) in [
        (
            "hoax = [\"hoax\"] ",
            "hoax = [\"prank\"] ",
            "triage.hoax",
            "\"prank\" is no [[disposition]]",
        ),
        ("real = [\"helped\"", "real = [\"saved\"", "triage.real", "is no [[disposition]]"),
        ("real = [\"helped\"", "real = [\"hoax\"", "triage.hoax", "cannot be real too"),
        ("hoax_lapses = \"3days\"", "hoax_lapses = \"0s\"", "triage.hoax_lapses", "at least 1ms"),
        ("caller_real = 3 ", "caller_real = 300 ", "300", "expected i8"),
    ] {
        refused(&changed(now, then), key, problem);
    }
    let whole: toml::Table = SHIPPED.parse().unwrap();
    let mut rest = whole;
    rest.remove("triage");
    let triage = Settings::parse(&rest.to_string(), "test").unwrap().triage;
    assert_eq!((triage.raise_each, triage.hoax.len()), (0, 0), "nothing is proposed");
}

#[test]
fn a_modem_is_on_this_machine() {
    let modem =
        |address: &str| changed("# modem = \"127.0.0.1:7118\"", &format!("modem = \"{address}\""));
    let settings = Settings::parse(&modem("127.0.0.1:7118"), "good.toml").unwrap();
    assert!(settings.sms.modem.is_some() && settings.into_drill(60).sms.modem.is_none());
    refused(&modem("0.0.0.0:7118"), "sms.modem", "reachable from outside");
}

#[test]
fn presses_have_usual_numbers_and_a_telephone_no_work_of_minutes() {
    let presses = shipped_presses(SHIPPED);
    assert_eq!(
        presses,
        PressLimits::default(),
        "what is shipped is what a room has that says nothing"
    );
    let without = SHIPPED.replace("[limits.presses]", "[[nothing]]");
    let without = without.split_once("[[nothing]]").unwrap();
    let rest = without.1.split_once("\n[").unwrap().1;
    assert_eq!(shipped_presses(&format!("{}[{rest}", without.0)), presses, "a file of before");
    for (name, shipped) in [
        ("device_per_hour", 6),
        ("address_per_hour", 60),
        ("cell_per_hour", 120),
        ("flood_per_second", 20),
    ] {
        let none = changed(&format!("{name} = {shipped} "), &format!("{name} = 0 "));
        refused(&none, &format!("limits.presses.{name}"), "at least 1");
    }
    let minutes = changed("work_bits = 16 ", "work_bits = 25 ");
    refused(&minutes, "limits.presses.work_bits", "more than 24");
    let unheard_of = changed(
        "priority = 2                    # where",
        "priority = 5                    # where",
    );
    refused(&unheard_of, "priority = 5", "priority 5 is not one of 1, 2, 3, 4");
    let none = changed("trail_kept = \"30days\"", "trail_kept = \"0s\"");
    refused(&none, "queue.trail_kept", "at least 1ms");
}

fn shipped_presses(text: &str) -> PressLimits {
    Settings::parse(text, "test").expect("a file of rules").limits.presses
}

#[test]
fn the_password_of_the_exchange_is_in_a_file_beside_the_rules() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dispatch.toml");
    let sip = "\n[sip]\nuser = \"exchange\"\npassword_file = \"sip.password\"\n";
    std::fs::write(&path, changed("\n[sip]\n", sip)).unwrap();
    let said = Settings::load(Some(&path)).unwrap_err().to_string();
    assert!(said.contains("sip.password"), "{said}");
    std::fs::write(dir.path().join("sip.password"), "\n").unwrap();
    let said = Settings::load(Some(&path)).unwrap_err().to_string();
    assert!(said.contains("sip.password") && said.contains("no password"), "{said}");
    std::fs::write(dir.path().join("sip.password"), "seven words\n").unwrap();
    let sip = Settings::load(Some(&path)).unwrap().sip;
    assert_eq!(sip.password.as_ref().unwrap().bytes(), b"seven words");
    assert!(!format!("{sip:?}").contains("seven"));
}
