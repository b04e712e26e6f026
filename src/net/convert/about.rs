//! What a request is about.

use crate::domain::CallId;
use crate::protocol::Request;

/// The call a request is about, for its reply.
pub(in crate::net) fn call_of(request: &Request) -> Option<CallId> {
    let call = match request {
        Request::Claim(claim) => claim.call,
        Request::ReleaseClaim(claim) => claim.call,
        Request::TakeOver(claim) => claim.call,
        Request::AssignUnit(assign) => assign.call,
        Request::ReleaseUnit(release) => release.call,
        Request::ReportStatus(report) => report.call,
        Request::CheckIn(check_in) => check_in.call?,
        Request::SetPriority(set) => set.call,
        Request::AddNote(note) => note.call,
        Request::LinkCall(link) => link.call,
        Request::DescribeCall(said) => said.call,
        Request::Escalate(escalate) => escalate.call,
        Request::RecordCallback(callback) => callback.call,
        Request::TakeEscalation(take) => take.call,
        Request::SendMessage(message) => message.call?,
        Request::CloseCall(close) => close.call,
        Request::ReopenCall(reopen) => reopen.call,
        Request::EraseIdentity(erase) => erase.call,
        _ => return None,
    };
    Some(CallId(call))
}
