//! Requests that ask and change nothing; `show_call` alone leaves a trace, because it opens the sealed part.

use super::{ReportBy, Stage, is_false, nil_is_default};
use serde::{Deserialize, Serialize};

/// Asks for calls in the order they are served; answered `calls`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCalls {
    /// Only calls in one of these states; empty: every open call.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<Stage>,
    /// Only calls of this district.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district: Option<String>,
    /// Only calls of this priority, 1 to 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// The next page: the `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Calls a page at most; the server has a bound of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Instead of all these: the calls closed last, the latest first, one page of them.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub latest_closed: bool,
}

/// Opens a call with its sealed part; answered `call_details`. That it was read, by whom and why, is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowCall {
    /// Call id.
    pub call: u64,
    /// Why it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Asks for units by callsign; answered `units`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListUnits {
    /// Only units of this district.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district: Option<String>,
    /// The next page: only callsigns after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_unit: Option<String>,
    /// Units a page at most; the server has a bound of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Asks which units to send, best first, with the reasons; answered `recommendations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecommendUnits {
    /// Call id.
    pub call: u64,
    /// Units at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Asks what is known of this caller and this place from before; answered `earlier`. Nothing in the answer says who
/// she is.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListEarlier {
    /// Calls from this number, as far as it was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Calls from the caller and the place of this call, and those linked with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
    /// Calls of each sort at most; the server has a bound of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The number is hers.
impl std::fmt::Debug for ListEarlier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListEarlier").field("call", &self.call).finish_non_exhaustive()
    }
}

/// Asks how the server is; answered `health_status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {}

/// Asks for a supervisor's figures of a span; answered `report_figures`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Calls received at or after this, ms since 1970 UTC; absent: from the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_at: Option<u64>,
    /// Calls received before this, ms since 1970 UTC; absent: to the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_at: Option<u64>,
    /// A row for each of these; absent: one row for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ReportBy>,
    /// Also what the printed report shows: `detail`, beside the figures.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "super::is_false")]
    pub full: bool,
}

/// Asks for pushes from here on; answered `subscribed`. Sent again it brings a fresh snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribe {}

/// Ends the pushes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribe {}
