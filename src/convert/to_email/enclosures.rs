//! The files that a mail encloses: attached to it, or shown in its HTML part.

use std::collections::BTreeMap;

use ruma::{MxcUri, OwnedMxcUri};

use super::mime::{Disposition, FileBody, Part};
use super::{Bytes, MediaBytes, file};

/// Types that every mail program shows in its place.
const SHOWN_IN_PLACE: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Gathers the files of one mail, up to a total size.
#[derive(Debug)]
pub(super) struct Enclosures<'a> {
    within: &'a BTreeMap<OwnedMxcUri, MediaBytes>,
    /// Bytes that may still be enclosed.
    room: u64,
    /// What `Content-ID`s are made of: the same for the same mail, and for no other.
    seed: String,
    domain: String,
    /// Whether pictures may be shown in the HTML part at all.
    in_place_too: bool,
    /// Where the pictures of texts were placed; `None` for those that stand apart.
    placed: BTreeMap<String, Option<String>>,
    /// Files that stand apart.
    pub(super) attached: Vec<Part<'a>>,
    /// Pictures that the HTML part refers to.
    pub(super) in_place: Vec<Part<'a>>,
}

/// A file with its safe name and its type.
pub(super) struct File<'a> {
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) body: FileBody<'a>,
}

impl<'a> Enclosures<'a> {
    /// No files yet; `within` are those that messages refer to besides their own, `room` is the size of all files in bytes.
    pub(super) fn new(
        within: &'a BTreeMap<OwnedMxcUri, MediaBytes>,
        room: u64,
        seed: &str,
        domain: &str,
    ) -> Self {
        Self {
            within,
            room,
            seed: seed.to_owned(),
            domain: domain.to_owned(),
            in_place_too: true,
            placed: BTreeMap::new(),
            attached: Vec::new(),
            in_place: Vec::new(),
        }
    }

    /// The same for a mail in which all pictures are attached.
    pub(super) fn apart(self) -> Self {
        Self {
            in_place_too: false,
            ..self
        }
    }

    /// Attaches a file; gives it back when the mail would become too large.
    pub(super) fn attach(&mut self, file: File<'a>, disposition: Disposition) -> Result<(), File<'a>> {
        if !self.takes(file.body.size()) {
            return Err(file);
        }
        self.attached.push(part(file, disposition, None));
        Ok(())
    }

    /// Places a picture in the HTML part and gives its `Content-ID` (RFC 2392), without angle brackets; gives the file back when mail
    /// programs would not show it, or the mail would become too large.
    pub(super) fn place(&mut self, file: File<'a>) -> Result<String, File<'a>> {
        if !self.in_place_too
            || !SHOWN_IN_PLACE.contains(&file.content_type.as_str())
            || !self.takes(file.body.size())
        {
            return Err(file);
        }
        let content_id = format!("{}.{}@{}", self.in_place.len() + 1, self.seed, self.domain);
        self.in_place
            .push(part(file, Disposition::Inline, Some(content_id.clone())));
        Ok(content_id)
    }

    /// The bytes of a file that a message refers to besides its own.
    pub(super) fn media_within(&self, uri: &str) -> Option<&'a MediaBytes> {
        self.within.get(<&MxcUri>::from(uri))
    }

    /// The `Content-ID` of a picture that a text refers to; `None` when it could not be had, or stands apart.
    pub(super) fn picture(&mut self, uri: &str) -> Option<String> {
        if let Some(content_id) = self.placed.get(uri) {
            return content_id.clone();
        }
        let Bytes {
            content_type,
            start,
            body,
        } = self.media_within(uri)?.bytes()?;
        let content_type = file::content_type(content_type, start);
        let file = File {
            name: file::name("", "picture", &content_type),
            content_type,
            body,
        };
        let content_id = match self.place(file) {
            Ok(content_id) => Some(content_id),
            Err(file) if !self.in_place_too => {
                self.attach(file, Disposition::Inline).ok()?;
                None
            }
            Err(_) => return None,
        };
        self.placed.insert(uri.to_owned(), content_id.clone());
        content_id
    }

    fn takes(&mut self, size: u64) -> bool {
        let room = self.room.checked_sub(size);
        self.room = room.unwrap_or(self.room);
        room.is_some()
    }
}

fn part(file: File<'_>, disposition: Disposition, content_id: Option<String>) -> Part<'_> {
    Part::File {
        content_type: file.content_type,
        disposition,
        name: file.name,
        content_id,
        body: file.body,
    }
}
