//! Urdu and Gurmukhi on a real screen: whole, and what stands to the right of them in its column.

use super::server::Room;
use super::shift::called;
use super::tmux::Tmux;

/// Kind and district as a partner may send them, and one row in plain letters to compare with.
const CALLS: [(&str, &str); 3] =
    [("stalking", "Multan"), ("گھریلو تشدد", "لاہور"), ("ਪਿੱਛਾ ਕਰਨਾ", "ਲਾਹੌਰ")];

#[test]
fn urdu_and_gurmukhi_stand_whole_and_move_no_column() {
    let Some(tmux) = Tmux::start() else { return };
    let room = Room::new(&[]);
    let server = room.serve();
    for (kind, district) in CALLS {
        called(server.address, kind, district);
    }
    let console =
        tmux.fifteen(&["console", "--connect", &server.address.to_string(), "--as", "ثنا"]);
    let screen =
        console.shows(&["WAITING 3", "ثنا", CALLS[1].0, CALLS[1].1, CALLS[2].0, CALLS[2].1]);
    let clock = |kind: &str| {
        let line = screen.lines().find(|line| line.contains(kind)).unwrap();
        // The clock's name, behind kind and district.
        let at = line.rfind("ack").or_else(|| line.rfind("arr")).unwrap();
        tmux.columns(&line[..at])
    };
    let plain = clock(CALLS[0].0);
    assert!(plain > 30, "{plain} columns before the clock\n{screen}");
    for (kind, _) in CALLS {
        assert_eq!(clock(kind), plain, "{kind}: the clock begins elsewhere\n{screen}");
    }
}
