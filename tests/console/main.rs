//! The operator's console without a terminal and without a server: what it does, told as stories, and how it looks.

mod any_key;
mod lists;
mod rooms;
mod samples;
mod screens;
mod stories;
mod watch;
