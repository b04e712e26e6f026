//! A message over SMTP (RFC 5321): plain text, the report as an attachment, the same bytes and
//! the same Message-ID at every attempt, so that a mailbox shows a repeat once.

use super::{Channel, Letter, Matter, Secret, SendError, Tls};
use crossbeam_channel::{RecvTimeoutError, bounded};
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

/// Attempts left behind that still hold a connection; with so many no further one is made.
const HANGING_MAX: usize = 4;
/// How long a server has to say good-bye after its answer is known.
const QUIT_LIMIT: Duration = Duration::from_secs(1);

/// One mail server.
pub struct Email {
    server: Arc<Server>,
    hanging: Arc<AtomicUsize>,
}

struct Server {
    host: String,
    port: u16,
    from: Address,
    tls: Option<(Tls, TlsParameters)>,
    login: Option<Credentials>,
    limit: Duration,
}

impl Email {
    /// Mail from `from` by the server at `host` and `port`; one attempt takes at most `limit`.
    ///
    /// # Errors
    /// `host` is no name that TLS can check.
    pub fn new(
        (host, port): (&str, u16),
        tls: Tls,
        from: Address,
        login: Option<(&str, &Secret)>,
        limit: Duration,
    ) -> Result<Self, SendError> {
        let parameters = || {
            TlsParameters::new(host.into())
                .map_err(|_| SendError::gone("the mail server's name is none that TLS can check"))
        };
        let tls = match tls {
            Tls::None => None,
            Tls::Starttls | Tls::Tls => Some((tls, parameters()?)),
        };
        let login = login.map(|(user, password)| {
            let password = String::from_utf8_lossy(password.bytes()).into_owned();
            Credentials::new(user.into(), password)
        });
        let server = Server { host: host.into(), port, from, tls, login, limit };
        Ok(Self { server: Arc::new(server), hanging: Arc::default() })
    }

    fn message(&self, letter: &Letter) -> Result<Message, SendError> {
        let to =
            letter.email.clone().ok_or_else(|| SendError::gone("the person has no address"))?;
        let message = Message::builder()
            .message_id(Some(format!("<{}@{}>", letter.id(), self.server.from.domain())))
            .date(UNIX_EPOCH + Duration::from_millis(letter.intended_at.0))
            .from(Mailbox::new(None, self.server.from.clone()))
            .to(Mailbox::new(None, to))
            .subject(letter.headline());
        let html = match &letter.matter {
            Matter::Report(report) => report.html.clone(),
            Matter::Escalation(_) | Matter::Test | Matter::Disks { .. } => None,
        };
        let built = match html {
            None => message.header(ContentType::TEXT_PLAIN).body(letter.text()),
            Some(html) => message.multipart(
                MultiPart::mixed()
                    // A boundary of its own: the same bytes at every attempt.
                    .boundary(letter.id())
                    .singlepart(SinglePart::plain(letter.text()))
                    .singlepart(
                        Attachment::new("report.html".into()).body(html, ContentType::TEXT_HTML),
                    ),
            ),
        };
        built.map_err(|_| SendError::gone("no message can be made of this notice"))
    }
}

impl Server {
    /// A connection that is as protected as it is to be, and logged in.
    fn connect(&self) -> Result<SmtpConnection, Error> {
        let (wrapped, upgraded) = match &self.tls {
            None => (None, None),
            Some((Tls::Tls, parameters)) => (Some(parameters), None),
            Some((_, parameters)) => (None, Some(parameters)),
        };
        let name = ClientId::default();
        let address = (&*self.host, self.port);
        let mut server = SmtpConnection::connect(address, Some(self.limit), &name, wrapped, None)?;
        if let Some(parameters) = upgraded {
            server.starttls(parameters, &name)?;
        }
        if let Some(login) = &self.login {
            server.auth(DEFAULT_MECHANISMS, login)?;
        }
        Ok(server)
    }

    /// Hands over `message`. The library's own way would wait for the good-bye before it says
    /// what came of it, and a server that is slow at that would get the message twice.
    fn hand_over(&self, server: &mut SmtpConnection, message: &Message) -> Result<(), Error> {
        server.command(Mail::new(Some(self.from.clone()), Vec::new()))?;
        for to in message.envelope().to() {
            server.command(Rcpt::new(to.clone(), Vec::new()))?;
        }
        server.command(Data)?;
        server.message(&message.formatted())?;
        Ok(())
    }
}

impl Channel for Email {
    /// The library's limit is for one read or write, and looking up the name has none: a server
    /// that drips could hold an attempt for hours. So it runs on a thread of its own that is left
    /// behind when the time is over.
    fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let message = self.message(letter)?;
        if self.hanging.fetch_add(1, Ordering::AcqRel) >= HANGING_MAX {
            self.hanging.fetch_sub(1, Ordering::AcqRel);
            return Err(SendError::again("the mail server still holds the attempts before"));
        }
        let (server, counted) = (Arc::clone(&self.server), Counted(Arc::clone(&self.hanging)));
        let (done, end) = bounded(1);
        let sender = std::thread::Builder::new().name("notice mail".into());
        let sending = sender.spawn(move || {
            let _counted = counted;
            match server.connect() {
                Err(error) => drop(done.send(Err(error))),
                Ok(mut connection) => {
                    let result = server.hand_over(&mut connection, &message);
                    // It waits for this as long as the limit, and for nothing that follows.
                    let _ = done.send(result);
                    let _ = connection.set_timeout(Some(QUIT_LIMIT));
                    connection.abort();
                }
            }
        });
        if sending.is_err() {
            return Err(SendError::again("no thread to send it"));
        }
        match end.recv_timeout(self.server.limit) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(&error)),
            Err(RecvTimeoutError::Timeout) => {
                Err(SendError::again("no answer of the mail server within the time limit"))
            }
            Err(RecvTimeoutError::Disconnected) => Err(SendError::again("the mail library failed")),
        }
    }
}

/// One of the attempts that hold a connection, until it ends, however it ends.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The error in words of our own: the server's may quote addresses.
fn failed(error: &Error) -> SendError {
    if let Some(code) = error.status() {
        let text = format!("the mail server answered {code}");
        // RFC 5321, 4.2.1: 4yz may be tried again, 5yz not.
        return if error.is_permanent() { SendError::gone(text) } else { SendError::again(text) };
    }
    if error.is_timeout() {
        SendError::again("no answer of the mail server within the time limit")
    } else if error.is_tls() {
        SendError::again("the mail server's TLS is not to be trusted")
    } else if error.is_response() {
        SendError::again("what the mail server answered is no SMTP")
    } else if error.is_client() {
        SendError::again("the mail server does not offer what is needed: login, or STARTTLS")
    } else {
        SendError::again("the connection to the mail server failed")
    }
}
