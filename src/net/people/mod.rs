//! Who is let in, by the people file; and the end of a session whose person may not stay.
//!
//! A right token is let in at once, whatever others do. Passwords are hashed one after another on
//! a thread beside: a flood of log-ins may wait, calls do not, and neither do those from where
//! somebody was let in before ([`known`]). What failed makes the next attempt
//! from there wait ([`slow`]) and is recorded, by name only where there is such a person: what was
//! typed as a name may be a password.

mod failed;
mod known;
mod slow;

use super::Server;
use super::reload::Reload;
use crate::config::Settings;
use crate::domain::{Actor, Command, Order, Role, UtcMs};
use crate::people::{
    Done, Guest, Holder, LOG_IN, NotLetIn, PasswordHash, People, PeopleError, Seat, Secret, Token,
    edit, read,
};
use crate::protocol::{Code, Hello, Refused};
use crate::service::clock::{RoomClock, Stopwatch};
use failed::Failed;
use known::Known;
use slow::{Slow, Wait};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tracing::{info, warn};

/// Passwords that wait to be hashed in one queue, over all addresses.
const HASHES_WAITING_MAX: usize = 64;
/// Longest sleep of a session before it looks again whether its token has ended: the clock that
/// dates tokens may be set.
const LOOK_AGAIN: Duration = Duration::from_secs(24 * 3_600);

/// The people in force, and what is needed to let them in.
pub(super) struct Registry {
    path: PathBuf,
    clock: RoomClock,
    token_valid: Duration,
    /// Somebody of the room itself, whom the file does not know.
    guest: Option<Guest>,
    in_force: watch::Sender<Arc<People>>,
    /// Tokens of log-ins that could not be written: the file's folder may be read-only or full,
    /// which is no reason to keep an operator out.
    unwritten: Mutex<Vec<(Box<str>, PasswordHash, Token)>>,
    /// Changes not yet recorded in the log.
    changes: Mutex<Vec<Done>>,
    changed: tokio::sync::Notify,
    /// From addresses that nobody was let in from: a flood of passwords takes one processor at most.
    strangers: Queue,
    /// From the others.
    desks: Queue,
    known: Mutex<Known>,
    nobody: PasswordHash,
    slow: Mutex<Slow>,
    since: Stopwatch,
    failed: Failed,
    /// That no other server serves by this file; none in a drill, which leaves it alone.
    holder: Option<Holder>,
}

/// Passwords that are hashed one at a time.
struct Queue {
    hashing: Semaphore,
    waiting: Semaphore,
}

impl Queue {
    fn new() -> Self {
        Self { hashing: Semaphore::new(1), waiting: Semaphore::new(HASHES_WAITING_MAX) }
    }
}

/// What a hello earned.
pub(super) struct LetIn {
    /// What the session lives by; none where no people are kept.
    pub(super) seat: Option<Seat>,
    /// A token for whoever came with a password.
    pub(super) fresh: Option<Secret>,
}

/// Whom the room lets in: whoever the people file says, or anybody where none are kept.
pub(super) async fn let_in(
    server: &Arc<Server>,
    hello: &mut Hello,
    peer: IpAddr,
) -> Result<LetIn, Refused> {
    match &server.people {
        None => Ok(LetIn { seat: None, fresh: None }),
        Some(people) => people.let_in(server, hello, peer).await,
    }
}

fn refused(code: Code, text: impl std::fmt::Display) -> Refused {
    Refused { code, text: text.to_string() }
}

impl Registry {
    /// The people of the room, where some are kept: reads the file, and marks this process as its
    /// server, which a drill is not.
    ///
    /// # Errors
    /// [`PeopleError`], for whoever keeps the file.
    pub(super) fn of(
        settings: &Settings,
        clock: &RoomClock,
    ) -> Result<Option<Arc<Self>>, PeopleError> {
        let Some(path) = &settings.listen.people_file else {
            return Ok(None);
        };
        let people = read(path)?;
        let holder = settings.drill.is_none().then(|| Holder::take(path)).transpose()?;
        let registry = Self {
            path: path.clone(),
            clock: clock.clone(),
            token_valid: settings.listen.token_valid,
            guest: settings.guest.clone(),
            in_force: watch::Sender::new(Arc::default()),
            unwritten: Mutex::default(),
            changes: Mutex::default(),
            changed: tokio::sync::Notify::new(),
            strangers: Queue::new(),
            desks: Queue::new(),
            known: Mutex::default(),
            nobody: PasswordHash::of_nobody().map_err(PeopleError::Refused)?,
            slow: Mutex::default(),
            since: Stopwatch::start(),
            failed: Failed::default(),
            holder,
        };
        registry.put_in_force(people);
        registry.changes.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(Some(Arc::new(registry)))
    }

