//! The bytes of a mail on its way in: in memory, or, when there are many, in a file.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

/// How much of a mail is kept in memory: all of most mails, and of each other one what holds its header.
pub const IN_MEMORY: usize = 1024 * 1024;

/// The bytes of a mail. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RawMail {
    head: Arc<[u8]>,
    /// The whole of a mail that is longer than its head.
    file: Option<(Arc<File>, u64)>,
}

impl RawMail {
    /// The number of bytes.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> u64 {
        self.file
            .as_ref()
            .map_or(self.head.len() as u64, |(_, length)| *length)
    }

    /// How it begins: all of it, unless it is longer than [`IN_MEMORY`].
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// All of it, when it is in memory.
    pub fn whole(&self) -> Option<&[u8]> {
        self.file.is_none().then_some(&*self.head)
    }

    /// Reads it from its byte number `from` on. Each reader has a place of its own. Reading from the file blocks for as long as the disk does.
    pub fn reader(&self, from: u64) -> RawReader<'_> {
        RawReader { mail: self, at: from }
    }
}

impl From<Vec<u8>> for RawMail {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            head: bytes.into(),
            file: None,
        }
    }
}

/// Reads a [`RawMail`].
#[derive(Debug)]
pub struct RawReader<'a> {
    mail: &'a RawMail,
    at: u64,
}

impl Read for RawReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = if let Some((file, _)) = &self.mail.file {
            file.read_at(buffer, self.at)?
        } else {
            let at = usize::try_from(self.at).unwrap_or(usize::MAX);
            self.mail.head.get(at..).unwrap_or_default().read(buffer)?
        };
        self.at += count as u64;
        Ok(count)
    }
}

/// A mail that is still coming in. What is more than [`IN_MEMORY`] goes into a file without a name, which is gone with its last user, also
/// after a crash.
#[derive(Debug)]
pub struct Spool {
    folder: Arc<Path>,
    /// The head; once there is a file, what is not in it yet.
    bytes: Vec<u8>,
    file: Option<(File, Arc<[u8]>)>,
    length: u64,
}

/// Bytes that are written to the file at once.
const BLOCK: usize = 64 * 1024;

impl Spool {
    /// Nothing yet; the file will be in this folder.
    pub fn new(folder: Arc<Path>) -> Self {
        Self {
            folder,
            bytes: Vec::new(),
            file: None,
            length: 0,
        }
    }

    /// The number of bytes so far.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Where the file is, or would be.
    pub fn folder(&self) -> &Arc<Path> {
        &self.folder
    }

    /// Appends bytes. They go to the system's cache: it blocks when the disk can't follow.
    ///
    /// # Errors
    ///
    /// The file can't be made or written: its disk is full, or its folder not ours to write to.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        match &mut self.file {
            Some((file, _)) if self.bytes.len() >= BLOCK => {
                file.write_all(&self.bytes)?;
                self.bytes.clear();
            }
            None if self.bytes.len() > IN_MEMORY => {
                let mut file = tempfile::tempfile_in(&self.folder)?;
                file.write_all(&self.bytes)?;
                self.bytes.truncate(IN_MEMORY);
                self.file = Some((file, std::mem::take(&mut self.bytes).into()));
            }
            _ => {}
        }
        Ok(())
    }

    /// The mail as a whole.
    ///
    /// # Errors
    ///
    /// The rest can't be written.
    pub fn finish(self) -> io::Result<RawMail> {
        let Some((mut file, head)) = self.file else {
            return Ok(self.bytes.into());
        };
        file.write_all(&self.bytes)?;
        Ok(RawMail {
            head,
            file: Some((Arc::new(file), self.length)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spooled(length: usize, step: usize) -> (RawMail, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut spool = Spool::new(folder.path().into());
        for part in bytes.chunks(step) {
            spool.write(part).unwrap();
        }
        assert_eq!(spool.len(), length as u64);
        (spool.finish().unwrap(), bytes)
    }

    #[test]
    fn every_byte_comes_back() {
        for (length, step) in [
            (0, 1),
            (5, 2),
            (IN_MEMORY, 4_096),
            (IN_MEMORY + 1, 4_096),
            (3 * IN_MEMORY + 7, 70_001),
        ] {
            let (mail, bytes) = spooled(length, step);
            assert_eq!(mail.len(), length as u64);
            assert_eq!(mail.head(), &bytes[..length.min(IN_MEMORY)]);
            assert_eq!(mail.whole().is_some(), length <= IN_MEMORY);
            for from in [0, length / 2, length] {
                let mut read = Vec::new();
                mail.reader(from as u64).read_to_end(&mut read).unwrap();
                assert!(read == bytes[from..], "{length} {from}");
            }
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_for_large_mails_alone() {
        let mut spool = Spool::new(Path::new("/nowhere/at/all").into());
        spool.write(&vec![0; IN_MEMORY]).unwrap();
        assert!(spool.write(b"more").is_err());
    }
}
