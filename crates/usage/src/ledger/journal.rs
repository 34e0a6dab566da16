//! What makes a record durable: an append-only file of lines that is written before the caller sees
//! the end of a call, and read from there into the database.
//!
//! A line is the CRC-32 of a record in hex, a space, and the record as JSON. One `write` makes it,
//! so it survives the process's death; a line that was cut short fails its sum and is passed over.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::record::Attempt;

/// The journal of this process.
#[derive(Debug)]
pub(crate) struct Journal {
    directory: PathBuf,
    name: String,
    limit: u64,
    strict: bool,
    state: Mutex<State>,
    appended: AtomicU64,
    lost: AtomicU64,
}

#[derive(Debug)]
struct State {
    file: Option<Arc<File>>,
    segment: u32,
    size: u64,
    /// Whether the file may end in the middle of a line.
    torn: bool,
    /// Whether the file's name may not outlive the machine yet.
    fresh: bool,
    /// Lines that the disk would not take.
    held: VecDeque<Vec<u8>>,
    held_bytes: usize,
    trouble: Option<String>,
}

impl Journal {
    /// Begins the journal of a process in the directory. `limit` is the most bytes that may wait.
    pub(crate) fn create(directory: &Path, name: &str, limit: u64, strict: bool) -> Self {
        let mut state = State {
            file: None,
            segment: 0,
            size: 0,
            torn: false,
            fresh: false,
            held: VecDeque::new(),
            held_bytes: 0,
            trouble: None,
        };
        if let Err(error) = state.begin(directory, name) {
            state.trouble = Some(format!("cannot write `{}`: {error}", directory.display()));
        }
        Self {
            directory: directory.to_owned(),
            name: name.to_owned(),
            limit,
            strict,
            state: Mutex::new(state),
            appended: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// Appends a record; when this returns it survives the process, unless the disk is full.
    ///
    /// Returns a ticket that [`sync`](Self::sync) makes durable against the machine's death too.
    pub(crate) fn append(&self, attempt: &Attempt) -> u64 {
        let line = line(attempt);
        let mut state = self.state();
        state.write_held();
        if state.size.saturating_add(state.held_bytes as u64) >= self.limit {
            self.lost.fetch_add(1, Ordering::Relaxed);
            state.trouble = Some(format!("the journal has reached its limit of {} bytes", self.limit));
        } else if !state.held.is_empty() || state.write(&line).is_err() {
            self.hold(&mut state, line);
        }
        self.appended.fetch_add(1, Ordering::Release).saturating_add(1)
    }

    /// Tries again to write what the disk would not take, and says what is wrong.
    pub(crate) fn recover(&self) -> Option<String> {
        let mut state = self.state();
        if state.file.is_none() {
            match state.begin(&self.directory, &self.name) {
                Ok(()) => state.trouble = None,
                Err(error) => state.trouble = Some(format!("cannot write `{}`: {error}", self.directory.display())),
            }
        }
        state.write_held();
        state.trouble.clone()
    }

    /// Brings all that was appended to the disk's own memory, and returns the last ticket it covers.
    pub(crate) fn sync(&self) -> (u64, io::Result<()>) {
        let (covered, file, fresh) = {
            let mut state = self.state();
            (self.appended.load(Ordering::Acquire), state.file.clone(), std::mem::take(&mut state.fresh))
        };
        let synced = file.map_or(Ok(()), |file| file.sync_data());
        (covered, synced.and_then(|()| if fresh { sync_names(&self.directory) } else { Ok(()) }))
    }

    /// How many records found no place.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// How many records wait in memory for the disk.
    pub(crate) fn held(&self) -> usize {
        self.state().held.len()
    }

    /// Returns the path of the segment that is being written.
    pub(crate) fn segment(&self) -> PathBuf {
        segment_path(&self.directory, &self.name, self.state().segment)
    }

    /// Begins the next segment, if little of this one is unread: that and the records that are still open are
    /// carried over, and the old file goes. Says whether it did.
    pub(crate) fn rotate<'a>(
        &self,
        reader: &mut SegmentReader,
        open: impl Iterator<Item = &'a Attempt>,
    ) -> io::Result<bool> {
        let mut state = self.state();
        let unread = state.size.saturating_sub(reader.offset);
        if unread > CARRIED || state.torn || !state.held.is_empty() {
            return Ok(false);
        }
        let mut carried: Vec<u8> = open.flat_map(line).collect();
        carried.extend(reader.bytes(unread)?);
        let old = segment_path(&self.directory, &self.name, state.segment);
        let next = state.segment.wrapping_add(1);
        let file = create_segment(&segment_path(&self.directory, &self.name, next), &carried, self.strict)?;
        // While it has its name it keeps its lock: nobody may take over what lives on in the next.
        if let Err(error) = std::fs::remove_file(&old) {
            tracing::warn!(%error, path = %old.display(), "a segment that is done stays");
        }
        (state.file, state.segment, state.size, state.fresh) = (Some(file), next, carried.len() as u64, true);
        Ok(true)
    }

    /// Ends the journal; nothing may be appended after.
    pub(crate) fn remove(&self) {
        let mut state = self.state();
        if state.held.is_empty() {
            state.file = None;
            // A file that stays is read again at the next start, which changes nothing.
            let _ = std::fs::remove_file(segment_path(&self.directory, &self.name, state.segment));
        }
    }

    fn hold(&self, state: &mut State, line: Vec<u8>) {
        if state.held_bytes + line.len() > HELD {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.held_bytes += line.len();
        state.held.push_back(line);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin(&mut self, directory: &Path, name: &str) -> io::Result<()> {
        std::fs::create_dir_all(directory)?;
        self.file = Some(create_segment(&segment_path(directory, name, self.segment), &[], false)?);
        self.fresh = true;
        Ok(())
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(io::ErrorKind::NotConnected.into()) };
        if self.torn {
            (&**file).write_all(b"\n")?;
            (self.torn, self.size) = (false, self.size + 1);
        }
        let mut rest = line;
        while !rest.is_empty() {
            match (&**file).write(rest) {
                Ok(count) if count > 0 => {
                    self.size += count as u64;
                    rest = rest.get(count..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                failed => {
                    let error = failed.err().unwrap_or_else(|| io::ErrorKind::WriteZero.into());
                    self.torn = rest.len() < line.len();
                    self.trouble = Some(format!("the journal cannot be written: {error}"));
                    return Err(error);
                }
            }
        }
        self.trouble = None;
        Ok(())
    }

    fn write_held(&mut self) {
        while let Some(line) = self.held.pop_front() {
            if self.write(&line).is_err() {
                self.held.push_front(line);
                return;
            }
            self.held_bytes -= line.len();
        }
    }
}

/// Reads one segment from where it was left.
#[derive(Debug)]
pub(crate) struct SegmentReader {
    file: File,
    /// Up to where whole lines have been read, in bytes.
    pub(crate) offset: u64,
}

impl SegmentReader {
    pub(crate) fn open(path: &Path, offset: u64) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, offset })
    }

    /// Reads the next bytes, and stays where it is.
    fn bytes(&mut self, limit: u64) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        (&self.file).take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads the next records, at most about `limit` bytes of them, and how many lines were damaged.
    pub(crate) fn read(&mut self, limit: usize) -> io::Result<(Vec<Attempt>, usize)> {
        let mut bytes = self.bytes(limit as u64)?;
        // A record longer than the limit is read in one piece all the same.
        if bytes.len() == limit && !bytes.contains(&b'\n') {
            (&self.file).read_to_end(&mut bytes)?;
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.offset += whole as u64;
        let lines = bytes.get(..whole).unwrap_or_default();
        let middle = lines.iter().skip(whole / 2).position(|byte| *byte == b'\n');
        let (first, second) = lines.split_at(middle.map_or(whole, |rest| whole / 2 + rest + 1));
        if whole < MUCH {
            return Ok(parse_lines(lines));
        }
        // The database takes about as long as the reading: of much, two halves are read at once.
        std::thread::scope(|scope| {
            let second = scope.spawn(|| parse_lines(second));
            let (mut attempts, mut damaged) = parse_lines(first);
            let (more, damaged_too) = second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            attempts.extend(more);
            damaged += damaged_too;
            Ok((attempts, damaged))
        })
    }
}

fn parse_lines(lines: &[u8]) -> (Vec<Attempt>, usize) {
    let (mut attempts, mut damaged) = (Vec::new(), 0);
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match parse(line) {
            Some(attempt) => attempts.push(attempt),
            None => damaged += 1,
        }
    }
    (attempts, damaged)
}

/// The segments of processes that have died, oldest first, grouped by process and locked.
pub(crate) fn orphans(directory: &Path, own: &str) -> io::Result<Vec<Orphan>> {
    let mut names: Vec<(String, u32, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == UNNAMED) {
            sweep(&path)?;
        }
        let Some(stem) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(EXTENSION))
        else {
            continue;
        };
        let parts = stem.rsplit_once('-').filter(|(name, _)| *name != own);
        if let Some((name, Ok(segment))) = parts.map(|(name, segment)| (name.to_owned(), segment.parse())) {
            names.push((name, segment, path));
        }
    }
    names.sort();
    let (mut orphans, mut living): (Vec<Orphan>, Vec<String>) = (Vec::new(), Vec::new());
    for (name, _, path) in names {
        match lock(&path)? {
            Lock::Gone => {}
            Lock::Held => living.push(name),
            Lock::Ours(file) => match orphans.last_mut().filter(|orphan| orphan.name == name) {
                Some(orphan) => orphan.segments.push((path, file)),
                None => orphans.push(Orphan { name, segments: vec![(path, file)] }),
            },
        }
    }
    // What stays of a process that lives is its own, or of whoever takes over the rest.
    orphans.retain(|orphan| !living.contains(&orphan.name));
    Ok(orphans)
}