    /// Log-ins with a wrong secret since the start.
    pub(super) fn failed(&self) -> u64 {
        self.failed.total()
    }

    /// Whether the hello's secret is that of its `who`, and its role one of theirs.
    async fn let_in(
        self: &Arc<Self>,
        server: &Arc<Server>,
        hello: &mut Hello,
        peer: IpAddr,
    ) -> Result<LetIn, Refused> {
        let role = super::convert::role(hello.role);
        let who: Box<str> = hello.who.trim().into();
        let token = hello.token.take().map(Secret::new);
        let password = hello.password.take().map(Secret::new);
        let let_in = match (token, password) {
            (Some(token), None) => self.by_token(server, &who, role, &token, peer).await,
            (None, Some(password)) => self.by_password(server, &who, role, password, peer).await,
            (None, None) => Err(refused(
                Code::BadToken,
                "say who you are: a token or a password; `fifteen login --as NAME` asks for yours",
            )),
            (Some(_), Some(_)) => {
                Err(refused(Code::BadValue, "token and password: one of them, not both"))
            }
        };
        if let_in.is_ok() {
            self.known().came(peer);
        }
        let_in
    }

    async fn by_token(
        &self,
        server: &Arc<Server>,
        who: &str,
        role: Role,
        token: &Secret,
        peer: IpAddr,
    ) -> Result<LetIn, Refused> {
        let people = Arc::clone(&self.in_force.borrow());
        match people.seat(who, role, token.expose(), self.clock.wall_now()) {
            Ok(seat) => Ok(LetIn { seat: Some(seat), fresh: None }),
            Err(NotLetIn::Unknown) => {
                // Nobody guesses a token; who tries is kept waiting all the same.
                let waited = self.wait(who, peer).await;
                self.failed.count(server, people.by_name.contains_key(who).then_some(who));
                waited?;
                Err(refused(Code::BadToken, NotLetIn::Unknown))
            }
            Err(why) => Err(refused(Code::BadToken, why)),
        }
    }

    async fn by_password(
        self: &Arc<Self>,
        server: &Arc<Server>,
        who: &str,
        role: Role,
        password: Secret,
        peer: IpAddr,
    ) -> Result<LetIn, Refused> {
        self.wait(who, peer).await?;
        let queue = if self.known().knows(peer) { &self.desks } else { &self.strangers };
        let _waiting = queue.waiting.try_acquire().map_err(|_| {
            refused(Code::Busy, "too many log-ins at once; tokens still let in, try again")
        })?;
        let people = Arc::clone(&self.in_force.borrow());
        let known = people.by_name.get(who);
        let kept = known.and_then(|person| person.password.clone());
        // An unknown name costs as much as a wrong password.
        let hash = kept.clone().unwrap_or_else(|| self.nobody.clone());
        let fits = {
            let _turn = queue.hashing.acquire().await;
            tokio::task::spawn_blocking(move || hash.fits(&password)).await.unwrap_or(false)
        };
        let Some(kept) = kept.filter(|_| fits) else {
            self.failed.count(server, known.is_some().then_some(who));
            return Err(refused(Code::BadToken, NotLetIn::Unknown));
        };
        self.slow().right(who, peer);
        let person = known.expect("who has a password is known");
        if person.disabled {
            return Err(refused(Code::BadToken, NotLetIn::Disabled(who.into())));
        }
        person.may_be(who, role).map_err(|why| refused(Code::BadToken, why))?;
        self.log_in(who, role, kept).await
    }

    /// Makes a token for somebody whose password was right.
    async fn log_in(
        self: &Arc<Self>,
        who: &str,
        role: Role,
        password: PasswordHash,
    ) -> Result<LetIn, Refused> {
        let fresh = Secret::token().map_err(|why| refused(Code::Busy, why))?;
        let now = self.clock.wall_now();
        let valid_ms = u64::try_from(self.token_valid.as_millis()).unwrap_or(u64::MAX);
        let (hash, expires_at) = (fresh.hash(), now.plus(valid_ms));
        let token = Token { hash, label: LOG_IN.into(), issued_at: now, expires_at };
        let (this, name) = (Arc::clone(self), Box::<str>::from(who));
        // It waits for the disk, and for whoever edits the file.
        let written = tokio::task::spawn_blocking(move || this.keep(&name, password, token));
        if written.await.is_err() {
            return Err(refused(Code::Busy, "the log-in could not be kept; try again"));
        }
        // Whoever was disabled meanwhile is not let in.
        let seat = self.in_force.borrow().seat(who, role, fresh.expose(), now);
        let seat = seat.map_err(|why| refused(Code::BadToken, why))?;
        Ok(LetIn { seat: Some(seat), fresh: Some(fresh) })
    }

