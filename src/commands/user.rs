//! `fifteen user`: keeps the people file, and has a running server read it again.

use super::client::table;
use super::password;
use crate::cli::{User, UserTask};
use crate::shell::{note, out, out_json};
use anyhow::{Context, Result, anyhow, bail};
use fifteen::config::Settings;
use fifteen::console::text::plain;
use fifteen::domain::{Role, UtcMs};
use fifteen::people::{
    Announced, Changed, LOG_IN, People, Person, Secret, Token, check_name, edit, read, role_of,
    tell_server, word_of,
};
use fifteen::service::clock::RoomClock;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

/// A token that is good for longer is forgotten where it is.
const VALID_MAX_MS: u64 = 3_653 * 24 * 3_600_000;

pub(crate) fn run(args: User, json: bool) -> Result<ExitCode> {
    let path = people_file(&args)?;
    let now = RoomClock::start(UtcMs(0)).wall_now();
    let desk = Desk { path, now, json };
    match args.task {
        UserTask::Add { name, role, no_password } => {
            check_name(&name).map_err(|why| anyhow!(why))?;
            let roles = roles(&role)?;
            // Asked before the file is locked: somebody types.
            if desk.people()?.by_name.contains_key(&*name) {
                bail!("{name} is there already; see `fifteen user list`");
            }
            let password = (!no_password).then(|| password::new(&name)).transpose()?;
            desk.change(&name, &format!("added as {}", words(&roles)), |people| {
                if people.by_name.contains_key(&*name) {
                    return Err(format!("{name} is there already"));
                }
                let person = Person { roles, password, ..Person::default() };
                people.by_name.insert(name.as_str().into(), person);
                Ok(())
            })
        }
        UserTask::Disable { name } => desk.person(&name, "disabled", |person| {
            person.disabled = true;
            Ok(())
        }),
        UserTask::Enable { name } => desk.person(&name, "enabled", |person| {
            person.disabled = false;
            Ok(())
        }),
        UserTask::Role { name, roles: given } => {
            let roles = roles(&given)?;
            desk.person(&name, &format!("is now {}", words(&roles)), |person| {
                person.roles = roles;
                Ok(())
            })
        }
        UserTask::Passwd { name } => {
            desk.known(&name)?;
            let password = password::new(&name)?;
            desk.person(&name, "password set, log-ins ended", |person| {
                person.password = Some(password);
                person.tokens.retain(|token| &*token.label != LOG_IN);
                Ok(())
            })
        }
        UserTask::Token { name, valid, label } => desk.token(&name, valid.into(), &label),
        UserTask::Revoke { name, id } => desk.revoke(&name, id.as_deref()),
        UserTask::List => desk.list(),
    }
}

/// The file that is meant: the one named, or that of the rules.
fn people_file(args: &User) -> Result<PathBuf> {
    if let Some(path) = &args.people {
        return Ok(path.clone());
    }
    let config = args.config.as_deref().context(
        "say which people: --people FILE, or --config FILE (or FIFTEEN_CONFIG) of the room they are of",
    )?;
    let settings = Settings::load(Some(config))?;
    settings.listen.people_file.with_context(|| {
        format!(
            "{}: [listen] names no people_file: say people_file = \"people.toml\"",
            config.display()
        )
    })
}

fn roles(given: &[fifteen::protocol::Role]) -> Result<BTreeSet<Role>> {
    given.iter().map(|role| role_of(role.as_str()).map_err(|why| anyhow!(why))).collect()
}

fn words(roles: &BTreeSet<Role>) -> String {
    roles.iter().map(|role| word_of(*role)).collect::<Vec<_>>().join(", ")
}

/// Who changes the file, as this machine knows them.
fn user() -> Box<str> {
    let set = |name| std::env::var(name).ok().filter(|name| !name.is_empty());
    let uid = rustix::process::getuid().as_raw();
    let name = match (set("SUDO_USER"), set("USER").or_else(|| set("LOGNAME"))) {
        (Some(name), _) => format!("{name} by sudo, "),
        (None, Some(name)) => format!("{name}, "),
        (None, None) => String::new(),
    };
    format!("{name}uid {uid}").into()
}

/// Where the work is done.
struct Desk {
    path: PathBuf,
    now: UtcMs,
    json: bool,
}

impl Desk {
    fn people(&self) -> Result<People> {
        match read(&self.path) {
            Err(fifteen::people::PeopleError::Missing(_)) => Ok(People::default()),
            other => Ok(other?),
        }
    }

    fn known(&self, name: &str) -> Result<Person> {
        let people = self.people()?;
        people.by_name.get(name).cloned().with_context(|| unknown(name))
    }

    /// Changes one person and says so.
    fn person(
        &self,
        name: &str,
        what: &str,
        change: impl FnOnce(&mut Person) -> Result<(), String>,
    ) -> Result<ExitCode> {
        self.change(name, what, |people| {
            change(people.by_name.get_mut(name).ok_or_else(|| unknown(name))?)
        })
    }

    fn change(
        &self,
        name: &str,
        what: &str,
        change: impl FnOnce(&mut People) -> Result<(), String>,
    ) -> Result<ExitCode> {
        self.write(name, what, change)?;
        if self.json {
            out_json(&serde_json::json!({ "person": name, "done": what }))?;
        } else {
            out(format_args!("{}: {what}", plain(name)))?;
        }
        self.tell();
        Ok(ExitCode::SUCCESS)
    }

