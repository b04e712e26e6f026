//! E-mail, against a real SMTP server and against what is none.

use super::*;
use fifteen::notify::{Email, Report, Tls};
use mailin_embedded::response::{
    INTERNAL_ERROR, NO_MAILBOX, NO_SERVICE, OK, OUT_OF_SPACE, TRANSACTION_FAILED,
};
use mailin_embedded::{Handler, Response, Server};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;

/// One message as the server took it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
}

impl Mail {
    /// The value of a header, its folded lines joined.
    fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let start = format!("{name}: ");
        head.lines().find_map(|line| line.strip_prefix(&start).map(str::to_owned))
    }
}

/// What the server says at each step.
#[derive(Clone)]
struct Says {
    mail: Response,
    rcpt: Response,
    end: Response,
}

#[derive(Clone)]
struct Desk {
    says: Says,
    under_way: Mail,
    bytes: Vec<u8>,
    taken: Arc<Mutex<Vec<Mail>>>,
}

impl Handler for Desk {
    fn mail(&mut self, _ip: IpAddr, _domain: &str, from: &str) -> Response {
        self.under_way = Mail { from: from.into(), ..Mail::default() };
        self.says.mail.clone()
    }

    fn rcpt(&mut self, to: &str) -> Response {
        self.under_way.to.push(to.into());
        self.says.rcpt.clone()
    }

    fn data(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        self.under_way.text = String::from_utf8(std::mem::take(&mut self.bytes)).unwrap();
        if self.says.end.code < 400 {
            self.taken.lock().unwrap().push(self.under_way.clone());
        }
        self.says.end.clone()
    }
}

/// A mail server; its thread ends with the test's process.
pub(crate) struct Post {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Vec<Mail>>>,
}

impl Post {
    pub(crate) fn start() -> Self {
        Self::that_says(OK, OK, OK)
    }

    fn that_says(mail: Response, rcpt: Response, end: Response) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::default();
        let desk = Desk {
            says: Says { mail, rcpt, end },
            under_way: Mail::default(),
            bytes: Vec::new(),
            taken: Arc::clone(&taken),
        };
        let mut server = Server::new(desk);
        server.with_name("mail.test").with_tcp_listener(listener);
        std::thread::spawn(move || drop(server.serve()));
        Self { address, taken }
    }

    pub(crate) fn taken(&self) -> Vec<Mail> {
        self.taken.lock().unwrap().clone()
    }
}

fn mailer(address: SocketAddr, limit: Duration) -> Email {
    let host = address.ip().to_string();
    let from = "room@cell.example".parse().unwrap();
    Email::new((&host, address.port()), Tls::None, from, None, limit).unwrap()
}

#[test]
fn a_notice_arrives_as_plain_text_for_one() {
    let post = Post::start();
    mailer(post.address, LONG).send(&letter()).unwrap();
    let [mail] = post.taken().try_into().unwrap();
    assert_eq!((&*mail.from, &mail.to[..]), ("room@cell.example", &["dpo@example.org".into()][..]));
    let subject = mail.header("Subject").unwrap();
    assert_eq!(subject, "acknowledge missed on call 12: domestic violence, Lahore, priority 2");
    let id = mail.header("Message-ID").unwrap();
    assert_eq!(id, format!("<{}@cell.example>", letter().id()));
    assert_eq!(mail.header("Date").unwrap(), "Fri, 14 Aug 2026 09:15:00 +0000");
    assert!(mail.header("Content-Type").unwrap().starts_with("text/plain"));
    assert!(mail.text.contains("Escalation 4711, to: DPO, rung 2."), "{}", mail.text);
    assert!(mail.text.contains("It is told 12 s late."), "{}", mail.text);
}

