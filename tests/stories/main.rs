//! Stories of the room: each test is a rule of the engine, told as it happens.

mod room;

use fifteen::domain::{Event, Progress, Stage};
use room::Room;

#[test]
fn silence_climbs_the_ladder_and_never_ends() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(15);
    assert_eq!(room.told("acknowledge"), ["cell in-charge"]);
    room.minutes(60);
    assert_eq!(
        room.told("acknowledge"),
        [
            "cell in-charge",
            "DPO",
            "RPO",
            "DIG Operations",
            "DIG Operations"
        ]
    );
    room.progress(call, "CAR-1", Progress::OnScene).unwrap();
    assert_eq!(room.stage(call), Stage::OnScene);
    room.minutes(600);
    assert_eq!(room.told("acknowledge").len(), 5);
    assert!(
        room.events()
            .iter()
            .any(|event| matches!(event, Event::Escalated { .. }))
    );
}
