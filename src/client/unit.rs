//! A unit's side: on duty, told where to go, answering. Everything a crew can say is one short call here.

use super::{Client, ClientError, Update, Updates};
use crate::protocol::{
    Assignment, CheckIn, Reply, ReportPosition, ReportStatus, ReportedStatus, SignOff, SignOn,
};
use std::collections::{BTreeMap, VecDeque};

/// What a unit is told.
#[derive(Debug, Clone, PartialEq)]
pub enum UnitNews {
    /// Go there.
    Assigned(Box<Assignment>),
    /// No longer yours: released, closed, or done.
    Ended {
        /// Call id.
        call: u64,
    },
}

/// A unit on duty.
#[derive(Debug)]
pub struct UnitClient {
    client: Client,
    updates: Updates,
    /// The assignments the crew knows of, by call; the instant tells a second assignment to one call from the first.
    known: BTreeMap<u64, u64>,
    news: VecDeque<UnitNews>,
}

impl UnitClient {
    /// Signs on over a client that said hello as this unit, and listens.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn sign_on(client: Client, duty: SignOn) -> Result<Self, ClientError> {
        client.request(duty).await?;
        let updates = client.pushes().await?;
        Ok(Self { client, updates, known: BTreeMap::new(), news: VecDeque::new() })
    }

    /// What the crew has to know next, each thing once, over reconnections too; none once the client has ended.
    /// Safe to cancel.
    pub async fn next(&mut self) -> Option<UnitNews> {
        loop {
            if let Some(news) = self.news.pop_front() {
                return Some(news);
            }
            let update = self.updates.next().await?;
            self.apply(update);
        }
    }

    fn apply(&mut self, update: Update) {
        match update {
            Update::Snapshot(page) => {
                let unit = page.units.iter().flat_map(|unit| unit.calls.iter());
                let assigned = page.assignments.iter().map(|assignment| &assignment.call);
                let held: Vec<u64> = unit.chain(assigned).copied().collect();
                // A unit's snapshot is one page; a second one could only add.
                if page.part == 1 {
                    self.keep_only(&held);
                }
                page.assignments.into_iter().for_each(|new| self.assigned(new));
            }
            Update::Push(push) => {
                if let Some(assignment) = push.assignment {
                    self.assigned(*assignment);
                }
                if let Some(unit) = push.unit {
                    self.keep_only(&unit.calls);
                }
            }
        }
    }

    fn assigned(&mut self, assignment: Assignment) {
        let (call, at) = (assignment.call, assignment.assigned_at);
        if self.known.insert(call, at) != Some(at) {
            self.news.push_back(UnitNews::Assigned(Box::new(assignment)));
        }
    }

    fn keep_only(&mut self, held: &[u64]) {
        self.known.retain(|&call, _| {
            let kept = held.contains(&call);
            if !kept {
                self.news.push_back(UnitNews::Ended { call });
            }
            kept
        });
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