#[test]
fn a_repeat_is_the_same_message_byte_for_byte() {
    let post = Post::start();
    let report = Report {
        title: "Yesterday".into(),
        text: "3 calls".into(),
        html: Some("<p>3 calls".into()),
    };
    for matter in [letter().matter, Matter::Report(Arc::new(report))] {
        let letter = Letter { matter, ..letter() };
        mailer(post.address, LONG).send(&letter).unwrap();
        mailer(post.address, LONG).send(&letter).unwrap();
    }
    let [a, b, c, d] = post.taken().try_into().unwrap();
    assert_eq!((a.text, c.text.clone()), (b.text, d.text));
    assert!(
        c.text.contains("3 calls") && c.text.contains("filename=\"report.html\""),
        "{}",
        c.text
    );
}

#[test]
fn a_line_break_in_a_name_makes_no_header() {
    let post = Post::start();
    let mut letter = letter();
    let evil = "x\r\nBcc: thief@example.com\r\n\r\nbody\u{85}\u{2028}";
    letter.person = evil.into();
    letter.room = evil.into();
    let mut missed = escalation();
    (missed.kind, missed.district, missed.office) = (evil.into(), evil.into(), evil.into());
    (missed.clock, missed.unit) = (evil.into(), Some(evil.into()));
    letter.matter = Matter::Escalation(Box::new(missed));
    mailer(post.address, LONG).send(&letter).unwrap();
    let report = Report { title: evil.into(), text: evil.into(), html: None };
    letter.matter = Matter::Report(Arc::new(report));
    mailer(post.address, LONG).send(&letter).unwrap();
    for mail in post.taken() {
        assert_eq!(mail.to, ["dpo@example.org"]);
        assert_eq!(mail.header("Bcc"), None, "{}", mail.text);
        let names = mail.text.split("\r\n\r\n").next().unwrap().lines();
        let names: Vec<_> = names.filter(|line| !line.starts_with(' ')).collect();
        assert!(names.len() <= 8, "{names:?}");
    }
    assert_eq!(post.taken().len(), 2);
}

#[test]
fn names_in_urdu_arrive() {
    let post = Post::start();
    let mut missed = escalation();
    missed.kind = "گھریلو تشدد".into();
    let letter = Letter { matter: Matter::Escalation(Box::new(missed)), ..letter() };
    mailer(post.address, LONG).send(&letter).unwrap();
    let [mail] = post.taken().try_into().unwrap();
    assert!(mail.text.is_ascii(), "any mail server can carry it");
    assert!(mail.header("Subject").unwrap().contains("=?utf-8?"), "{}", mail.text);
}

#[test]
fn a_4xx_is_tried_again_and_a_5xx_is_not() {
    for (mail, rcpt, end, again, code) in [
        (NO_SERVICE, OK, OK, true, "421"),
        (OK, INTERNAL_ERROR, OK, true, "451"),
        (OK, NO_MAILBOX, OK, false, "550"),
        (OK, OK, OUT_OF_SPACE, true, "452"),
        (OK, OK, TRANSACTION_FAILED, false, "554"),
    ] {
        let post = Post::that_says(mail, rcpt, end);
        failed(mailer(post.address, LONG).send(&letter()), again, &format!("answered {code}"));
        assert!(post.taken().is_empty());
    }
}

#[test]
fn what_the_server_says_of_an_address_is_not_repeated() {
    let said = Response::custom(550, "no dpo@example.org at 127.0.0.1".into());
    let post = Post::that_says(OK, said, OK);
    failed(mailer(post.address, LONG).send(&letter()), false, "answered 550");
}

/// A server that offers `offers` after EHLO and answers anything else with `answer`; it keeps the
/// lines it got. (The real one offers a login only over TLS.)
fn offering(offers: &'static str, answer: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let keeping = Arc::clone(&lines);
    let address = strange(move |mut stream| {
        let reading = BufReader::new(stream.try_clone().unwrap());
        let _ = stream.write_all(b"220 mail.test\r\n");
        for line in reading.lines().map_while(Result::ok) {
            let reply = if line.starts_with("EHLO") {
                format!("250-mail.test\r\n250 {offers}\r\n")
            } else {
                format!("{answer}\r\n")
            };
            keeping.lock().unwrap().push(line);
            let _ = stream.write_all(reply.as_bytes());
        }
    });
    (address, lines)
}

