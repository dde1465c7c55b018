//! The skeleton of a large mail: its headers, its small parts, and how each of its large parts begins.
//!
//! What decides about the structure of a mail are its header fields and the lines that begin with two hyphens. All else can be left
//! out without being understood: the skeleton is read by the very code that reads whole mails, and has the same tree of parts. What
//! was left out of a part is found again by its place in the mail.

use std::ops::Range;

/// Bytes that are kept of each stretch of body between two lines that could be boundaries.
const KEPT: usize = 384 * 1024;

/// Bytes of a header that are kept: one that is longer is none.
const HEADER: usize = 1024 * 1024;

/// From how many bytes on the skeleton is large itself: hundreds of parts, each of which has to make do with `SMALL`.
const LARGE: usize = 4 * 1024 * 1024;
const SMALL: usize = 2 * 1024;

/// From how many bytes on nothing more is kept: no mail has so many parts, so many fields, or so many lines of two hyphens.
const FULL: usize = 16 * 1024 * 1024;

/// A mail with bytes left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skeleton {
    bytes: Vec<u8>,
    cuts: Vec<Cut>,
}

/// Bytes that were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    /// Their place in the skeleton.
    at: usize,
    /// How many there were.
    length: u64,
}

impl Skeleton {
    /// A mail of which nothing was left out.
    pub fn whole(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            cuts: Vec::new(),
        }
    }

    /// What is left of the mail.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where a stretch of the skeleton is in the mail; `None` when nothing was left out of it.
    pub(super) fn original(&self, part: &Range<usize>) -> Option<Range<u64>> {
        let within = |cut: &&Cut| part.start <= cut.at && cut.at <= part.end;
        let left_out: u64 = self.cuts.iter().filter(within).map(|cut| cut.length).sum();
        if left_out == 0 {
            return None;
        }
        let before: u64 = self
            .cuts
            .iter()
            .filter(|cut| cut.at < part.start)
            .map(|cut| cut.length)
            .sum();
        let start = part.start as u64 + before;
        Some(start..start + part.len() as u64 + left_out)
    }
}

/// Makes a [`Skeleton`] of a mail that comes in pieces.
#[derive(Debug)]
pub struct Cutter {
    skeleton: Skeleton,
    place: Place,
    /// Between an empty line and the next line of two hyphens.
    in_body: bool,
    /// Bytes kept since then.
    kept: usize,
    /// Bytes left out since then.
    left_out: u64,
    /// The line end, or a part of it, that may be the last before a boundary: left out with the line that follows.
    end: Vec<u8>,
    most_kept: usize,
}

/// Where in a line the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    /// After CR at the start: what follows shows whether the line is empty.
    Cr,
    /// After one hyphen at the start.
    Hyphen,
    Within,
}

impl Default for Cutter {
    fn default() -> Self {
        Self::keeping(KEPT)
    }
}

impl Cutter {
    /// One that keeps this many bytes of each stretch of body.
    pub(in super::super) fn keeping(most_kept: usize) -> Self {
        Self {
            skeleton: Skeleton::default(),
            place: Place::Start,
            in_body: false,
            kept: 0,
            left_out: 0,
            end: Vec::new(),
            most_kept,
        }
    }

    /// Takes the next piece.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            match (self.place, byte) {
                (Place::Start, b'-') => {
                    // Kept back: it may begin a boundary.
                    self.place = Place::Hyphen;
                    bytes = rest;
                }
                (Place::Hyphen, b'-') => {
                    self.place = Place::Within;
                    if self.skeleton.bytes.len() < FULL {
                        self.end_stretch();
                        self.keep(b"--");
                    } else {
                        self.take(b"--");
                    }
                    bytes = rest;
                }
                (Place::Hyphen, _) => {
                    self.place = Place::Within;
                    self.take(b"-");
                }
                (Place::Start, b'\r') => {
                    self.place = Place::Cr;
                    self.take(b"\r");
                    bytes = rest;
                }
                (Place::Start | Place::Cr, b'\n') => {
                    self.place = Place::Start;
                    self.take(b"\n");
                    if !self.in_body {
                        self.in_body = true;
                        self.kept = 0;
                    }
                    bytes = rest;
                }
                _ => {
                    let length = bytes.iter().position(|byte| *byte == b'\n');
                    let (line, after) = bytes.split_at(length.map_or(bytes.len(), |at| at + 1));
                    self.place = if length.is_some() {
                        Place::Start
                    } else {
                        Place::Within
                    };
                    self.take(line);
                    bytes = after;
                }
            }
        }
    }

    /// The skeleton of what came.
    pub fn finish(mut self) -> Skeleton {
        if self.place == Place::Hyphen {
            self.take(b"-");
        }
        self.end_stretch();
        self.skeleton
    }

    /// Keeps or leaves out some bytes of a line that is no boundary.
    fn take(&mut self, bytes: &[u8]) {
        let most = match self.skeleton.bytes.len() {
            0..LARGE => self.most_kept,
            LARGE..FULL => self.most_kept.min(SMALL),
            _ => 0,
        };
        let most = if self.in_body || most == 0 { most } else { HEADER };
        let room = if self.left_out == 0 && self.end.is_empty() {
            most.saturating_sub(self.kept)
        } else {
            0
        };
        let (kept, rest) = bytes.split_at(room.min(bytes.len()));
        self.keep(kept);
        self.kept += kept.len();
        let is_first = !rest.is_empty() && self.left_out == 0 && self.end.is_empty();
        if is_first && self.kept > 0 && self.skeleton.bytes.pop_if(|last| *last == b'\r').is_some() {
            // It must not become the line end of a boundary that LF alone precedes.
            self.leave_out(b"\r");
        }
        self.leave_out(rest);
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.skeleton.bytes.extend_from_slice(bytes);
    }

    /// Leaves bytes out, but for a line end that they end with.
    fn leave_out(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let (text, end) = bytes.split_at(text.len());
        if text.is_empty() && self.end == b"\r" && end == b"\n" {
            self.end.extend_from_slice(end);
            return;
        }
        self.left_out += (self.end.len() + text.len()) as u64;
        self.end.clear();
        self.end.extend_from_slice(end);
    }

    /// A boundary, or the end, follows.
    fn end_stretch(&mut self) {
        if self.left_out > 0 {
            self.skeleton.cuts.push(Cut {
                at: self.skeleton.bytes.len(),
                length: self.left_out,
            });
        }
        let end = std::mem::take(&mut self.end);
        self.keep(&end);
        self.in_body = false;
        (self.kept, self.left_out) = (0, 0);
    }
}
