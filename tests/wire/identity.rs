//! Who she is, through the running server: shown to nobody without a recorded reading, found in nothing that is kept,
//! sent or said, and gone for good when two people erase it.

use super::peer::{Peer, call_from};
use super::server::{Room, Server, until};
use super::told::{Gateway, TAKES, person, room};
use fifteen::domain::{Dated, Event};
use fifteen::journal::{Options, inspect};
use fifteen::protocol::{
    ALLOWED, AddNote, Archive, Backup, CloseCall, EraseIdentity, Escalate, ListCalls, ListEarlier,
    ListEscalations, ListUnits, Place, PlaceCall, RecommendUnits, Report, Request, Role,
    SendMessage, ShowCall, ShowRoom, Subscribe, TakeSnapshot,
};
use fifteen::service::decode_sealed;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Nobody of this name lives there. Name, number, place and note, in two scripts.
const NEEDLES: [&str; 7] = [
    "Zarmeena Kanari",
    "0333-7770123",
    "Kanari Lane 99",
    "kanari is at her door",
    "زرمینہ کناری",
    "کناری گلی",
    "دروازے پر ہے",
];
const LAT: f64 = 31.618_033_9;
const LON: f64 = 74.271_828_1;

fn canary() -> PlaceCall {
    PlaceCall {
        number: Some(NEEDLES[1].into()),
        name: Some(format!("{} {}", NEEDLES[0], NEEDLES[4])),
        place: Some(Place {
            lat: Some(LAT),
            lon: Some(LON),
            accuracy_m: Some(5),
            words: Some(format!("{} {}", NEEDLES[2], NEEDLES[5])),
        }),
        note: Some(format!("{} {}", NEEDLES[3], NEEDLES[6])),
        ..call_from("Kasur")
    }
}

/// What of her is in some bytes: her words, or her place as text or as the log's numbers.
fn found(bytes: &[u8]) -> Vec<String> {
    let e7 = |degrees: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "a degree in 1e-7 fits")]
        let whole = (degrees * 1e7).round() as i32;
        [&[0xd2][..], &whole.to_be_bytes()].concat()
    };
    let doubles = [LAT.to_be_bytes(), LON.to_be_bytes()].concat();
    let mut needles: Vec<(String, Vec<u8>)> =
        NEEDLES.iter().map(|text| ((*text).to_owned(), text.as_bytes().to_vec())).collect();
    needles.push(("her place".into(), [e7(LAT), e7(LON)].concat()));
    needles.push(("her place".into(), b"31.6180339".to_vec()));
    needles.push(("her place".into(), doubles[..8].to_vec()));
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|part| part == needle);
    needles.retain(|(_, needle)| holds(needle));
    needles.into_iter().map(|(name, _)| name).collect()
}

/// Every file below a folder with what of her is in it, compressed ones as they are and as they were.
fn found_in_files(dir: &Path) -> Vec<(PathBuf, Vec<String>)> {
    let mut hits = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            hits.extend(found_in_files(&path));
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "zst") {
            let mut plain = Vec::new();
            zstd::Decoder::new(&bytes[..]).unwrap().read_to_end(&mut plain).unwrap();
            bytes.extend(plain);
        }
        let words = found(&bytes);
        if !words.is_empty() {
            hits.push((path, words));
        }
    }
    hits
}

fn log_of(room: &Room) -> Vec<Dated> {
    let keyring = room.keyring();
    let mut log = Vec::new();
    inspect::dump(&room.data(), &Options::default(), 1, |seq, record| {
        let read = fifteen::journal::RecordRef {
            seq,
            at: record.at,
            schema: record.schema,
            body: &record.body,
        };
        log.push(decode_sealed(read, &keyring).unwrap());
        Ok(())
    })
    .unwrap();
    log
}

fn run(room: &Room, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
    let data = room.data().display().to_string();
    let args = args.iter().map(|arg| if *arg == "DATA" { data.as_str() } else { arg });
    let out = command.args(args).env_remove("FIFTEEN_CONFIG").output().unwrap();
    let text = [out.stdout, out.stderr].concat();
    (out.status.success(), String::from_utf8_lossy(&text).into_owned())
}

