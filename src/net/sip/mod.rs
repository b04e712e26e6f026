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
mod papers;
mod proof;

pub(super) use lines::Lines;
pub(super) use papers::Papers;

use super::answering::ask;
use super::{ServeError, Server, convert, session};
use crate::config::SipSettings;
use crate::domain::{Actor, Answer, CallId, Command, Key, Order, Role, UtcMs};
use crate::engine::{Accepted, State};
use crate::protocol::{PlaceCall, Request, Source};
use crate::service::Failed;
use lines::Line;
use proof::{Asking, Proof};
use rsipstack::EndpointBuilder;
use rsipstack::sip::{HasHeaders, Header, HeadersExt, Method, SipMessage, StatusCode};
use rsipstack::transaction::Transaction;
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transaction::key::TransactionKey;
use rsipstack::transaction::transaction::{TransactionEvent, TransactionEventSender};
use rsipstack::transport::TransportLayer;
use rsipstack::transport::tcp_listener::TcpListenerConnection;
use rsipstack::transport::tls::TlsListenerConnection;
use rsipstack::transport::udp::UdpConnection;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
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
/// A final answer is sent again for 64 times T1, which is half a second (RFC 3261, 17.2.1); then nobody hears it.
const UNHEARD_AFTER: Duration = Duration::from_secs(40);
/// For the lines that ring when the server stops.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// A stack that fell over stands up again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Where the lines ring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    /// Over UDP and TCP.
    pub(super) plain: Option<SocketAddr>,
    /// Over TLS.
    pub(super) tls: Option<SocketAddr>,
}

impl Addresses {
    /// Those of the configuration, which can be had.
    pub(super) async fn bound(sip: &SipSettings) -> Result<Self, ServeError> {
        let bound = async |address: Option<SocketAddr>| match address {
            Some(address) => {
                let bound = bind(address).await;
                bound.map(Some).map_err(|source| ServeError::Listen { address, source })
            }
            None => Ok(None),
        };
        Ok(Self { plain: bound(sip.listen).await?, tls: bound(sip.tls).await? })
    }
}

