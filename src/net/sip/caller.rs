//! Who calls, on which line and from where, as an INVITE says it. What it does not say, or says wrongly, is left out:
//! the call is taken all the same.

use crate::protocol::Place;
use rsipstack::sip::uri::Scheme;
use rsipstack::sip::{From as NameAddr, HasHeaders, Header, HeadersExt, Request};

/// The number her exchange vouches for; else the one the telephone itself gives.
pub(super) fn number(invite: &Request) -> Option<String> {
    let asserted = invite.headers().iter().find_map(|header| match header {
        Header::PAssertedIdentity(identity) => user(identity.value()),
        _ => None,
    });
    let number = asserted.or_else(|| user(invite.from_header().ok()?.value()))?;
    let hidden = ["anonymous", "unavailable", "restricted"];
    (!hidden.iter().any(|word| number.eq_ignore_ascii_case(word))).then_some(number)
}

/// The number that was dialled.
pub(super) fn line(invite: &Request) -> Option<String> {
    invite.uri.user().map(ToOwned::to_owned).filter(|line| !line.is_empty())
}

/// The user of the SIP URI in a header, or the number of a tel URI, without what is said about either.
fn user(value: &str) -> Option<String> {
    let uri = NameAddr::new(value).uri().ok()?;
    let user = match (&uri.scheme, uri.user()) {
        (Some(Scheme::Sip | Scheme::Sips), Some(user)) => user.to_owned(),
        (Some(Scheme::Other(scheme)), None) if scheme == "tel" => uri.host().to_string(),
        // A URI without a user is that of a machine.
        _ => return None,
    };
    user.split(';').next().filter(|user| !user.is_empty()).map(ToOwned::to_owned)
}

/// Where she is, by the PIDF-LO (RFC 4119, RFC 5491) in the body that a Geolocation header (RFC 6442) points to.
pub(super) fn place(invite: &Request) -> Option<Place> {
    let points_there = |header: &Header| {
        matches!(header, Header::Other(name, value)
            if name.eq_ignore_ascii_case("geolocation") && value.contains("cid:"))
    };
    invite.headers().iter().any(points_there).then_some(())?;
    let body = std::str::from_utf8(&invite.body).ok()?;
    // One part of several, mostly: beside it is what the telephones say to each other.
    let start = body.find("<presence").or_else(|| body.find("<?xml"))?;
    let end = body.rfind("</presence>")? + "</presence>".len();
    let document = roxmltree::Document::parse(body.get(start..end)?).ok()?;
    let text = |name: &str| {
        let node = document.descendants().find(|node| node.tag_name().name() == name)?;
        node.text().map(str::trim).filter(|text| !text.is_empty())
    };
    let mut degrees = text("pos").into_iter().flat_map(str::split_whitespace);
    let mut degree = || degrees.next()?.parse::<f64>().ok().filter(|degree| degree.is_finite());
    let (lat, lon) = (degree(), degree());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float is cut to what an integer holds, and a radius is no exact thing"
    )]
    let accuracy_m = text("radius").and_then(|it| it.parse::<f64>().ok()).map(|it| it as u32);
    let words = ["HNO", "RD", "A6", "A4", "A3", "LMK", "LOC"].iter().filter_map(|part| text(part));
    let words = words.collect::<Vec<_>>().join(", ");
    let place = Place {
        lat: lat.filter(|_| lon.is_some()),
        lon: lon.filter(|_| lat.is_some()),
        accuracy_m: accuracy_m.filter(|_| lat.is_some() && lon.is_some()),
        words: (!words.is_empty()).then_some(words),
    };
    (place != Place::default()).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "INVITE sip:1015@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK1\r\n\
        From: \"A\" <sip:03005550123@pbx.example>;tag=a\r\nTo: <sip:1015@127.0.0.1>\r\nCall-ID: 1@pbx\r\nCSeq: 1 INVITE\r\n";

    fn invite(headers: &str, body: &str) -> Request {
        let text = format!("{HEAD}{headers}Content-Length: {}\r\n\r\n{body}", body.len());
        Request::try_from(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_number_is_the_one_her_exchange_vouches_for() {
        let number = |headers: &str| number(&invite(headers, ""));
        assert_eq!(number("").as_deref(), Some("03005550123"));
        assert_eq!(
            number("P-Asserted-Identity: \"B\" <tel:+923005550124>\r\n").as_deref(),
            Some("+923005550124")
        );
        assert_eq!(
            number("P-Asserted-Identity: <sip:+923005550125@pbx;user=phone>\r\n").as_deref(),
            Some("+923005550125")
        );
        assert_eq!(
            number("P-Asserted-Identity: <sip:pbx.example>\r\n").as_deref(),
            Some("03005550123")
        );
        for none in ["<sip:@x>", "<>", "\"sip:1@x\"", "<tel:>"] {
            let header = format!("P-Asserted-Identity: {none}\r\n");
            assert_eq!(number(&header).as_deref(), Some("03005550123"), "{none}");
        }
        assert_eq!(number("P-Asserted-Identity: <sip:Anonymous@x>\r\n"), None);
        assert_eq!(line(&invite("", "")).as_deref(), Some("1015"));
    }

    #[test]
    fn her_place_is_read_from_among_other_parts_and_what_is_none_is_left_out() {
        let geolocation =
            "Geolocation: <cid:her@pbx>\r\nContent-Type: multipart/mixed;boundary=b\r\n";
        let body = |shape: &str| {
            format!(
                "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b\r\nContent-Type: application/pidf+xml\r\n\r\n\
                 <?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:gml=\"http://www.opengis.net/gml\" \
                 xmlns:gs=\"http://www.opengis.net/pidflo/1.0\" xmlns:ca=\"urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr\" \
                 entity=\"pres:a@b\"><tuple id=\"a\">{shape}</tuple></presence>\r\n--b--\r\n"
            )
        };
        let read = |headers: &str, shape: &str| place(&invite(headers, &body(shape)));
        let circle =
            "<gs:Circle><gml:pos>31.5497 74.3436</gml:pos><gs:radius>35.5</gs:radius></gs:Circle>";
        let found = read(geolocation, circle).unwrap();
        assert_eq!(
            (found.lat, found.lon, found.accuracy_m),
            (Some(31.5497), Some(74.3436), Some(35))
        );
        let civic =
            "<ca:civicAddress><ca:RD>Mall Road</ca:RD><ca:A3>Lahore</ca:A3></ca:civicAddress>";
        assert_eq!(read(geolocation, civic).unwrap().words.as_deref(), Some("Mall Road, Lahore"));
        assert_eq!(read("", circle), None, "nothing points there");
        for wrong in ["<gml:pos>31.5</gml:pos>", "<gml:pos>north NaN</gml:pos>", "<gml:pos", ""] {
            assert_eq!(read(geolocation, wrong), None, "{wrong}");
        }
    }
}
