//! From a socket to a session: TLS where the room has a certificate, plain text where it has none.
//!
//! Nobody knows yet who is there, an intake line or a flood, so a handshake costs little and none
//! is waited for: so many at once and no more, each within its limit, and where one more comes the
//! oldest of the address that has most of them goes. A flood from one place throws itself out.

use super::certificates::Certificates;
use super::stream::Writer;
use super::{Server, Shed, session};
use crate::protocol::{Code, Refused};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

/// The first byte of TLS: a handshake record (RFC 8446, 5.1). Ours is the high byte of a length of
/// 64 KiB at most.
const TLS_HANDSHAKE: u8 = 0x16;
/// What of a plain client's words is still read, so that our answer reaches it.
const LEFT_BYTES_MAX: u64 = 128 * 1024;

/// Serves one connection to its end.
pub(super) async fn enter(server: Arc<Server>, socket: TcpStream, peer: SocketAddr) {
    // Small frames and people waiting: never held back to be sent together.
    let _ = socket.set_nodelay(true);
    let Some(certificates) = &server.certificates else {
        return session::run(server, socket.into_split(), peer, None).await;
    };
    let (handshake, mut thrown_out) = match server.handshakes.begin(peer.ip()) {
        (begun, thrown_out, None) => (begun, thrown_out),
        (begun, thrown_out, Some(Crowded)) => {
            server.shed(Shed::Handshakes);
            (begun, thrown_out)
        }
    };
    let limit = server.settings.listen.handshake_limit;
    let greeted = tokio::select! {
        greeted = tokio::time::timeout(limit, greet(certificates, socket, limit)) => greeted,
        _ = &mut thrown_out => return,
    };
    drop(handshake);
    match greeted {
        Ok(Ok(Some(stream))) => {
            let papers = certificates.papers(stream.get_ref().1.peer_certificates());
            session::run(server, tokio::io::split(stream), peer, papers).await;
        }
        Ok(Ok(None)) => debug!(%peer, "plain text, where TLS is spoken"),
        Ok(Err(error)) => debug!(%peer, %error, "no handshake"),
        Err(_) => debug!(%peer, "no handshake within its limit"),
    }
}

/// The handshake. `None`: it was plain text, which is told so in its own words.
async fn greet(
    certificates: &Certificates,
    socket: TcpStream,
    limit: std::time::Duration,
) -> io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [0];
    if socket.peek(&mut first).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if first == [TLS_HANDSHAKE] {
        let acceptor = TlsAcceptor::from(certificates.config());
        return acceptor.accept(socket).await.map(Some);
    }
    let (read, write) = socket.into_split();
    let text = "this server speaks TLS: give --ca FILE, its authority's certificate".to_owned();
    Writer::new(write).last(Refused { code: Code::TlsRequired, text }.into(), limit).await;
    // Closing over unread bytes would reset the connection, and our word with it.
    let mut unread = read.take(LEFT_BYTES_MAX);
    tokio::io::copy(&mut unread, &mut tokio::io::sink()).await?;
    Ok(None)
}

/// Handshakes under way.
pub(super) struct Handshakes {
    max: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    /// By age. Dropping the sender ends the handshake.
    under_way: BTreeMap<u64, (IpAddr, oneshot::Sender<()>)>,
    by_address: BTreeMap<IpAddr, usize>,
}

/// One had to go for this one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Crowded;

/// A handshake that counts until this is dropped.
pub(super) struct Begun<'a> {
    of: &'a Handshakes,
    id: u64,
}

impl Handshakes {
    pub(super) fn new(max: usize) -> Self {
        Self { max: max.max(1), table: Mutex::default() }
    }

    /// Takes one more in, whatever is there; the receiver wakes when it has to go.
    pub(super) fn begin(
        &self,
        address: IpAddr,
    ) -> (Begun<'_>, oneshot::Receiver<()>, Option<Crowded>) {
        let address = place(address);
        let (keep, gone) = oneshot::channel();
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let crowded = (table.under_way.len() >= self.max).then(|| {
            table.throw_out();
            Crowded
        });
        let id = table.next;
        table.next += 1;
        table.under_way.insert(id, (address, keep));
        *table.by_address.entry(address).or_default() += 1;
        drop(table);
        (Begun { of: self, id }, gone, crowded)
    }
}

impl Table {
    /// The oldest handshake of the address that has most.
    fn throw_out(&mut self) {
        let busiest = self.by_address.iter().max_by_key(|(_, count)| **count);
        let busiest = busiest.map(|(address, _)| *address);
        let oldest = self.under_way.iter().find(|(_, (address, _))| Some(*address) == busiest);
        if let Some(id) = oldest.map(|(id, _)| *id) {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: u64) {
        let Some((address, _)) = self.under_way.remove(&id) else {
            return; // It was thrown out before it ended.
        };
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.of.table.lock().unwrap_or_else(PoisonError::into_inner).remove(self.id);
    }
}

/// Where an address is, as far as one sender can have many: a /64 of IPv6 is one house.
fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot::error::TryRecvError;

    fn from(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn a_flood_throws_itself_out_and_not_the_one_who_came_before_it() {
        let handshakes = Handshakes::new(3);
        let (_quiet, mut quiet, crowded) = handshakes.begin(from("10.0.0.1"));
        assert_eq!(crowded, None);
        let mut flood = Vec::new();
        for _ in 0..50 {
            flood.push(handshakes.begin(from("10.0.0.2")));
        }
        assert_eq!(flood.iter().filter(|(_, _, crowded)| crowded.is_some()).count(), 48);
        assert_eq!(quiet.try_recv(), Err(TryRecvError::Empty), "it goes on");
        let alive = flood
            .iter_mut()
            .map(|(_, gone, _)| gone.try_recv() == Err(TryRecvError::Empty))
            .collect::<Vec<_>>();
        assert_eq!(alive.iter().filter(|alive| **alive).count(), 2, "never more than three");
        assert_eq!(alive[48..], [true, true], "the newest of the flood");
        drop(flood);
        assert_eq!(handshakes.table.lock().unwrap().under_way.len(), 1);
        assert_eq!(handshakes.table.lock().unwrap().by_address.len(), 1);
    }

    #[test]
    fn many_addresses_of_one_ipv6_network_are_one_place() {
        let house = place(from("2001:db8:1:2::1"));
        assert_eq!(place(from("2001:db8:1:2:ffff::9")), house);
        assert_ne!(place(from("2001:db8:1:3::1")), house);
        assert_eq!(place(from("::ffff:10.0.0.1")), from("10.0.0.1"));
    }
}