async fn unit(server: &Server, callsign: &str) -> Peer {
    let mut unit = Peer::greeted(server.address, Role::Unit, callsign).await;
    unit.sign_on(callsign).await;
    unit.subscribe().await;
    unit.page().await;
    unit
}

/// The story of her call: told, read, sent out, escalated, closed, asked about, archived, backed up.
#[tokio::test]
async fn canary_identity_is_found_nowhere_it_must_not_be() {
    let gateway = Gateway::new();
    gateway.script("sms", TAKES);
    let people = [gateway.channel("sms"), person("Nadia", "cell in-charge", &["sms"])].concat();
    let room = room(&people, &[("keep_live = \"7days\"", "keep_live = \"0s\"")]);
    let server = room.serve();
    let mut desk = Peer::operator(server.address).await;
    let mut sent = unit(&server, "Alpha-1").await;
    let mut not_sent = unit(&server, "Bravo-2").await;
    let mut watcher = Peer::greeted(server.address, Role::Supervisor, "Rabia").await;
    watcher.subscribe().await;
    let call = desk.place(canary()).await;
    desk.show(call).await;
    desk.done(AddNote { call, text: NEEDLES[3].into() }).await;
    desk.assign(call, "Alpha-1").await;
    while sent.push().await.assignment.is_none() {}
    sent.show(call).await;
    let reason = Some(NEEDLES[0].to_owned());
    desk.done(Escalate { call, clock: Some("acknowledge".into()), reason }).await;
    let notice = until("a notice", || async { gateway.got("sms").into_iter().next() }).await;
    let remark = Some(NEEDLES[3].to_owned());
    desk.done(CloseCall { call, disposition: "helped".into(), remark }).await;
    for request in [
        Request::from(ListCalls { latest_closed: true, ..ListCalls::default() }),
        ListUnits::default().into(),
        ListEscalations { closed: true, ..ListEscalations::default() }.into(),
        ListEarlier { call: Some(call), ..ListEarlier::default() }.into(),
        ShowRoom {}.into(),
    ] {
        watcher.done(request).await;
    }
    watcher.done(Report { full: true, ..Report::default() }).await;
    let health = watcher.health().await;
    let mut admin = Peer::greeted(server.address, Role::Admin, "Hina").await;
    let copy = room.data().with_file_name("copy");
    admin.done(TakeSnapshot {}).await;
    admin.done(Archive {}).await;
    let _ = desk.place(call_from("Kasur")).await;
    admin.done(Backup { dir: copy.display().to_string() }).await;
    admin.done(TakeSnapshot {}).await;
    // Every push of before is read with this answer.
    watcher.health().await;
    not_sent.health().await;

    // Where she must be.
    for reader in [&desk, &sent] {
        assert!(!found(&reader.heard).is_empty(), "who opened the call, or was sent, sees her");
    }
    // Where she must not be.
    for (who, heard) in
        [("a unit not sent", &not_sent), ("who only watches", &watcher), ("admin", &admin)]
    {
        assert_eq!(found(&heard.heard), Vec::<String>::new(), "{who}");
    }
    assert_eq!(found(notice.to_string().as_bytes()), Vec::<String>::new());
    assert_eq!(found(format!("{health:?}").as_bytes()), Vec::<String>::new());
    not_sent.hang_up().await;
    server.stop().await;
    for args in [
        &["report", "--data", "DATA"][..],
        &["report", "--data", "DATA", "--json"],
        &["report", "--data", "DATA", "--format", "html"],
        &["report", "--data", "DATA", "--escalations"],
        &["journal", "dump", "DATA"],
        &["journal", "verify", "DATA"],
        &["journal", "digest", "DATA"],
        &["journal", "heads", "DATA", "--now"],
    ] {
        let (well, said) = run(&room, args);
        assert!(well, "{args:?}: {said}");
        assert_eq!(found(said.as_bytes()), Vec::<String>::new(), "{args:?}");
    }
    let folder = room.data().parent().unwrap().to_owned();
    assert!(
        folder.join("stderr.log").exists() && room.keyring().has(fifteen::domain::CallId(call))
    );
    assert!(copy.join("live.fifteen.zst").exists());
    assert_eq!(found_in_files(&folder), [], "server log, data, backup, keyring, config");

    // The search is tried: a leak in a file, and one in a compressed file, are found.
    let leak = room.data().join("archive/leak.zst");
    let mut packed = zstd::Encoder::new(std::fs::File::create(&leak).unwrap(), 3).unwrap();
    packed.write_all(NEEDLES[5].as_bytes()).unwrap();
    packed.finish().unwrap();
    std::fs::write(folder.join("leak.txt"), NEEDLES[1]).unwrap();
    assert_eq!(found_in_files(&folder).len(), 2);
}

