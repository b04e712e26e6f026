//! Files read again while the server runs, on SIGHUP: certificates, people.
//!
//! All or nothing each: a new file that is not right leaves the old one in force, which the log says
//! once and `health` until a right one came. Sessions that are there go on.

use std::sync::{Arc, Mutex, PoisonError};
use tracing::{error, info};

/// Something made from files that can be made again from them.
pub(super) trait Reload: Send + Sync {
    /// As the log and `health` call it.
    fn what(&self) -> &'static str;

    /// Reads the files and puts what they say in force; gives what is to be said of it. It may wait
    /// for the disk: it is not called on the sessions' thread.
    ///
    /// # Errors
    /// What is wrong, without a secret; nothing has changed then.
    fn reload(&self) -> Result<String, String>;
}

/// Everything that is read again together.
#[derive(Default)]
pub(super) struct Reloads {
    all: Vec<Arc<dyn Reload>>,
    /// Why the last reading of each was not taken, in the order of `all`.
    failed: Mutex<Vec<Option<String>>>,
}

impl Reloads {
    pub(super) fn add(&mut self, one: Arc<dyn Reload>) {
        self.all.push(one);
        self.failed.get_mut().unwrap_or_else(PoisonError::into_inner).push(None);
    }

    /// Reads everything again.
    pub(super) fn again(&self) {
        if self.all.is_empty() {
            info!("SIGHUP: nothing of this configuration is read again");
        }
        for (at, one) in self.all.iter().enumerate() {
            let what = one.what();
            let failed = match one.reload() {
                Ok(said) => {
                    info!(what, "read again: {said}");
                    None
                }
                Err(why) => {
                    error!(what, "not taken, the old one stays in force: {why}");
                    Some(why)
                }
            };
            let mut all = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            all[at] = failed;
        }
    }

    /// What is in force though a newer file should be.
    pub(super) fn problems(&self) -> Vec<String> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let with_names = self.all.iter().zip(failed.iter());
        with_names
            .filter_map(|(one, why)| {
                let why = why.as_deref()?;
                Some(format!("the new {} is not taken, the old one is in force: {why}", one.what()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    struct Switch(AtomicBool);

    impl Reload for Switch {
        fn what(&self) -> &'static str {
            "switch"
        }

        fn reload(&self) -> Result<String, String> {
            if self.0.load(Ordering::Relaxed) { Ok("on".into()) } else { Err("it is off".into()) }
        }
    }

    #[test]
    fn a_failure_is_a_problem_until_the_next_success() {
        let switch = Arc::new(Switch(AtomicBool::new(true)));
        let mut reloads = Reloads::default();
        reloads.add(Arc::clone(&switch) as Arc<dyn Reload>);
        reloads.again();
        assert_eq!(reloads.problems(), Vec::<String>::new());
        switch.0.store(false, Ordering::Relaxed);
        reloads.again();
        let problem = "the new switch is not taken, the old one is in force: it is off";
        assert_eq!(reloads.problems(), [problem]);
        switch.0.store(true, Ordering::Relaxed);
        reloads.again();
        assert_eq!(reloads.problems(), Vec::<String>::new());
    }
}
