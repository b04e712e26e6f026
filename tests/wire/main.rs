//! The built server over real sockets: killed, fed rubbish, cut off, started again. Nothing it said yes to may be
//! lost, nothing may happen twice, and nobody hears what is not for them.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking, in its helpers too")]

mod abuse;
mod badlink;
mod books;
mod deflate;
mod disk;
mod disks;
mod drill;
mod duty;
mod full;
mod http;
mod identity;
mod kill;
mod lifecycle;
mod limits;
mod looks;
mod narrow;
mod overload;
mod peer;
mod people;
mod proxy;
mod resume;
mod roles;
mod server;
mod sip;
mod sos;
mod tls;
mod told;