#[test]
fn a_message_that_was_taken_is_delivered_whatever_follows() {
    let (keep, kept) = crossbeam_channel::unbounded();
    let address = strange(move |mut stream| {
        let reading = BufReader::new(stream.try_clone().unwrap());
        let _ = stream.write_all(b"220 mail.test\r\n");
        let mut in_data = false;
        for line in reading.lines().map_while(Result::ok) {
            let reply = match &*line {
                "." => "250 taken\r\n",
                _ if in_data => continue,
                "DATA" => "354 go on\r\n",
                // The server never says good-bye.
                "QUIT" => break,
                _ => "250 yes\r\n",
            };
            in_data = line == "DATA";
            let _ = stream.write_all(reply.as_bytes());
        }
        let _ = keep.send(stream);
    });
    mailer(address, LONG).send(&letter()).unwrap();
    drop(kept);
}

fn logging_in(address: SocketAddr, tls: Tls) -> Result<(), SendError> {
    let password = Secret::password("not the one").unwrap();
    let from = "room@cell.example".parse().unwrap();
    let login = Some(("room", &password));
    let email = Email::new(("localhost", address.port()), tls, from, login, LONG).unwrap();
    let result = email.send(&letter());
    assert!(!format!("{result:?}").contains("not the one"), "{result:?}");
    result
}

#[test]
fn a_login_that_is_refused_is_given_up() {
    let (address, lines) = offering("AUTH PLAIN", "535 no");
    failed(logging_in(address, Tls::None), false, "answered 535");
    assert!(!lines.lock().unwrap().iter().any(|line| line.starts_with("MAIL")));
}

#[test]
fn a_server_without_starttls_gets_neither_login_nor_mail() {
    let (address, lines) = offering("AUTH PLAIN", "235 welcome");
    failed(logging_in(address, Tls::Starttls), true, "does not offer what is needed");
    let lines = lines.lock().unwrap();
    let telling = |line: &&String| ["AUTH", "MAIL", "DATA"].iter().any(|it| line.starts_with(it));
    assert_eq!(lines.iter().find(telling), None);
}

#[test]
fn one_without_an_address_is_given_up() {
    let post = Post::start();
    let letter = Letter { email: None, ..letter() };
    failed(mailer(post.address, LONG).send(&letter), false, "no address");
}

/// A listener that does to each connection what the closure does.
fn strange(act: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(act));
    address
}

#[test]
fn a_server_that_is_not_there_or_no_mail_server_is_tried_again() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    failed(mailer(free, LONG).send(&letter()), true, "connection");
    failed(mailer(strange(drop), LONG).send(&letter()), true, "");
    let garbage = strange(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 dpo@example.org\r\n\r\n");
        let _ = stream.read(&mut [0; 64]);
    });
    failed(mailer(garbage, LONG).send(&letter()), true, "");
}

#[test]
fn a_server_slower_than_the_limit_is_left_and_not_asked_again_while_it_holds() {
    let (keep, kept) = crossbeam_channel::unbounded();
    let silent = strange(move |stream| keep.send(stream).unwrap());
    failed(mailer(silent, SHORT).send(&letter()), true, "within the time limit");
    // A byte now and then is within the library's limit, and not within ours.
    let (end, ended) = crossbeam_channel::bounded::<()>(0);
    let dripping = strange(move |mut stream| {
        let ended = ended.clone();
        std::thread::spawn(move || {
            while stream.write_all(b"2").is_ok()
                && ended.recv_timeout(Duration::from_millis(20)).is_err_and(|e| e.is_timeout())
            {
            }
        });
    });
    let email = mailer(dripping, SHORT);
    for _ in 0..4 {
        failed(email.send(&letter()), true, "within the time limit");
    }
    failed(email.send(&letter()), true, "still holds the attempts before");
    drop((end, kept));
}