    fn write(
        &self,
        name: &str,
        what: &str,
        change: impl FnOnce(&mut People) -> Result<(), String>,
    ) -> Result<()> {
        edit(&self.path, |people| {
            change(people)?;
            let changed = Changed { at: self.now, by: user(), what: what.into() };
            people.by_name.get_mut(name).ok_or_else(|| unknown(name))?.changed = Some(changed);
            Ok(())
        })?;
        Ok(())
    }

    /// A running server must know at once.
    fn tell(&self) {
        match tell_server(&self.path) {
            Announced::NoServer => {}
            Announced::Told(pid) => note(format_args!("the server (process {pid}) reads it now")),
            Announced::NotTold(pid, why) => {
                let pid = pid.map_or("the server's process".into(), |pid| pid.to_string());
                note(format_args!(
                    "NOT YET IN FORCE: the server could not be told ({why}): kill -HUP {pid}"
                ));
            }
        }
    }

    fn token(&self, name: &str, valid: std::time::Duration, label: &str) -> Result<ExitCode> {
        let valid_ms = u64::try_from(valid.as_millis()).unwrap_or(u64::MAX);
        if valid_ms == 0 || valid_ms > VALID_MAX_MS {
            bail!("--valid is 0 or longer than ten years");
        }
        if label == LOG_IN {
            bail!("--label {LOG_IN} is what log-ins are called; say what this one is for");
        }
        let label = if label.is_empty() { "made by hand" } else { label };
        check_name(label).map_err(|why| anyhow!("--label: {}", why.replace("a name", "it")))?;
        let secret = Secret::token().map_err(|why| anyhow!(why))?;
        let expires_at = self.now.plus(valid_ms);
        let (hash, issued_at) = (secret.hash(), self.now);
        let token = Token { hash, label: label.into(), issued_at, expires_at };
        let id = token.id();
        self.write(name, &format!("token {id} made"), |people| {
            let person = people.by_name.get_mut(name).ok_or_else(|| unknown(name))?;
            person.add_token(token, self.now)
        })?;
        if self.json {
            out_json(&serde_json::json!({
                "person": name, "id": id, "token": secret.expose(), "ends": expires_at.to_string()
            }))?;
        } else {
            note(format_args!("token {id}, good until {expires_at}; it is shown this once:"));
            out(secret.expose())?;
        }
        self.tell();
        Ok(ExitCode::SUCCESS)
    }

    fn revoke(&self, name: &str, id: Option<&str>) -> Result<ExitCode> {
        let what = match id {
            Some(id) => format!("token {} revoked", plain(id)),
            None => "all tokens revoked".into(),
        };
        self.person(name, &what, |person| {
            let before = person.tokens.len();
            person.tokens.retain(|token| id.is_some_and(|id| token.id() != id));
            if id.is_some() && person.tokens.len() == before {
                return Err(format!("{name} has no such token; see `fifteen user list`"));
            }
            Ok(())
        })
    }

    fn list(&self) -> Result<ExitCode> {
        let people = read(&self.path)?;
        if self.json {
            let all: Vec<_> = people.by_name.iter().map(|(name, it)| as_json(name, it)).collect();
            out_json(&all)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut rows = table(&["name", "roles", "lets in by", "changed", "by"]);
        for (name, person) in &people.by_name {
            let changed = person.changed.as_ref();
            rows.add_row([
                plain(name).to_string(),
                words(&person.roles),
                ways(person, self.now),
                changed.map_or_else(String::new, |it| format!("{} {}", it.at, plain(&it.what))),
                changed.map_or_else(String::new, |it| plain(&it.by).to_string()),
            ]);
        }
        out(rows)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn unknown(name: &str) -> String {
    format!("{name} is not in the people file; see `fifteen user list`")
}

/// How a person gets in, a line each.
fn ways(person: &Person, now: UtcMs) -> String {
    if person.disabled {
        return "nothing: DISABLED".into();
    }
    let password = person.password.as_ref().map(|_| "password".to_owned());
    let tokens = person.tokens.iter().filter(|token| token.expires_at > now);
    let tokens = tokens.map(|token| {
        format!("token {} ({}) until {}", token.id(), plain(&token.label), token.expires_at)
    });
    password.into_iter().chain(tokens).collect::<Vec<_>>().join("\n")
}

fn as_json(name: &str, person: &Person) -> serde_json::Value {
    let tokens = person.tokens.iter().map(|token| {
        serde_json::json!({
            "id": token.id(), "label": token.label, "issued": token.issued_at.to_string(),
            "ends": token.expires_at.to_string()
        })
    });
    serde_json::json!({
        "name": name,
        "roles": person.roles.iter().map(|role| word_of(*role)).collect::<Vec<_>>(),
        "disabled": person.disabled,
        "password": person.password.is_some(),
        "tokens": tokens.collect::<Vec<_>>(),
        "changed": person.changed.as_ref().map(|it| serde_json::json!({
            "at": it.at.to_string(), "by": it.by, "what": it.what
        })),
    })
}
