use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::{self, JoinHandle};

use super::{Closer, Item, Subscription};

/// Appends events to a file, one JSON object per line, on a thread of its own.
///
/// What the file cannot take in time is missed, as by any other listener: a gap in `seq` shows it. Dropped, it writes
/// what still waits and ends.
#[derive(Debug)]
pub struct JsonLines {
    closer: Closer,
    thread: Option<JoinHandle<io::Result<Written>>>,
}

/// How many events a [`JsonLines`] has written and missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Lines that are in the file.
    pub lines: u64,
    /// Events that came too fast for it.
    pub missed: u64,
}

impl JsonLines {
    /// Begins to write what a subscription gets.
    ///
    /// # Errors
    /// When the file cannot be opened, or the thread not started.
    pub fn start(path: impl AsRef<Path>, mut subscription: Subscription) -> io::Result<Self> {
        let file = open(path.as_ref())?;
        let closer = subscription.closer();
        let work = move || write_all(file, &mut subscription);
        let thread = thread::Builder::new().name("events".to_owned()).spawn(work)?;
        Ok(Self { closer, thread: Some(thread) })
    }

    /// Says whether it still writes; if not, the file has failed.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Writes what still waits and ends.
    ///
    /// # Errors
    /// The first error of the file; nothing was written since.
    pub fn finish(mut self) -> io::Result<Written> {
        self.join()
    }

    fn join(&mut self) -> io::Result<Written> {
        self.closer.close();
        let Some(thread) = self.thread.take() else { return Ok(Written::default()) };
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that writes events has panicked")))
    }
}

impl Drop for JsonLines {
    fn drop(&mut self) {
        // Whoever wants to know of an error calls `finish`.
        let _ = self.join();
    }
}

/// Opens a file to append to, and ends a line that a crash cut short.
fn open(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    if file.seek(SeekFrom::End(0))? > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

fn write_all(file: File, subscription: &mut Subscription) -> io::Result<Written> {
    let mut writer = BufWriter::new(file);
    let mut lines = 0;
    while let Some(first) = subscription.blocking_next() {
        let mut next = Some(first);
        while let Some(Item { event, .. }) = next {
            serde_json::to_writer(&mut writer, &*event)?;
            writer.write_all(b"\n")?;
            lines += 1;
            next = subscription.try_next();
        }
        writer.flush()?;
    }
    Ok(Written { lines, missed: subscription.missed() })
}
