//! Every request in every role against the built server: what the allow-list says is what happens.

use crate::peer::{Peer, soon};
use crate::server::Room;
use fifteen::protocol::{ALLOWED, Code, Hello, Request, Role, ServerMessage};
use serde_json::{Value, json};

/// Every request as docs/protocol.md has it, without key and number.
fn examples() -> Vec<Value> {
    let document = include_str!("../../docs/protocol.md");
    let texts = document.split("```json ").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once('\n')?;
        let plain = Request::NAMES.contains(&name);
        plain.then(|| rest.split("```").next().unwrap())
    });
    texts
        .map(|text| {
            let mut request: Value = serde_json::from_str(text).unwrap();
            request.as_object_mut().unwrap().remove("key");
            request
        })
        .collect()
}

#[tokio::test]
async fn every_request_is_for_whom_the_list_says_and_nobody_else() {
    // The callsign of the examples: a unit that speaks for another is told `not_allowed` too.
    const WHO: &str = "Alpha-1";
    let room = Room::with_people(&[]);
    let words: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let token = room.machine(WHO, &words);
    let server = room.serve();
    let requests = examples();
    let mut named: Vec<_> = requests.iter().map(|it| it["type"].as_str().unwrap()).collect();
    let mut known = Request::NAMES.to_vec();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known, "docs/protocol.md has one example of every request");
    let (mut walked, mut admitted) = (0, 0);
    for role in Role::ALL {
        for request in &requests {
            let name = request["type"].as_str().unwrap();
            let line = ALLOWED.iter().find(|(listed, _)| *listed == name);
            assert!(line.is_some(), "{name} has no line in the allow-list");
            let mut request = request.clone();
            request["id"] = json!(7);
            if name == "backup" {
                let dir = room.data().with_file_name(format!("backup-of-{role}"));
                request["dir"] = json!(dir);
            }
            if request.get("unit").is_some() {
                request["unit"] = json!(WHO);
            }
            let hello = Hello::new(*role, WHO).with_token(&token);
            let (mut peer, _) = Peer::welcomed(server.address, hello).await;
            peer.say_json(&request).await;
            let answer = loop {
                match soon("an answer", peer.hear()).await {
                    Some(ServerMessage::Reply(reply)) if reply.id == 7 => break None,
                    Some(ServerMessage::Rejection(no)) if no.id == 7 => break Some(no),
                    Some(ServerMessage::Push(_) | ServerMessage::Snapshot(_)) => {}
                    other => panic!("{role} {name}: no answer but {other:?}"),
                }
            };
            let by_list = format!("{name} is not for the role {role}");
            let turned_away =
                answer.as_ref().is_some_and(|no| no.code == Code::NotAllowed && no.text == by_list);
            assert_eq!(turned_away, !role.allows(name), "{role} {name}: {answer:?}");
            let may = answer.as_ref().is_none_or(|no| no.code != Code::NotAllowed);
            // A unit may show only calls it is on, which it is not here.
            let not_hers = *role == Role::Unit && name == "show_call";
            assert!(may == role.allows(name) || not_hers, "{role} {name}: {answer:?}");
            walked += 1;
            admitted += usize::from(may);
        }
    }
    assert_eq!(walked, Role::ALL.len() * Request::NAMES.len());
    assert!(admitted > Request::NAMES.len(), "{admitted} of {walked}");
}