/// Serves the lines on `addresses`, if there are any, until the server stops. Those of `rang_before` rang when it ended
/// and are nobody's any more: who called is rung back.
pub(super) async fn serve(
    server: Arc<Server>,
    addresses: Addresses,
    papers: Option<Arc<Papers>>,
    rang_before: Vec<CallId>,
) {
    let mut nobodys = JoinSet::new();
    let ring_back = |call| hang_up(Arc::clone(&server), call);
    rang_before.into_iter().for_each(|call| drop(nobodys.spawn(ring_back(call))));
    // No line is heard before, or one that rings again would be hung up; and no log that hangs keeps any from ringing.
    let said = async { while nobodys.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(AGAIN_AFTER, said).await;
    if addresses.plain.is_none() && addresses.tls.is_none() {
        return;
    }
    let asking = Arc::new(Asking::new());
    let mut stopping = server.stopping.clone();
    loop {
        let mut stack = JoinSet::new();
        stack.spawn(listen(Arc::clone(&server), addresses, papers.clone(), Arc::clone(&asking)));
        match stack.join_next().await {
            // Its own text may quote what came.
            Some(Ok(Err(rsipstack::Error::IoError(error)))) => {
                warn!("the telephone lines: {error}")
            }
            Some(Ok(Ok(()))) if *stopping.borrow() => return,
            _ => warn!("the telephone lines' stack fell over; it is started again"),
        }
        let fallen = server.lines.let_go();
        fallen.into_iter().for_each(|call| drop(nobodys.spawn(ring_back(call))));
        tokio::select! {
            () = tokio::time::sleep(AGAIN_AFTER) => {}
            () = session::stopped(&mut stopping) => return,
        }
    }
}

/// Ports tried where any will do: one must be free for UDP and for TCP.
const PORTS_TRIED: u8 = 16;

/// Whether this address can be had.
async fn bind(address: SocketAddr) -> std::io::Result<SocketAddr> {
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

async fn listen(
    server: Arc<Server>,
    addresses: Addresses,
    papers: Option<Arc<Papers>>,
    asking: Arc<Asking>,
) -> rsipstack::Result<()> {
    let end = CancellationToken::new();
    // Whatever ends this, ends the stack's own tasks.
    let _end = end.clone().drop_guard();
    let transport = TransportLayer::new(end.clone());
    let peers = server.settings.sip.peers();
    transport.set_whitelist(move |ip| std::future::ready(peers.contains(&ip)));
    if let Some(address) = addresses.plain {
        transport.add_transport(
            UdpConnection::create_connection(address, None, Some(end.clone())).await?.into(),
        );
        transport.add_transport(TcpListenerConnection::new(address, None).await?.into());
    }
    if let (Some(address), Some(papers)) = (addresses.tls, papers) {
        let shown = papers.read().map_err(|error| rsipstack::Error::Error(error.to_string()))?;
        let listener = TlsListenerConnection::new(address, None, shown).await?;
        papers.shown_by(&listener);
        transport.add_transport(listener.into());
    }
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
    let mut stopping = server.stopping.clone();
    loop {
        tokio::select! {
            ended = &mut serving => return ended,
            transaction = incoming.recv() => {
                let Some(transaction) = transaction else { return Ok(()) };
                rings.spawn(answer(Arc::clone(&server), Arc::clone(&asking), transaction));
            }
            Some(_) = rings.join_next() => {}
            () = session::stopped(&mut stopping) => break,
        }
    }
    // Each line that rings hears that the room stops.
    let said = async { while rings.join_next().await.is_some() {} };
    tokio::select! {
        ended = &mut serving => ended,
        _ = tokio::time::timeout(LAST_WORDS, said) => Ok(()),
    }
}

async fn answer(server: Arc<Server>, asking: Arc<Asking>, mut transaction: Transaction) {
    let received_at = server.clock.now();
    let within = transaction.original.to_header().ok().and_then(|to| to.tag().ok().flatten());
    let answered = match &transaction.original.method {
        Method::Invite if within.is_none() => {
            match asking.proof(&server.settings.sip, &transaction.original, received_at) {
                Proof::Good => ring(&server, &mut transaction, received_at).await,
                Proof::Wanted(too_late) => {
                    let challenge = asking.challenge(received_at, too_late);
                    transaction.reply_with(StatusCode::Unauthorized, challenge, None).await
                }
            }
        }
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
    let ending =
        async { while !transaction.is_terminated() && transaction.receive().await.is_some() {} };
    // A link that broke ends no transaction by itself.
    let _ = tokio::time::timeout(UNHEARD_AFTER, ending).await;
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
    let held = hold(server, transaction, call, received_at).await;
    // Whatever else became of it, nobody speaks with her.
    if !matches!(held, Ok(Held::PutThrough)) {
        hang_up(Arc::clone(server), call).await;
    }
    held.map(|_| ())
}

/// How holding a line ended.
enum Held {
    /// The exchange went where it was sent.
    PutThrough,
    /// In any other way.
    Lost,
}

/// Holds the line of a call that is taken.
async fn hold(
    server: &Arc<Server>,
    transaction: &mut Transaction,
    call: CallId,
    received_at: UtcMs,
) -> rsipstack::Result<Held> {
    let to = transaction.original.to_header()?.clone();
    let tag = format!("{:x}-{:x}", call.0, received_at.0);
    transaction.original.headers_mut().unique_push(to.with_tag(tag.into()).into());
    let line = server.lines.listen(call);
    if !rings(server, call).await {
        transaction.reply(StatusCode::TemporarilyUnavailable).await?;
        return Ok(Held::Lost);
    }
    transaction.reply(StatusCode::Ringing).await?;
    let mut watching = JoinSet::new();
    watching.spawn(put_through(Arc::clone(server), Ringing::of(transaction), line));
    while let Some(message) = transaction.receive().await {
        let SipMessage::Request(request) = message else { continue };
        let last = transaction.last_response.as_ref().map(|last| &last.status_code);
        match request.method {
            Method::Cancel => {
                watching.abort_all();
                hang_up(Arc::clone(server), call).await;
                transaction.reply(StatusCode::RequestTerminated).await?;
                break;
            }
            Method::Ack if last == Some(&StatusCode::MovedTemporarily) => {
                return Ok(Held::PutThrough);
            }
            Method::Ack => break,
            _ => {}
        }
    }
    Ok(Held::Lost)
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
async fn hang_up(server: Arc<Server>, call: CallId) {
    let order = said(Command::HangUpLine { call });
    while let Err(Failed::Log(_)) = ask(&server, order.clone(), |_, _| ()).await {
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

fn exchange() -> Actor {
    Actor::new(EXCHANGE, Role::Intake)
}

fn said(command: Command) -> Order {
    Order { by: exchange(), key: None, command }
}

/// What of a transaction is needed to answer it from beside.
struct Ringing {
    endpoint: EndpointInnerRef,
    invite: rsipstack::sip::Request,
    key: TransactionKey,
    way: TransactionEventSender,
}

impl Ringing {
    fn of(transaction: &Transaction) -> Self {
        Self {
            endpoint: transaction.endpoint_inner.clone(),
            invite: transaction.original.clone(),
            key: transaction.key.clone(),
            way: transaction.tu_sender.clone(),
        }
    }

    fn answer(&self, status: StatusCode, contact: Option<String>) {
        let mut response = self.endpoint.make_response(&self.invite, status, None);
        response.headers.extend(contact.into_iter().map(|it| Header::Contact(it.into())).collect());
        // A transaction that ended needs no answer.
        let _ = self.way.send(TransactionEvent::Respond(response));
    }
}

/// Waits until the line is somebody's, and says whose; ends it when nobody hears that.
async fn put_through(server: Arc<Server>, ringing: Ringing, mut line: watch::Receiver<Line>) {
    let sip = &server.settings.sip;
    let mut stopping = server.stopping.clone();
    loop {
        let now = line.borrow_and_update().clone();
        match now {
            Line::Rings => {}
            Line::Over => break ringing.answer(StatusCode::TemporarilyUnavailable, None),
            Line::Answered(who) => {
                let extension = sip.extensions.get(&*who).or(sip.extension.as_ref());
                let contact = extension
                    .zip(sip.exchange)
                    .map(|(extension, exchange)| format!("<sip:{extension}@{exchange}>"));
                break ringing.answer(StatusCode::MovedTemporarily, contact);
            }
        }
        tokio::select! {
            // Whoever holds the lines lets go of them together with this.
            changed = line.changed() => if changed.is_err() { return },
            () = session::stopped(&mut stopping) => {
                break ringing.answer(StatusCode::ServiceUnavailable, None);
            }
        }
    }
    tokio::time::sleep(UNHEARD_AFTER).await;
    let _ = ringing.way.send(TransactionEvent::Terminate(ringing.key));
}
