//! The console's side of the wire: connects until it is welcome, hands on what comes, asks what is asked.

use fifteen::client::{Client, ClientConfig, ClientError, Link, Way};
use fifteen::console::{LinkNews, Msg, Purpose, Refusal};
use fifteen::protocol::{Hello, Key, Reply, Request};
use jiff::tz::TimeZone;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

/// How long an operator waits for one answer; a new call is waited for until it comes.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// After this a new call's form says that there is no answer yet.
const PLACE_LIMIT: Duration = Duration::from_secs(6);
/// Between two attempts at the first connection.
const AGAIN: Duration = Duration::from_millis(1_500);

/// How the server received us.
#[derive(Clone)]
enum Greeting {
    NotYet,
    Here(Client),
    Refused(String),
}

/// The connection, from before it is up.
pub(super) struct Wire {
    greeting: watch::Receiver<Greeting>,
    news: mpsc::Sender<Msg>,
}

impl Wire {
    /// Begins to connect. Must be called inside the runtime.
    pub(super) fn connect(
        address: String,
        way: Way,
        hello: Hello,
        news: mpsc::Sender<Msg>,
    ) -> Self {
        let (greet, greeting) = watch::channel(Greeting::NotYet);
        tokio::spawn(greeted(address, way, hello, greet, news.clone()));
        Self { greeting, news }
    }

    /// Why the server wants no session of this sort, if it does not.
    pub(super) fn refused(&self) -> Option<String> {
        match &*self.greeting.borrow() {
            Greeting::Refused(why) => Some(why.clone()),
            Greeting::NotYet | Greeting::Here(_) => None,
        }
    }

    /// Asks; the answer comes as a message.
    pub(super) fn ask(&self, request: Request, key: Option<Key>, purpose: Purpose) {
        let (greeting, news) = (self.greeting.clone(), self.news.clone());
        tokio::spawn(async move {
            match key {
                Some(key) => place(greeting, request, key, purpose, news).await,
                None => ask(&greeting, request, purpose, &news).await,
            }
        });
    }
}

fn here(greeting: &watch::Receiver<Greeting>) -> Option<Client> {
    match &*greeting.borrow() {
        Greeting::Here(client) => Some(client.clone()),
        _ => None,
    }
}

/// One question, answered within the limit or not.
async fn ask(
    greeting: &watch::Receiver<Greeting>,
    request: Request,
    purpose: Purpose,
    news: &mpsc::Sender<Msg>,
) {
    let client = here(greeting);
    let answer = match client {
        None => Err(no_answer("not connected yet")),
        Some(client) => match timeout(ANSWER_LIMIT, client.request(request)).await {
            Ok(answer) => answer.map(|reply: Reply| reply.body).map_err(refusal),
            Err(_) => Err(no_answer(&format!(
                "no answer within {} s: it may have been done all the same, so look",
                ANSWER_LIMIT.as_secs()
            ))),
        },
    };
    // The console may have ended.
    let _ = news.send(Msg::Replied(purpose, answer)).await;
}

/// A new call: waited for as long as it takes, over every reconnection, under its key.
async fn place(
    mut greeting: watch::Receiver<Greeting>,
    request: Request,
    key: Key,
    purpose: Purpose,
    news: mpsc::Sender<Msg>,
) {
    let asked = async {
        let here = greeting.wait_for(|greeting| matches!(greeting, Greeting::Here(_))).await;
        let client = here.ok().and_then(|greeting| match &*greeting {
            Greeting::Here(client) => Some(client.clone()),
            _ => None,
        });
        let Some(client) = client else {
            return Err(no_answer("the server refuses this console"));
        };
        client.request_with_key(request, key).await.map(|reply| reply.body).map_err(refusal)
    };
    tokio::pin!(asked);
    let answer = match timeout(PLACE_LIMIT, &mut asked).await {
        Ok(answer) => answer,
        Err(_) => {
            let late = Err(no_answer("no answer yet: it is kept, and goes on being sent"));
            let _ = news.send(Msg::Replied(purpose.clone(), late)).await;
            asked.await
        }
    };
    let _ = news.send(Msg::Replied(purpose, answer)).await;
}

fn no_answer(text: &str) -> Refusal {
    Refusal { code: None, text: text.into(), field: None }
}

fn refusal(error: ClientError) -> Refusal {
    match error {
        ClientError::Rejected(no) => {
            Refusal { code: Some(no.code), text: no.text, field: no.field }
        }
        other => no_answer(&other.to_string()),
    }
}

/// Connects, saying each failure, until the server welcomes or refuses; then hands on what it says.
async fn greeted(
    address: String,
    way: Way,
    hello: Hello,
    greet: watch::Sender<Greeting>,
    news: mpsc::Sender<Msg>,
) {
    let mut attempts = 0;
    let client = loop {
        match Client::connect_with(way.clone(), hello.clone(), ClientConfig::default()).await {
            Ok(client) => break client,
            Err(error) if error.is_passing() => {
                let down = LinkNews::Down { attempts, why: format!("{address}: {error}") };
                if news.send(Msg::Link(down)).await.is_err() {
                    return;
                }
                attempts += 1;
                sleep(AGAIN).await;
            }
            Err(error) => {
                greet.send_replace(Greeting::Refused(error.to_string()));
                // Wakes the console, which looks.
                let ended = LinkNews::Ended { why: error.to_string() };
                let _ = news.send(Msg::Link(ended)).await;
                return;
            }
        }
    };
    let mut link = client.link();
    let updates = client.pushes().await;
    greet.send_replace(Greeting::Here(client));
    match updates {
        Ok(mut updates) => {
            let pushed = news.clone();
            tokio::spawn(async move {
                while let Some(update) = updates.next().await {
                    if pushed.send(Msg::Pushed(Box::new(update))).await.is_err() {
                        return;
                    }
                }
            });
        }
        Err(error) => {
            let _ = news.send(Msg::Trouble(format!("nothing is followed: {error}"))).await;
        }
    }
    loop {
        let now = link_news(&link.borrow_and_update());
        if news.send(Msg::Link(now)).await.is_err() || link.changed().await.is_err() {
            return;
        }
    }
}

fn link_news(link: &Link) -> LinkNews {
    match link {
        Link::Up(welcome) => {
            let zone = TimeZone::get(&welcome.zone).unwrap_or_else(|_| TimeZone::system());
            LinkNews::Up(Box::new(welcome.clone()), zone)
        }
        Link::Down { attempts, why } => LinkNews::Down { attempts: *attempts, why: why.clone() },
        Link::Ended { why } => LinkNews::Ended { why: why.clone() },
    }
}
