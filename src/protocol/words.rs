//! The closed sets of words that stand in messages.

words! {
    /// Where a request for help came from.
    pub enum Source {
        /// A telephone line of the room.
        "phone_line" => PhoneLine,
        /// The app, a text or a web form.
        "app" => App,
        /// Someone at a counter.
        "walk_in" => WalkIn,
        /// Another service's system or its call taker.
        "partner" => Partner,
        /// An officer in the field.
        "officer" => Officer,
    }
}

words! {
    /// How far a call has come.
    pub enum Stage {
        /// No unit is on it.
        "waiting" => Waiting,
        /// A unit was assigned and has not answered.
        "dispatched" => Dispatched,
        /// A unit took responsibility for responding.
        "acknowledged" => Acknowledged,
        /// A unit is rolling.
        "en_route" => EnRoute,
        /// A unit has arrived.
        "on_scene" => OnScene,
        /// Closed with a disposition.
        "closed" => Closed,
    }
}

words! {
    /// What a unit is doing.
    pub enum UnitStatus {
        /// Signed on and free.
        "available" => Available,
        /// Sent to a call and silent so far.
        "dispatched" => Dispatched,
        /// Answered for a call.
        "acknowledged" => Acknowledged,
        /// Rolling to a call.
        "en_route" => EnRoute,
        /// At a call.
        "on_scene" => OnScene,
        /// Done with a call.
        "clear" => Clear,
        /// Signed on but not to be sent.
        "out_of_service" => OutOfService,
        /// Not on duty.
        "signed_off" => SignedOff,
    }
}

words! {
    /// What a unit, or an operator who heard it by radio, reports of a call.
    pub enum ReportedStatus {
        /// "We have it": responsibility for responding is taken.
        "acknowledged" => Acknowledged,
        /// "We cannot": the call goes back to waiting, on the same clocks.
        "declined" => Declined,
        /// Rolling; has acknowledged by it.
        "en_route" => EnRoute,
        /// Arrived; has acknowledged by it.
        "on_scene" => OnScene,
        /// Done and leaving.
        "clear" => Clear,
    }
}

words! {
    /// How an attempt to call back ended.
    pub enum CallbackOutcome {
        /// The caller answered.
        "reached" => Reached,
        /// It rang out.
        "no_answer" => NoAnswer,
        /// Someone else's number.
        "wrong_number" => WrongNumber,
        /// Not rung, or broken off, because ringing would put the caller in danger.
        "unsafe" => Unsafe,
    }
}

words! {
    /// What the rows of a report are grouped by.
    pub enum ReportBy {
        /// The call's district.
        "district" => District,
        /// The call's kind.
        "kind" => Kind,
        /// The call's priority at receipt.
        "priority" => Priority,
        /// The hour of receipt in the room's own zone.
        "hour" => Hour,
        /// The shift of receipt in the room's own zone.
        "shift" => Shift,
    }
}
