//! Telephone lines, by SIP (RFC 3261): the women's desk's queue in front of the operators' telephones.
//!
//! ```text
//!  exchange ──INVITE──> 100, the call is in the log, 180 ──claim──> 302 to the operator's extension
//!                                    └──CANCEL──> 487, dropped: its call-back clock runs
//! ```
//! A user agent server that redirects and never speaks itself: what she and the operator say goes between her exchange
//! and his telephone. Off unless `[sip]` says where; heard are only those it names. The stack is `rsipstack`, and what it
//! would log is her number: its lines go nowhere (`src/main.rs`).

mod caller;
mod lines;

pub(super) use lines::Lines;

use super::{Server, convert, session};
use crate::config::SipSettings;
use crate::domain::{Actor, Answer, CallId, Command, Key, Order, Rejection, Role, UtcMs};
use crate::engine::{Accepted, State};
use crate::protocol::{PlaceCall, Request, Source};
use crate::service::{Failed, Outcome};
use lines::Line;
use rsipstack::EndpointBuilder;
use rsipstack::sip::{HasHeaders, Header, HeadersExt, Method, Response, SipMessage, StatusCode};
use rsipstack::transaction::Transaction;
use rsipstack::transaction::transaction::TransactionEvent;
use rsipstack::transport::TransportLayer;
use rsipstack::transport::tcp_listener::TcpListenerConnection;
use rsipstack::transport::udp::UdpConnection;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// By whose name what the exchange says stands.
const EXCHANGE: &str = "telephone exchange";
/// What kind of call it is, nobody has asked yet.
const KIND: &str = "unknown";
/// Calls of one Call-ID that differ in what they say: an exchange that counts anew.
const SAME_ID_MAX: u8 = 4;
/// How often the stack looks whether a final answer was lost and is to be sent again.
const RETRY_EVERY: Duration = Duration::from_millis(100);
/// A stack that fell over stands up again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Serves the lines on `address`, if there is one, until it is dropped. Those of `rang_before` rang when the server ended and are nobody's
/// any more: who called is rung back.
pub(super) async fn serve(
    server: Arc<Server>,
    address: Option<SocketAddr>,
    rang_before: Vec<CallId>,
) {
    for call in rang_before {
        hang_up(&server, call).await;
    }
    let Some(address) = address else { return };
    loop {
        let mut stack = JoinSet::new();
        stack.spawn(listen(Arc::clone(&server), address));
        match stack.join_next().await {
            Some(Ok(Err(error))) => warn!("the telephone lines: {error}"),
            Some(Err(panicked)) if panicked.is_panic() => {
                warn!("the telephone lines' stack fell over; it is started again");
            }
            _ => {}
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Ports tried where any will do: one must be free for UDP and for TCP.
const PORTS_TRIED: u8 = 16;

/// Whether this address can be had.
pub(super) async fn bind(address: SocketAddr) -> std::io::Result<SocketAddr> {
    let mut tried = 0;
    loop {
        let udp = tokio::net::UdpSocket::bind(address).await?;
        let found = udp.local_addr()?;
        tried += 1;
        match tokio::net::TcpListener::bind(found).await {
            Ok(_) => return Ok(found),
            Err(_) if address.port() == 0 && tried < PORTS_TRIED => {}
            Err(error) => return Err(error),
        }
    }
}

async fn listen(server: Arc<Server>, address: SocketAddr) -> rsipstack::Result<()> {
    let end = CancellationToken::new();
    // Whatever ends this, ends the stack's own tasks.
    let _end = end.clone().drop_guard();
    let transport = TransportLayer::new(end.clone());
    let peers = server.settings.sip.peers();
    transport.set_whitelist(move |ip| std::future::ready(peers.contains(&ip)));
    transport.add_transport(
        UdpConnection::create_connection(address, None, Some(end.clone())).await?.into(),
    );
    transport.add_transport(TcpListenerConnection::new(address, None).await?.into());
    let endpoint = EndpointBuilder::new()
        .with_user_agent("fifteen")
        .with_cancel_token(end)
        .with_transport_layer(transport)
        .with_timer_interval(RETRY_EVERY)
        .with_allows(vec![Method::Invite, Method::Ack, Method::Cancel, Method::Options])
        .build();
    let mut incoming = endpoint.incoming_transactions()?;
    let mut rings = JoinSet::new();
    let serving = endpoint.inner.clone();
    let mut serving = std::pin::pin!(async move { serving.serve().await });
    loop {
        tokio::select! {
            ended = &mut serving => return ended,
            transaction = incoming.recv() => {
                let Some(transaction) = transaction else { return Ok(()) };
                rings.spawn(answer(Arc::clone(&server), transaction));
            }
            Some(_) = rings.join_next() => {}
        }
    }
}

async fn answer(server: Arc<Server>, mut transaction: Transaction) {
    let received_at = server.clock.now();
    let within = transaction.original.to_header().ok().and_then(|to| to.tag().ok().flatten());
    let answered = match &transaction.original.method {
        Method::Invite if within.is_none() => ring(&server, &mut transaction, received_at).await,
        Method::Invite => transaction.reply(StatusCode::CallTransactionDoesNotExist).await,
        Method::Options => transaction.reply(StatusCode::OK).await,
        _ => transaction.reply(StatusCode::MethodNotAllowed).await,
    };
    if answered.is_err() {
        // Its text holds what came.
        info!(
            "a telephone line could not be answered: what came was no request, or whoever sent it is gone"
        );
    }
    while !transaction.is_terminated() && transaction.receive().await.is_some() {}
}

/// One call, from the INVITE until somebody has it, or she hung up.
async fn ring(
    server: &Arc<Server>,
    transaction: &mut Transaction,
    received_at: UtcMs,
) -> rsipstack::Result<()> {
    transaction.reply(StatusCode::Trying).await?;
    let Some(call) = place(server, transaction, received_at).await else {
        return transaction.reply(StatusCode::ServiceUnavailable).await;
    };
    let to = transaction.original.to_header()?.clone();
    let tag = format!("{:x}-{:x}", call.0, received_at.0);
    transaction.original.headers_mut().unique_push(to.with_tag(tag.into()).into());
    let line = server.lines.listen(call);
    if !rings(server, call).await {
        return transaction.reply(StatusCode::TemporarilyUnavailable).await;
    }
    transaction.reply(StatusCode::Ringing).await?;
    let mut watching = JoinSet::new();
    watching.spawn(put_through(
        Desk::of(&server.settings.sip, transaction),
        line,
        server.stopping.clone(),
    ));
    let mut acknowledged = false;
    while let Some(message) = transaction.receive().await {
        match message {
            SipMessage::Request(request) if request.method == Method::Cancel => {
                watching.abort_all();
                hang_up(server, call).await;
                transaction.reply(StatusCode::RequestTerminated).await?;
            }
            SipMessage::Request(request) if request.method == Method::Ack => acknowledged = true,
            _ => {}
        }
        if transaction.is_terminated() {
            break;
        }
    }
    // The exchange never took the way to the operator: nobody speaks with her.
    let put_through = transaction.last_response.as_ref().map(|last| &last.status_code);
    if put_through == Some(&StatusCode::MovedTemporarily) && !acknowledged {
        hang_up(server, call).await;
    }
    Ok(())
}

/// Takes the call. `None`: the room could not, and the exchange must find another way.
async fn place(
    server: &Arc<Server>,
    transaction: &Transaction,
    received_at: UtcMs,
) -> Option<CallId> {
    let invite = &transaction.original;
    let request = Request::PlaceCall(PlaceCall {
        line: caller::line(invite),
        number: caller::number(invite),
        place: caller::place(invite),
        ..PlaceCall::new(Source::PhoneLine, "", KIND)
    });
    let by = exchange();
    let command = convert::command(&request, &by, received_at, &server.settings, |_| None);
    let Ok(Some(command)) = command else { return None };
    let id = invite.call_id_header().map(|id| id.value().to_owned()).unwrap_or_default();
    for nth in 0..SAME_ID_MAX {
        let order = Order { key: Some(key(&id, nth)), ..said(command.clone()) };
        match ask(server, order, |accepted, _| accepted.answer).await {
            Ok(Ok(Answer::CallPlaced(call))) => return Some(call),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
    // Rather twice than not at all.
    match ask(server, said(command), |accepted, _| accepted.answer).await {
        Ok(Ok(Answer::CallPlaced(call))) => Some(call),
        _ => None,
    }
}

/// The key of the `nth` call with this Call-ID: sent again, after a restart too, it is the same call. Nothing of her is
/// in it.
fn key(call_id: &str, nth: u8) -> Key {
    let mut hash = blake3::Hasher::new_derive_key("fifteen 2026 key of a telephone call");
    hash.update(&[nth]).update(call_id.as_bytes());
    let mut key = [0; 16];
    hash.finalize_xof().fill(&mut key);
    Key(key)
}

/// Lets the room hear that the line rings. False: its call is closed, or the room cannot.
async fn rings(server: &Arc<Server>, call: CallId) -> bool {
    let open = move |_: &Accepted, state: Option<&State>| {
        state.and_then(|state| state.call(call)).is_some_and(|call| call.closed.is_none())
    };
    matches!(ask(server, said(Command::RingLine { call }), open).await, Ok(Ok(true)))
}

/// She hung up, or nobody reached her: she is rung back. Kept at, for nobody else will say so.
async fn hang_up(server: &Arc<Server>, call: CallId) {
    let order = said(Command::HangUpLine { call });
    while let Err(Failed::Log(_)) = ask(server, order.clone(), |_, _| ()).await {
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

fn exchange() -> Actor {
    Actor::new(EXCHANGE, Role::Intake)
}

fn said(command: Command) -> Order {
    Order { by: exchange(), key: None, command }
}

/// Asks the room, and waits until what came of it is on the disk.
async fn ask<T: Send + 'static>(
    server: &Arc<Server>,
    order: Order,
    tell: impl FnOnce(&Accepted, Option<&State>) -> T + Send + 'static,
) -> Result<Result<T, Rejection>, Failed> {
    let (sender, receiver) = oneshot::channel();
    let answer = move |outcome: Outcome, state: Option<&State>| {
        let told = outcome.map(|decided| decided.map(|accepted| tell(&accepted, state)));
        // A line whose stack fell over hears nothing.
        let _ = sender.send(told);
    };
    server.handle.order(order, answer).await;
    receiver.await.unwrap_or(Err(Failed::Closed))
}

/// What is said to the exchange when somebody has the call.
struct Desk {
    extensions: std::collections::BTreeMap<String, String>,
    extension: String,
    exchange: String,
    moved: Response,
    unavailable: Response,
    stopping: Response,
    way: rsipstack::transaction::transaction::TransactionEventSender,
}

impl Desk {
    fn of(settings: &SipSettings, transaction: &Transaction) -> Self {
        let response =
            |status| transaction.endpoint_inner.make_response(&transaction.original, status, None);
        Self {
            extensions: settings.extensions.clone(),
            extension: settings.extension.clone().unwrap_or_default(),
            exchange: settings.exchange.map(|it| it.to_string()).unwrap_or_default(),
            moved: response(StatusCode::MovedTemporarily),
            unavailable: response(StatusCode::TemporarilyUnavailable),
            stopping: response(StatusCode::ServiceUnavailable),
            way: transaction.tu_sender.clone(),
        }
    }
}

/// Waits until the line is somebody's, and says whose.
async fn put_through(
    mut desk: Desk,
    mut line: watch::Receiver<Line>,
    mut stopping: watch::Receiver<bool>,
) {
    let response = loop {
        let now = line.borrow_and_update().clone();
        match now {
            Line::Rings => {}
            Line::Over => break desk.unavailable,
            Line::Answered(who) => {
                let extension = desk.extensions.get(&*who).unwrap_or(&desk.extension);
                let contact = format!("<sip:{extension}@{}>", desk.exchange);
                desk.moved.headers.push(Header::Contact(contact.into()));
                break desk.moved;
            }
        }
        tokio::select! {
            changed = line.changed() => if changed.is_err() { break desk.unavailable },
            () = session::stopped(&mut stopping) => break desk.stopping,
        }
    };
    // A transaction that ended needs no answer.
    let _ = desk.way.send(TransactionEvent::Respond(response));
}
