//! The operator's console: one screen from which a whole shift is worked.
//!
//! [`update`] takes a message into the [`Model`] and says what is to be done; [`view()`] draws the model. Both are
//! pure: no clock, no socket, no file. The command around them reads keys, speaks with the server through the client
//! library, and does what was said.
//!
//! ```text
//!  key, paste, resize ─┐                        ┌─> ask the server ──> answer ─┐
//!  push, snapshot     ─┼─> update(model, msg) ──┼─> draft to the disk          ├──> msg
//!  link, answer, tick ─┘          │             └─> bell, redraw, quit         ┘
//!                                 v
//!                            view(model) ──> terminal
//! ```
//!
//! It never shows as current what may be old (a lost server greys everything at once), never sends a control
//! character of somebody else's words to the terminal, and never drops a call half typed.

pub mod actions;
mod alarm;
pub mod bell;
pub mod command_line;
pub mod draft;
pub mod edit;
pub mod form;
pub mod fuzzy;
pub mod keys;
pub mod link;
pub mod list;
pub mod message;
pub mod model;
pub mod new_call;
mod on_key;
mod over_key;
mod placing;
pub mod room;
pub mod text;
pub mod theme;
mod told;
mod update;
mod view;
pub mod watch;
pub mod width;

pub use message::{Effect, LinkNews, Msg, Purpose, Refusal};
pub use model::{Model, SIZE_MIN};
pub use update::update;
pub use view::view;
