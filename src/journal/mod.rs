//! The ordered list of what happened.