/// One request of each name a room answers, about her call.
fn about_her(name: &str, call: u64) -> Option<Request> {
    Some(match name {
        "show_call" => ShowCall { call, reason: Some("to find her".into()) }.into(),
        "list_calls" => ListCalls::default().into(),
        "list_units" => ListUnits::default().into(),
        "list_earlier" => ListEarlier { call: Some(call), ..ListEarlier::default() }.into(),
        "list_escalations" => ListEscalations::default().into(),
        "recommend_units" => RecommendUnits { call, limit: None }.into(),
        "report" => Report { full: true, ..Report::default() }.into(),
        "subscribe" => Subscribe {}.into(),
        "show_room" => ShowRoom {}.into(),
        "add_note" => AddNote { call, text: "at the gate".into() }.into(),
        "escalate" => Escalate { call, clock: None, reason: None }.into(),
        _ => return None,
    })
}

#[tokio::test]
async fn whatever_shows_her_is_recorded_with_who_and_of_which_call() {
    let room = Room::new(&[]);
    let server = room.serve();
    let mut desk = Peer::operator(server.address).await;
    let mut car = unit(&server, "Alpha-1").await;
    let call = desk.place(canary()).await;
    desk.assign(call, "Alpha-1").await;
    let text = NEEDLES[0].to_owned();
    car.done(SendMessage { unit: None, call: Some(call), text }).await;
    let mut shown = BTreeSet::new();
    for role in [Role::Intake, Role::Operator, Role::Unit, Role::Supervisor, Role::Admin] {
        for (name, _) in ALLOWED.iter().filter(|(name, _)| role.allows(name)) {
            let Some(request) = about_her(name, call) else { continue };
            // Each has a name of its own, so that its reading is its own; but a unit is who it is.
            let who = match role {
                Role::Unit => "Alpha-1".to_owned(),
                _ => format!("{role} at {name}"),
            };
            let mut reader = Peer::greeted(server.address, role, &who).await;
            let _ = reader.ask(request).await;
            // What was asked first is answered first, and its pages go before this answer.
            reader.health().await;
            if !found(&reader.heard).is_empty() {
                shown.insert((who, *name));
            }
        }
    }
    let names: BTreeSet<_> = shown.iter().map(|(_, name)| *name).collect();
    assert_eq!(names, BTreeSet::from(["show_call", "subscribe"]), "{shown:?}");
    assert_eq!(shown.len(), 6, "three roles by each: {shown:?}");
    server.stop().await;
    let log = log_of(&room);
    for (who, name) in &shown {
        let read = |dated: &&Dated| {
            matches!(&dated.transition.event, Event::CallOpened { call: of, by, reason }
                if of.0 == call && *by.who == **who && reason.is_some())
        };
        assert!(log.iter().any(|dated| read(&dated)), "{who} was shown her by {name}, unrecorded");
    }
    let asked = log.iter().filter(|dated| {
        matches!(&dated.transition.event, Event::EarlierAsked { call: Some(of), .. } if of.0 == call)
    });
    assert_eq!(asked.count(), 2, "and who asked for her earlier calls");
}

