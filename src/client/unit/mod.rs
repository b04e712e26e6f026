//! A unit's side: on duty, told where to go, answering.
//!
//! [`UnitClient`] is a call for each thing a crew can say. [`Patrol`] is the whole of a patrol unit's program but its
//! screen: what is said is on the disk before it is sent ([`Outbox`]), and nothing is said twice or out of turn.

mod heard;
mod news;
mod outbox;
mod patrol;
mod position;
mod saying;
mod told;

pub use news::{PatrolNews, Unsaid};
pub use outbox::{Entry, Found, Kept, Outbox, OutboxError, PENDING_MAX};
pub use patrol::{Patrol, PatrolConfig};
pub use position::{Fix, PositionLimits};
pub use saying::Saying;

use super::{Client, ClientError, Updates};
use crate::protocol::{
    Assignment, CheckIn, Message, Reply, ReportPosition, ReportStatus, ReportedStatus, SignOff,
    SignOn,
};
use told::Told;

/// What a unit is told.
#[derive(Debug, Clone, PartialEq)]
pub enum UnitNews {
    /// Go there.
    Assigned(Box<Assignment>),
    /// She moved, or something else of a call that is yours changed.
    Changed(Box<Assignment>),
    /// No longer yours: released, closed, or done.
    Ended {
        /// Call id.
        call: u64,
    },
    /// The room says something.
    Message(Box<Message>),
}

/// A unit on duty.
#[derive(Debug)]
pub struct UnitClient {
    client: Client,
    updates: Updates,
    told: Told,
}

impl UnitClient {
    /// Signs on over a client that said hello as this unit, and listens.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn sign_on(client: Client, duty: SignOn) -> Result<Self, ClientError> {
        client.request(duty).await?;
        let updates = client.pushes().await?;
        Ok(Self { client, updates, told: Told::default() })
    }

    /// What the crew has to know next, each thing once, over reconnections too; none once the client has ended.
    /// Safe to cancel.
    pub async fn next(&mut self) -> Option<UnitNews> {
        loop {
            if let Some(news) = self.told.news.pop_front() {
                return Some(news);
            }
            let update = self.updates.next().await?;
            self.told.apply(update);
        }
    }

    /// "We have it."
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn acknowledge(&self, call: u64) -> Result<Reply, ClientError> {
        self.report(call, ReportedStatus::Acknowledged, None).await
    }

    /// "We cannot, because ..."
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn decline(&self, call: u64, reason: &str) -> Result<Reply, ClientError> {
        let reason = Some(reason.to_owned());
        self.report(call, ReportedStatus::Declined, reason).await
    }

    /// "We are rolling."
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn en_route(&self, call: u64) -> Result<Reply, ClientError> {
        self.report(call, ReportedStatus::EnRoute, None).await
    }

    /// "We are there."
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn on_scene(&self, call: u64) -> Result<Reply, ClientError> {
        self.report(call, ReportedStatus::OnScene, None).await
    }

    /// "We are done."
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn clear(&self, call: u64) -> Result<Reply, ClientError> {
        self.report(call, ReportedStatus::Clear, None).await
    }

    /// "We are all right", for every call the unit is on scene of.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn check_in(&self) -> Result<Reply, ClientError> {
        let (call, unit) = (None, None);
        self.client.request(CheckIn { call, unit }).await
    }

    /// Where we are: degrees, WGS 84.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn position(&self, lat: f64, lon: f64) -> Result<Reply, ClientError> {
        let here = ReportPosition { unit: None, lat, lon, accuracy_m: None, at: None };
        self.client.request(here).await
    }

    /// Off duty; the connection stays.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn sign_off(&self) -> Result<Reply, ClientError> {
        self.client.request(SignOff::default()).await
    }

    /// The connection below, for everything else.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    async fn report(
        &self,
        call: u64,
        status: ReportedStatus,
        reason: Option<String>,
    ) -> Result<Reply, ClientError> {
        let report = ReportStatus { call, unit: None, status, reason, by_radio: false };
        self.client.request(report).await
    }
}
