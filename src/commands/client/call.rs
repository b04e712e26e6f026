//! `fifteen call`: places a call and prints its id.

use super::{Server, note, out, out_json, rejected, text, unexpected};
use crate::cli::{PlaceCall, Source};
use anyhow::Result;
use fifteen::protocol::{self as wire, ReplyBody, Role};
use std::process::ExitCode;

pub(crate) async fn call(args: PlaceCall, json: bool) -> Result<ExitCode> {
    let server = Server::connect(&args.connect, Role::Intake).await?;
    // Chosen here, so that it can be named when no answer comes.
    let key = args.key.unwrap_or_else(uuid::Uuid::new_v4);
    let reply = match server.ask_with_key(request(args), key).await? {
        Ok(reply) => reply,
        Err(rejection) => return rejected(&rejection, json),
    };
    let placed = match reply.body {
        ReplyBody::CallPlaced(placed) => placed,
        other => return Err(unexpected(&other)),
    };
    if json {
        out_json(&serde_json::json!({
            "call": placed.call,
            "received_at": placed.received_at,
            "priority": placed.priority,
            "repeated": reply.repeated,
            "durable": placed.durable,
        }))?;
    } else {
        out(placed.call)?;
        let already = if reply.repeated {
            "; this key was used before, and no second call was made"
        } else {
            ""
        };
        let kept = if placed.durable { "on the disk" } else { "kept aside, NOT DURABLE yet" };
        note(format_args!(
            "call {} is taken and {kept}: priority {}, received {}{already}",
            placed.call,
            placed.priority,
            text::Times::of(&server.welcome).full(placed.received_at)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn request(args: PlaceCall) -> wire::PlaceCall {
    let source = match args.source {
        Source::PhoneLine => wire::Source::PhoneLine,
        Source::App => wire::Source::App,
        Source::WalkIn => wire::Source::WalkIn,
        Source::Partner => wire::Source::Partner,
        Source::Officer => wire::Source::Officer,
    };
    let place = wire::Place { lat: args.lat, lon: args.lon, accuracy_m: None, words: args.place };
    wire::PlaceCall {
        number: args.number,
        name: args.name,
        place: (place != wire::Place::default()).then_some(place),
        priority: args.priority,
        note: args.note,
        silent: args.silent,
        unsafe_to_ring_back: args.unsafe_to_ring_back,
        dropped: args.dropped,
        sos: args.sos,
        test: args.test,
        ..wire::PlaceCall::new(source, args.district, args.kind)
    }
}