#[tokio::test]
async fn two_people_erase_her_and_no_copy_of_the_log_can_be_read_again() {
    let room = Room::new(&[]);
    let server = room.serve();
    let mut desk = Peer::operator(server.address).await;
    let call = desk.place(canary()).await;
    let kept = desk.place(canary()).await;
    let mut hina = Peer::greeted(server.address, Role::Admin, "Hina").await;
    let erase = |call| EraseIdentity {
        call,
        authority: "Sessions Court, made up".into(),
        reason: "ordered".into(),
    };
    assert_eq!(hina.rejected(erase(call)).await.code.as_str(), "call_open");
    desk.done(CloseCall { call, disposition: "helped".into(), remark: None }).await;
    let copy = room.data().with_file_name("copy");
    hina.done(Backup { dir: copy.display().to_string() }).await;
    hina.done(TakeSnapshot {}).await;
    hina.done(erase(call)).await;
    assert_eq!(hina.rejected(erase(call)).await.code.as_str(), "needs_second_person");
    assert!(room.keyring().has(fifteen::domain::CallId(call)), "one alone destroys nothing");
    let mut omar = Peer::greeted(server.address, Role::Admin, "Omar").await;
    omar.done(erase(call)).await;
    assert!(
        !room.keyring().has(fifteen::domain::CallId(call)),
        "on the disk before it is answered"
    );
    // Killed at once: what stands in the log is enough.
    server.kill();
    let server = room.serve();
    let mut desk = Peer::operator(server.address).await;
    let details = desk.show(call).await;
    assert_eq!((details.name, details.number, details.place.is_some()), (None, None, false));
    assert!(details.timeline.iter().any(|line| line.event == "identity_erased"));
    assert_eq!(desk.show(kept).await.number.as_deref(), Some(NEEDLES[1]), "nobody else is touched");
    let no = desk.rejected(AddNote { call, text: "again".into() }).await;
    assert_eq!(no.code.as_str(), "identity_erased");
    server.stop().await;
    let (well, said) = run(&room, &["journal", "verify", "DATA"]);
    assert!(well, "{said}");
    // The backup taken before has every byte, and no key opens hers.
    let back = room.data().with_file_name("back");
    let to = back.display().to_string();
    let (well, said) =
        run(&room, &["journal", "restore", &copy.display().to_string(), "--to", &to]);
    assert!(well, "{said}");
    let keyring = room.keyring();
    let mut names = Vec::new();
    inspect::dump(&back, &Options::default(), 1, |seq, record| {
        let (at, schema) = (record.at, record.schema);
        let read = fifteen::journal::RecordRef { seq, at, schema, body: &record.body };
        if let Event::CallReceived { call, placed, .. } =
            decode_sealed(read, &keyring).unwrap().transition.event
        {
            names.push((call.0, placed.sealed.name.is_some()));
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(names, [(call, false), (kept, true)]);
}

#[tokio::test]
async fn a_sealed_log_does_not_start_without_its_keyring_unless_told_to() {
    let room = Room::new(&[]);
    let server = room.serve();
    let mut desk = Peer::operator(server.address).await;
    let call = desk.place(canary()).await;
    server.stop().await;
    let (keys, away) =
        (room.data().with_file_name("data.keys"), room.data().with_file_name("away"));
    std::fs::rename(&keys, &away).unwrap();
    let refused = room.command("127.0.0.1:0").output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("--without-identities"), "{said}");
    assert!(!keys.exists(), "and no new one is made in its place");
    let mut command = room.command("127.0.0.1:0");
    command.arg("--without-identities");
    let server = room.start(command);
    let mut desk = Peer::operator(server.address).await;
    assert_eq!(desk.show(call).await.name, None);
    let next = desk.place(canary()).await;
    assert!(desk.show(next).await.name.is_some(), "under the new one");
    server.stop().await;
    let (well, said) = run(&room, &["journal", "verify", "DATA"]);
    assert!(well, "{said}");
}
