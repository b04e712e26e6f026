//! Who may ask what, as data.

words! {
    /// What a session is for; fixed by its hello.
    pub enum Role {
        /// A line, an app gateway, a partner: places calls and adds to them.
        "intake" => Intake,
        /// A call taker or dispatcher at a screen.
        "operator" => Operator,
        /// A car and its crew; sees its own assignments only.
        "unit" => Unit,
        /// An operator who also answers for the shift: reads reports.
        "supervisor" => Supervisor,
        /// Looks after the machine; never sees a call.
        "admin" => Admin,
    }
}

const INTAKE: u8 = 1;
const OPERATOR: u8 = 2;
const UNIT: u8 = 4;
const SUPERVISOR: u8 = 8;
const ADMIN: u8 = 16;
/// The people at the screens.
const ROOM: u8 = OPERATOR | SUPERVISOR;

/// Every request and the roles that may send it; what is not listed is allowed to nobody. A unit may speak only for
/// itself and see only calls it is on: the server checks that beside this table.
pub const ALLOWED: &[(&str, u8)] = &[
    ("place_call", INTAKE | ROOM | UNIT),
    ("claim", ROOM),
    ("release_claim", ROOM),
    ("take_over", ROOM),
    ("assign_unit", ROOM),
    ("release_unit", ROOM),
    ("report_status", ROOM | UNIT),
    ("check_in", ROOM | UNIT),
    ("set_priority", ROOM),
    ("add_note", INTAKE | ROOM | UNIT),
    ("describe_call", ROOM),
    ("link_call", ROOM),
    ("escalate", ROOM),
    ("record_callback", ROOM),
    ("take_escalation", ROOM),
    ("see_escalation", ROOM),
    ("close_call", ROOM),
    ("reopen_call", ROOM),
    ("sign_on", ROOM | UNIT),
    ("sign_off", ROOM | UNIT),
    ("set_out_of_service", ROOM | UNIT),
    ("set_available", ROOM | UNIT),
    ("report_position", ROOM | UNIT),
    ("panic", ROOM | UNIT),
    ("send_message", ROOM | UNIT),
    ("mark_read", ROOM | UNIT),
    ("list_calls", ROOM),
    ("show_call", ROOM | UNIT),
    ("list_units", ROOM),
    ("recommend_units", ROOM),
    ("list_earlier", ROOM),
    ("list_escalations", ROOM),
    ("show_room", INTAKE | ROOM | UNIT | ADMIN),
    ("health", INTAKE | ROOM | UNIT | ADMIN),
    ("report", SUPERVISOR | ADMIN),
    ("subscribe", ROOM | UNIT),
    ("unsubscribe", ROOM | UNIT),
    ("erase_identity", ADMIN),
    ("backup", ADMIN),
    ("take_snapshot", ADMIN),
    ("archive", ADMIN),
];

impl Role {
    const fn bit(self) -> u8 {
        match self {
            Self::Intake => INTAKE,
            Self::Operator => OPERATOR,
            Self::Unit => UNIT,
            Self::Supervisor => SUPERVISOR,
            Self::Admin => ADMIN,
        }
    }

    /// Whether a session of this role may send the request called `request`.
    #[must_use]
    pub fn allows(self, request: &str) -> bool {
        ALLOWED.iter().any(|(name, roles)| *name == request && roles & self.bit() != 0)
    }
}
