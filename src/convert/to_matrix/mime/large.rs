//! A mail that is too large for memory: its skeleton, and what is known of the parts that were cut.
//!
//! Who has the mail brings what is missing ([`LargeMail::wanted`], [`Survey`]): the bodies of those parts that are read to be shown,
//! and of all others, which become files, what is said of them. The files themselves stay where they are until they are uploaded, and
//! are then read and decoded in pieces ([`LeftFile`]).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::skeleton::Skeleton;
use super::transfer::Decoder;
use super::{Part, parse};
use crate::convert::to_matrix::facts::Facts;

/// Bytes of all bodies that are read whole, as transferred. A text that is longer is not read by a person.
const READ: u64 = 8 * 1024 * 1024;

/// The largest file, decoded, that is looked at as a whole: photographs are smaller.
const LOOKED_AT: usize = 12 * 1024 * 1024;

/// How a file begins, which is enough to know what most are.
const HEAD: usize = 256 * 1024;

/// A mail that may be too large for memory.
#[derive(Debug, Default)]
pub struct LargeMail {
    skeleton: Skeleton,
    /// What was brought, by where it begins in the mail.
    brought: BTreeMap<u64, Brought>,
}

/// What was brought of a part that was cut.
#[derive(Debug)]
pub enum Brought {
    /// The whole body, as transferred.
    Body(Vec<u8>),
    /// What is known of a file.
    File(Arc<LeftFile>),
}

/// A file that stays in the mail that brought it until it is uploaded.
#[derive(Debug, PartialEq)]
pub struct LeftFile {
    wanted: Wanted,
    /// Its size when it is decoded.
    pub length: u64,
    /// What its bytes say.
    pub(in crate::convert::to_matrix) facts: Facts,
}

impl LeftFile {
    /// The mail itself, of so many bytes.
    pub(in crate::convert::to_matrix) fn whole_mail(length: u64) -> Self {
        let wanted = Wanted {
            place: 0..length,
            encoding: String::new(),
            media_type: String::new(),
            whole: false,
        };
        Self {
            wanted,
            length,
            facts: Facts::default(),
        }
    }

    /// Where it is in the mail, as transferred.
    pub fn place(&self) -> Range<u64> {
        self.wanted.place.clone()
    }

    /// What undoes its transfer encoding.
    pub fn decoder(&self) -> Decoder {
        Decoder::of(&self.wanted.encoding)
    }
}

/// A part that was cut, which is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where its body is in the mail.
    pub place: Range<u64>,
    encoding: String,
    media_type: String,
    whole: bool,
}

impl Wanted {
    /// Reads it.
    pub fn survey(&self) -> Survey {
        Survey {
            wanted: self.clone(),
            decoder: Decoder::of(&self.encoding),
            bytes: Vec::new(),
            length: 0,
        }
    }
}

/// Reads a part that was cut.
#[derive(Debug)]
pub struct Survey {
    wanted: Wanted,
    decoder: Decoder,
    /// The body as transferred, or the beginning of the file.
    bytes: Vec<u8>,
    /// Bytes of the file so far.
    length: u64,
}

impl Survey {
    /// Takes the next piece of the body.
    pub fn push(&mut self, piece: &[u8]) {
        if self.wanted.whole {
            self.bytes.extend_from_slice(piece);
            return;
        }
        let mut decoded = Vec::new();
        self.decoder.push(piece, &mut decoded);
        self.add(&decoded);
    }

    fn add(&mut self, decoded: &[u8]) {
        self.length += decoded.len() as u64;
        let most = if self.bytes.len() < HEAD || Facts::need_all(&self.wanted.media_type, &self.bytes) {
            LOOKED_AT
        } else {
            HEAD
        };
        let room = most.saturating_sub(self.bytes.len());
        self.bytes
            .extend_from_slice(decoded.get(..room).unwrap_or(decoded));
    }

    /// What was found. May take a while, for a photograph.
    pub fn finish(mut self) -> Brought {
        if self.wanted.whole {
            return Brought::Body(self.bytes);
        }
        let mut decoded = Vec::new();
        std::mem::take(&mut self.decoder).finish(&mut decoded);
        self.add(&decoded);
        let is_whole = self.bytes.len() as u64 == self.length;
        Brought::File(Arc::new(LeftFile {
            facts: Facts::of(&self.wanted.media_type, &self.bytes, is_whole),
            wanted: self.wanted,
            length: self.length,
        }))
    }
}

impl LargeMail {
    /// A mail of which nothing was brought yet.
    pub fn new(skeleton: Skeleton) -> Self {
        Self {
            skeleton,
            brought: BTreeMap::new(),
        }
    }

    /// Its skeleton, which is the whole of a mail that is not large: for all that is decided by the headers.
    pub fn bytes(&self) -> &[u8] {
        self.skeleton.bytes()
    }

    /// Whether it is the whole of a mail of at most so many bytes.
    pub fn is_at_most(&self, bytes: usize) -> bool {
        self.brought.is_empty() && self.bytes().len() <= bytes
    }

    /// What must be brought before it is converted. `is_read` knows the parts that are more than files.
    pub(in crate::convert::to_matrix) fn wanted(&self, is_read: impl Fn(&Part<'_>) -> bool) -> Vec<Wanted> {
        let mail = parse(self.bytes());
        let mut left = READ;
        let cut = mail.walk().into_iter().filter(|part| part.children.is_empty());
        cut.filter_map(|part| {
            let place = self.place(part)?;
            let length = place.end - place.start;
            let whole = is_read(part) && length <= left;
            if whole {
                left -= length;
            }
            Some(Wanted {
                place,
                encoding: part.encoding.clone(),
                media_type: part.media_type.clone(),
                whole,
            })
        })
        .collect()
    }

    /// Takes what was found of a part.
    pub fn bring(&mut self, wanted: &Wanted, found: Brought) {
        self.brought.insert(wanted.place.start, found);
    }

    /// The tree of its parts, with what was brought.
    pub(in crate::convert::to_matrix) fn parse(&self) -> Part<'_> {
        let mut mail = parse(self.bytes());
        if !self.brought.is_empty() {
            self.complete(&mut mail);
        }
        mail
    }

    fn complete<'a>(&'a self, part: &mut Part<'a>) {
        for child in &mut part.children {
            self.complete(child);
        }
        if !part.children.is_empty() {
            return;
        }
        let Some(place) = self.place(part) else { return };
        match self.brought.get(&place.start) {
            Some(Brought::Body(body)) => part.body = body,
            Some(Brought::File(left)) => part.left = Some(Arc::clone(left)),
            None => {}
        }
    }

    /// Where the body of a part is in the mail, when it was cut.
    fn place(&self, part: &Part<'_>) -> Option<Range<u64>> {
        let from = part
            .body
            .as_ptr()
            .addr()
            .checked_sub(self.bytes().as_ptr().addr())?;
        self.skeleton.original(&(from..from + part.body.len()))
    }
}