enum Lock {
    /// Another process has taken the file over.
    Gone,
    /// Its process lives, or another one is taking it over.
    Held,
    Ours(File),
}

/// Tries to lock a file. The lock goes with the process that held it.
fn lock(path: &Path) -> io::Result<Lock> {
    let file = match OpenOptions::new().read(true).append(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lock::Gone),
        file => file?,
    };
    match file.try_lock() {
        // It may have been removed before its lock went.
        Ok(()) if path.try_exists()? => Ok(Lock::Ours(file)),
        Ok(()) => Ok(Lock::Gone),
        Err(TryLockError::WouldBlock) => Ok(Lock::Held),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes a segment whose process died before it had a name.
fn sweep(path: &Path) -> io::Result<()> {
    match lock(path)? {
        Lock::Ours(_locked) => std::fs::remove_file(path),
        _ => Ok(()),
    }
}

/// What a dead process left.
#[derive(Debug)]
pub(crate) struct Orphan {
    pub(crate) name: String,
    pub(crate) segments: Vec<(PathBuf, File)>,
}

/// Makes a segment that begins with some lines, on the disk if `sync`.
fn create_segment(path: &Path, lines: &[u8], sync: bool) -> io::Result<Arc<File>> {
    // It takes its name when it is locked: nobody may think for a moment that its process has died.
    let unnamed = path.with_extension(UNNAMED);
    loop {
        let file = OpenOptions::new().create(true).append(true).open(&unnamed)?;
        file.lock()?;
        reserve(&file);
        (&file).write_all(lines)?;
        if sync {
            file.sync_data()?;
        }
        match std::fs::rename(&unnamed, path) {
            // Another process swept it away before it was locked.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => return renamed.map(|()| Arc::new(file)),
        }
    }
}

#[cfg(unix)]
fn sync_names(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_names(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Takes room on the disk beforehand, so that a disk that fills up later still has some for records.
#[cfg(target_os = "linux")]
fn reserve(file: &File) {
    // Some file systems cannot; the journal works there too, only with less warning.
    let _ = rustix::fs::fallocate(file, rustix::fs::FallocateFlags::KEEP_SIZE, 0, RESERVED);
}

#[cfg(not(target_os = "linux"))]
fn reserve(_: &File) {}

fn segment_path(directory: &Path, name: &str, segment: u32) -> PathBuf {
    directory.join(format!("{name}-{segment:06}{EXTENSION}"))
}

fn line(attempt: &Attempt) -> Vec<u8> {
    let mut line = vec![b' '; SUM];
    // Every map of a record has texts as keys, so that writing it cannot fail.
    if serde_json::to_writer(&mut line, attempt).is_err() {
        return Vec::new();
    }
    // A vendor's own JSON may go over several lines; in JSON a line feed stands between tokens alone.
    line.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
    let sum = format!("{:08x}", crc32fast::hash(line.get(SUM..).unwrap_or_default()));
    line.iter_mut().zip(sum.bytes()).for_each(|(place, digit)| *place = digit);
    line.push(b'\n');
    line
}

fn parse(line: &[u8]) -> Option<Attempt> {
    let (sum, json) = line.split_at_checked(SUM)?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?.trim_end(), 16).ok()?;
    if crc32fast::hash(json) != sum {
        return None;
    }
    serde_json::from_slice(json).ok()
}

/// From how many bytes on two threads read.
const MUCH: usize = 256 << 10;
/// The length of the sum and the space after it.
const SUM: usize = 9;
const EXTENSION: &str = ".journal";
/// The extension of a segment that is being made.
const UNNAMED: &str = "new";
/// How much that is unread is carried over to the next segment, in bytes.
const CARRIED: u64 = 1 << 20;
/// How much may wait in memory while the disk takes nothing, in bytes.
const HELD: usize = 32 << 20;
#[cfg(target_os = "linux")]
const RESERVED: u64 = 8 << 20;
