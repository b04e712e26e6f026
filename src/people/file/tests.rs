//! The people file against bad hands, bad modes and each other.

use super::*;
use crate::domain::Role;
use crate::people::Secret;

fn one(path: &Path, name: &str) -> Result<(), PeopleError> {
    let roles = [Role::Operator, Role::Supervisor].into();
    edit(path, |people| {
        people.by_name.insert(name.into(), Person { roles, ..Person::default() });
        Ok(())
    })
    .map(|_| ())
}

#[test]
fn what_is_written_is_read_again_and_nobody_else_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.toml");
    assert!(matches!(read(&path), Err(PeopleError::Missing(_))));
    one(&path, "amina \"the\" = [first]\\").unwrap();
    let (written, ()) = edit(&path, |people| {
        let hash = Secret::token()?.hash();
        let (issued_at, expires_at) = (UtcMs(1_764_000_000_123), UtcMs(1_764_000_060_000));
        let token = Token { hash, label: "desk".into(), issued_at, expires_at };
        let changed = Changed { at: issued_at, by: "root".into(), what: "added".into() };
        let person = Person {
            disabled: true,
            password: Some(PasswordHash::of_nobody()?),
            tokens: vec![token],
            changed: Some(changed),
            ..Person::default()
        };
        people.by_name.insert("bilal".into(), person);
        Ok(())
    })
    .unwrap();
    assert_eq!(read(&path).unwrap(), written);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("chmod 600"), "{error}");
}

#[test]
fn a_change_that_is_refused_or_broken_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.toml");
    one(&path, "amina").unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = edit(&path, |_| Err::<(), _>("no".into())).unwrap_err();
    assert_eq!(refused.to_string(), "no");
    one(&path, " blank").unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no part is left behind");
}

#[test]
fn an_error_names_the_line_and_the_reason_and_never_what_stands_there() {
    let head = "[[person]]\nname = \"amina\"\nroles = [\"operator\"]\n";
    for (text, line, reason) in [
        ("[[person]]\nname = \"amina\"\nroles = \"hunter2\"", 3, "expected a sequence"),
        ("[[person]]\nname = \"amina\"\nroles = [\"hunter2\"]", 2, "a role is one of"),
        (&format!("{head}hunter2 = 1"), 4, "unknown field"),
        (&format!("{head}password = \"hunter2\""), 2, "no argon2id hash"),
        (&format!("{head}password = hunter2"), 4, ""),
        (&format!("{head}disabled = \"hunter2\""), 4, "expected a boolean"),
        (&format!("{head}{head}"), 5, "twice"),
        (
            &format!(
                "{head}[[person.token]]\nhash = \"hunter2\"\nlabel = \"\"\nissued_at = \"\"\nexpires_at = \"\""
            ),
            2,
            "64 hex digits",
        ),
        ("[[person]]\nroles = []", 1, "missing field `name`"),
    ] {
        let (at, said) = parse(text).unwrap_err();
        assert_eq!(at, line, "{text}: {said}");
        assert!(said.contains(reason) && !said.contains("hunter2"), "{text}: {said}");
    }
}

#[test]
fn two_who_change_it_at_once_both_have_their_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.toml");
    std::thread::scope(|scope| {
        for number in 0..16 {
            let path = &path;
            scope.spawn(move || one(path, &format!("person {number}")).unwrap());
        }
    });
    assert_eq!(read(&path).unwrap().by_name.len(), 16);
}

#[test]
fn a_server_is_known_while_it_lives_and_two_do_not_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.toml");
    assert_eq!(tell_server(&path), Announced::NoServer);
    let holder = Holder::take(&path).unwrap();
    assert!(matches!(Holder::take(&path), Err(PeopleError::Held(_))));
    drop(holder);
    assert_eq!(tell_server(&path), Announced::NoServer);
    Holder::take(&path).unwrap();
}