    /// Puts a token of a log-in into the file; into memory if it cannot be written.
    fn keep(&self, who: &str, password: PasswordHash, token: Token) {
        if self.holder.is_none() {
            self.unwritten().push((who.into(), password, token));
            let people = (**self.in_force.borrow()).clone();
            return self.put_in_force(people);
        }
        let written = edit(&self.path, |people| {
            let person = people
                .by_name
                .get_mut(who)
                .filter(|person| person.password.as_ref() == Some(&password) && !person.disabled);
            let person = person.ok_or("the person was changed meanwhile")?;
            person.add_token(token.clone(), token.issued_at)
        });
        match written {
            Ok((people, ())) => self.put_in_force(people),
            Err(PeopleError::Refused(_)) => {}
            Err(error) => {
                warn!("a log-in is good until the server ends only: {error}");
                self.unwritten().push((who.into(), password, token));
                let people = (**self.in_force.borrow()).clone();
                self.put_in_force(people);
            }
        }
    }

    /// From now on these are the people; every session looks whether its own may stay.
    fn put_in_force(&self, mut people: People) {
        let now = self.clock.wall_now();
        self.unwritten().retain(|(who, password, token)| {
            let person = people.by_name.get_mut(who);
            let person = person.filter(|it| it.password.as_ref() == Some(password));
            let Some(person) = person.filter(|_| token.expires_at > now) else {
                return false;
            };
            person.tokens.iter().any(|other| other.hash == token.hash)
                || person.add_token(token.clone(), now).is_ok()
        });
        if let Some(Guest { who, role, token }) = &self.guest {
            let person = people.by_name.entry(who.clone()).or_default();
            person.roles.insert(*role);
            let (hash, expires_at) = (token.hash(), UtcMs(u64::MAX));
            person.tokens.retain(|token| token.hash != hash);
            person.tokens.push(Token { hash, label: "guest".into(), issued_at: now, expires_at });
        }
        let before = self.in_force.send_replace(Arc::new(people));
        let changes = self.in_force.borrow().changes_since(&before);
        if !changes.is_empty() {
            self.changes.lock().unwrap_or_else(PoisonError::into_inner).extend(changes);
            self.changed.notify_one();
        }
    }

    /// Waits as long as whoever tries `who` from `peer` has to.
    async fn wait(&self, who: &str, peer: IpAddr) -> Result<(), Refused> {
        let wait = self.slow().attempt(self.elapsed_ms(), who, peer);
        match wait {
            Wait::Ms(0) => Ok(()),
            Wait::Ms(ms) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(())
            }
            Wait::TooLong(ms) => {
                let s = ms.div_ceil(1_000);
                let text = format!("too many failed log-ins from there: try again in {s} s");
                Err(refused(Code::Busy, text))
            }
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slow(&self) -> std::sync::MutexGuard<'_, Slow> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unwritten(&self) -> std::sync::MutexGuard<'_, Vec<(Box<str>, PasswordHash, Token)>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reload for Registry {
    fn what(&self) -> &'static str {
        "people file"
    }

    fn reload(&self) -> Result<String, String> {
        let people = read(&self.path).map_err(|error| error.to_string())?;
        let said = format!("{} people", people.by_name.len());
        self.put_in_force(people);
        Ok(said)
    }
}

/// Records every change of the people in the log, as long as the server runs.
pub(super) async fn record_changes(server: Arc<Server>, registry: Arc<Registry>) {
    loop {
        registry.changed.notified().await;
        let changes = {
            let mut changes = registry.changes.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *changes)
        };
        for Done { person, what, by } in changes {
            info!(%person, %what, %by, "people");
            let command = Command::RecordPersonChange { person, what, by };
            let order = Order { by: Actor::room(), key: None, command };
            server.handle.order(order, |_, _| {}).await;
        }
    }
}

/// Whether a session's person may stay.
pub(super) struct Stay {
    watched: Option<(Seat, watch::Receiver<Arc<People>>)>,
    clock: RoomClock,
}

impl Stay {
    pub(super) fn of(server: &Server, seat: Option<Seat>) -> Self {
        let people = server.people.as_ref().map(|it| it.in_force.subscribe());
        Self { watched: seat.zip(people), clock: server.clock.clone() }
    }

    /// Resolves when not any longer, and says why. Cancel-safe.
    pub(super) async fn ended(&mut self) -> NotLetIn {
        let Some((seat, people)) = &mut self.watched else {
            return std::future::pending().await;
        };
        loop {
            let now = self.clock.wall_now();
            let still = people.borrow_and_update().still(seat, now);
            if let Err(why) = still {
                return why;
            }
            let left = Duration::from_millis(seat.expires_at.since(now)).min(LOOK_AGAIN);
            tokio::select! {
                changed = people.changed() => if changed.is_err() {
                    // The people are gone only with the server, which ends the session itself.
                    return std::future::pending().await;
                },
                () = tokio::time::sleep(left) => {}
            }
        }
    }
}
