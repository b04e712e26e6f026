//! `[sms]`: how a gateway calls the fields of a message, and what the words of a message mean.

use super::check::{Checked, name, wrong};
use super::{District, Kind};
use crate::sms::Meanings;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Words, and names, of a room at most.
const WORDS_MAX: usize = 4_096;

/// `[sms]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmsSettings {
    /// The gateway's field for whose number sent it.
    pub from: String,
    /// The gateway's field for the message.
    pub text: String,
    /// The gateway's field for its own id of the message: the same again is the same message.
    pub id: String,
    /// Where a modem's daemon on this machine hands messages over, a line each; without it nowhere.
    pub modem: Option<SocketAddr>,
    /// Kinds by words that stand for them.
    pub words: BTreeMap<String, String>,
    /// Districts by other names than their own and those of their tehsils.
    pub names: BTreeMap<String, String>,
    /// All of it, ready to be read by.
    #[serde(skip)]
    pub meanings: Arc<Meanings>,
}

impl Default for SmsSettings {
    fn default() -> Self {
        Self {
            from: "from".into(),
            text: "text".into(),
            id: "id".into(),
            modem: None,
            words: BTreeMap::new(),
            names: BTreeMap::new(),
            meanings: Arc::default(),
        }
    }
}

impl SmsSettings {
    pub(super) fn checked(mut self, kinds: &[Kind], districts: &[District]) -> Checked<Self> {
        for (key, field) in
            [("sms.from", &self.from), ("sms.text", &self.text), ("sms.id", &self.id)]
        {
            name(key, field)?;
        }
        if let Some(address) = self.modem.filter(|address| !address.ip().is_loopback()) {
            let problem = format!(
                "{address} is reachable from outside, and whoever reaches it is believed: 127.0.0.1 it must be"
            );
            return wrong("sms.modem", problem);
        }
        for (key, table) in [("sms.words", &self.words), ("sms.names", &self.names)] {
            if table.len() > WORDS_MAX {
                return wrong(key, format!("are more than {WORDS_MAX}"));
            }
            for (words, means) in table {
                name(key, words)?;
                name(&format!("{key}.{words:?}"), means)?;
            }
        }
        let unknown = |kind: &&String| !kinds.iter().any(|known| known.name == **kind);
        if let Some((words, kind)) = self.words.iter().find(|(_, kind)| unknown(kind)) {
            return wrong(format!("sms.words.{words:?}"), format!("{kind:?} is no [[kind]]"));
        }
        let words = self.words.iter().map(|(words, kind)| (words.as_str(), kind.as_str()));
        let own = districts.iter().map(|it| (it.name.as_str(), it.name.as_str()));
        let others = self.names.iter().map(|(name, district)| (name.as_str(), district.as_str()));
        // What comes later goes before: a district's own name before a tehsil's.
        let names = tehsils(districts).into_iter().chain(own).chain(others);
        self.meanings = Arc::new(Meanings::new(words, names));
        Ok(self)
    }
}

/// Tehsils with their districts, but for names that two districts have.
fn tehsils(districts: &[District]) -> Vec<(&str, &str)> {
    let all = districts
        .iter()
        .flat_map(|it| it.tehsils.iter().map(|tehsil| (tehsil.as_str(), it.name.as_str())));
    let all: Vec<_> = all.collect();
    let twice = |name: &str| all.iter().filter(|(other, _)| *other == name).count() > 1;
    all.iter().copied().filter(|(name, _)| !twice(name)).collect()
}
