//! How urgent a call is: one scale, 1 to 4, 1 the most urgent.

use serde::{Deserialize, Serialize};
use std::fmt;

/// 1 (life in danger) to 4 (can wait).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Priority(u8);

impl Priority {
    /// The most urgent.
    pub const MOST_URGENT: Self = Self(1);
    /// The least urgent.
    pub const LEAST_URGENT: Self = Self(4);

    /// A priority from its number; `None` outside 1 to 4.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 1 && number <= 4 { Some(Self(number)) } else { None }
    }

    /// 1 to 4.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// One step more urgent; `None` at the top.
    #[must_use]
    pub const fn raised(self) -> Option<Self> {
        Self::new(self.0 - 1)
    }
}

impl TryFrom<u8> for Priority {
    type Error = String;
    fn try_from(number: u8) -> Result<Self, String> {
        Self::new(number).ok_or_else(|| format!("priority {number} is not one of 1, 2, 3, 4"))
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> Self {
        priority.0
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
