//! What the console keeps on the disk: calls half typed, and the history of its command line. On a thread of its own:
//! a slow disk must not hold up a key.

use fifteen::console::Msg;
use fifteen::console::draft::{Draft, Drafts};
use fifteen::protocol::Key;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

enum Job {
    Save(Box<Draft>),
    Remove(Key),
    History(String),
}

/// The thread that writes. Dropped, it writes what is left and ends.
pub(super) struct Disk {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    folder: Option<PathBuf>,
}

impl Disk {
    /// Opens the operator's folder; what was found there, or why it cannot be used, as messages.
    pub(super) fn open(news: mpsc::Sender<Msg>) -> (Self, Vec<Msg>) {
        let folder = Drafts::folder(|name| std::env::var(name).ok());
        let Some(folder) = folder else {
            let why = "there is no home folder: calls half typed are not kept".to_owned();
            return (Self { jobs: None, thread: None, folder: None }, vec![Msg::Trouble(why)]);
        };
        let (drafts, found) = match Drafts::open(&folder, &uuid::Uuid::new_v4().to_string()) {
            Ok(opened) => opened,
            Err(error) => {
                let why = format!("calls half typed are not kept: {error}");
                return (Self { jobs: None, thread: None, folder: None }, vec![Msg::Trouble(why)]);
            }
        };
        let mut says = vec![super::drafts(found.drafts)];
        for (file, why) in found.set_aside {
            says.push(Msg::Trouble(format!("{} is set aside: {why}", file.display())));
        }
        let (jobs, todo) = channel();
        let file = folder.join("history");
        let thread = std::thread::Builder::new()
            .name("disk".into())
            .spawn(move || write(drafts, &file, &todo, &news));
        (Self { jobs: Some(jobs), thread: thread.ok(), folder: Some(folder) }, says)
    }

    /// The command line's history of earlier runs.
    pub(super) fn history(&self) -> Option<String> {
        std::fs::read_to_string(self.folder.as_ref()?.join("history")).ok()
    }

    pub(super) fn save(&self, draft: Draft) {
        self.give(Job::Save(Box::new(draft)));
    }

    pub(super) fn remove(&self, key: Key) {
        self.give(Job::Remove(key));
    }

    pub(super) fn save_history(&self, text: String) {
        self.give(Job::History(text));
    }

    fn give(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // The thread ends only after us.
            let _ = jobs.send(job);
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write(
    drafts: Drafts,
    history: &std::path::Path,
    todo: &Receiver<Job>,
    news: &mpsc::Sender<Msg>,
) {
    let mut next = todo.recv().ok();
    while let Some(job) = next.take() {
        let done = match job {
            Job::Save(mut draft) => {
                // Of several states of one call only the last one counts.
                loop {
                    match todo.try_recv() {
                        Ok(Job::Save(newer)) if newer.key == draft.key => draft = newer,
                        Ok(other) => {
                            next = Some(other);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                drafts.save(&draft)
            }
            Job::Remove(key) => drafts.remove(key),
            Job::History(text) => {
                // A lost history is no harm.
                let _ = std::fs::write(history, text);
                Ok(())
            }
        };
        if let Err(error) = done {
            let _ =
                news.try_send(Msg::Trouble(format!("the call half typed is not kept: {error}")));
        }
        if next.is_none() {
            next = todo.recv().ok();
        }
    }
}
