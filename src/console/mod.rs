//! The operator's console: one screen from which a whole shift is worked.

pub mod command_line;
pub mod draft;
pub mod edit;
pub mod form;
pub mod fuzzy;
pub mod new_call;
pub mod theme;
pub mod width;
