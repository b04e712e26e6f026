//! A message over SMTP (RFC 5321): plain text, the report as an attachment, the same bytes and
//! the same Message-ID at every attempt, so that a mailbox shows a repeat once.

use super::{Channel, Letter, Matter, Secret, SendError, Tls};
use crossbeam_channel::{RecvTimeoutError, bounded};
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as SmtpTls, TlsParameters};
use lettre::{Address, Message, SmtpTransport, Transport};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

/// One mail server.
pub struct Email {
    from: Address,
    transport: SmtpTransport,
    limit: Duration,
    hanging: Arc<AtomicBool>,
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
        let checked = || {
            TlsParameters::new(host.into())
                .map_err(|_| SendError::gone("the mail server's name is none that TLS can check"))
        };
        let tls = match tls {
            Tls::None => SmtpTls::None,
            Tls::Starttls => SmtpTls::Required(checked()?),
            Tls::Tls => SmtpTls::Wrapper(checked()?),
        };
        let mut transport = SmtpTransport::builder_dangerous(host).port(port).tls(tls);
        transport = transport.timeout(Some(limit));
        if let Some((user, password)) = login {
            let password = String::from_utf8_lossy(password.bytes()).into_owned();
            transport = transport.credentials(Credentials::new(user.into(), password));
        }
        let transport = transport.build();
        Ok(Self { from, transport, limit, hanging: Arc::new(AtomicBool::new(false)) })
    }

    fn message(&self, letter: &Letter) -> Result<Message, SendError> {
        let to =
            letter.email.clone().ok_or_else(|| SendError::gone("the person has no address"))?;
        let message = Message::builder()
            .message_id(Some(format!("<{}@{}>", letter.id(), self.from.domain())))
            .date(UNIX_EPOCH + Duration::from_millis(letter.intended_at.0))
            .from(Mailbox::new(None, self.from.clone()))
            .to(Mailbox::new(None, to))
            .subject(letter.headline());
        let html = match &letter.matter {
            Matter::Report(report) => report.html.clone(),
            Matter::Escalation(_) | Matter::Test => None,
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

impl Channel for Email {
    /// The library's limit is for one read or write, and looking up the name has none: a server
    /// that drips could hold an attempt for hours. So it runs on a thread of its own that is left
    /// behind when the time is over; while one hangs, the next attempt fails at once.
    fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let message = self.message(letter)?;
        if self.hanging.swap(true, Ordering::AcqRel) {
            return Err(SendError::again("the mail server still holds the attempt before"));
        }
        let (transport, hanging) = (self.transport.clone(), Arc::clone(&self.hanging));
        let (done, end) = bounded(1);
        let sender = std::thread::Builder::new().name("notice mail".into());
        let sending = sender.spawn(move || {
            let result = transport.send(&message);
            hanging.store(false, Ordering::Release);
            let _ = done.send(result);
        });
        if sending.is_err() {
            self.hanging.store(false, Ordering::Release);
            return Err(SendError::again("no thread to send it"));
        }
        match end.recv_timeout(self.limit) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(&error)),
            Err(RecvTimeoutError::Timeout) => {
                Err(SendError::again("no answer of the mail server within the time limit"))
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.hanging.store(false, Ordering::Release);
                Err(SendError::again("the mail library failed"))
            }
        }
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
