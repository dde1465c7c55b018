//! Pictures that stand within a text: which files they are, and which of them are shown.

use std::collections::{BTreeMap, BTreeSet};

use super::files::File;
use super::mime::decode_base64;
use super::placeholder;

/// How many pictures are taken out of one text.
const MAX_DATA: usize = 100;

/// Takes the pictures out of markup that are written into it (`data:`, RFC 2397), and refers to them by `cid:` instead,
/// so that megabytes of base64 are no markup.
pub(super) fn take_data(html: String) -> (String, Vec<File>) {
    const START: &str = "data:image/";
    if !html.contains(START) {
        return (html, Vec::new());
    }
    let mut out = String::with_capacity(html.len());
    let mut files = Vec::new();
    let mut rest = html.as_str();
    while let Some((before, found)) = rest.split_once(START).filter(|_| files.len() < MAX_DATA) {
        out.push_str(before);
        let end = found
            .find(['"', '\'', '>', ')', ' ', '\n'])
            .unwrap_or(found.len());
        // Some programs break the lines of base64.
        let end = before
            .chars()
            .next_back()
            .filter(|quote| matches!(quote, '"' | '\''))
            .map_or(end, |quote| found.find(quote).unwrap_or(end));
        let (url, after) = found.split_at_checked(end).unwrap_or((found, ""));
        rest = after;
        let Some((kind, data)) = url.split_once(";base64,") else {
            continue;
        };
        let subtype = kind.split(';').next().unwrap_or_default();
        let mut file = File::unnamed(
            &format!("image/{}", subtype.to_lowercase()),
            decode_base64(data.as_bytes()),
        );
        // The length tells texts apart whose pictures have the same number.
        let id = format!("data-{}-{}", files.len(), html.len());
        out.push_str("cid:");
        out.push_str(&id);
        file.content_id = Some(id);
        files.push(file);
    }
    out.push_str(rest);
    (out, files)
}

/// The files of a mail that its text may show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pictures<'a>(pub(super) &'a [File]);

impl Pictures<'_> {
    /// Width and height of the picture that `source` refers to.
    pub(super) fn size(self, source: &str) -> Option<(u32, u32)> {
        let file = self.0.iter().find(|file| file.is_called(source))?;
        file.content.dimensions()
    }

    /// Where the text's pictures will be, by what refers to them: the placeholders of their uploads. `idle` pictures are
    /// not uploaded; the only file of a mail is shown with the text as its caption, and not in it.
    pub(super) fn places(self, idle: &BTreeSet<String>) -> BTreeMap<String, String> {
        let shown: Vec<&File> = self.0.iter().filter(|file| !file.is_any_of(idle)).collect();
        if shown.len() < 2 {
            return BTreeMap::new();
        }
        let pictures = shown.iter().enumerate().filter(|(_, file)| file.is_picture());
        pictures
            .flat_map(|(index, file)| file.sources().map(move |source| (source, placeholder(index))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_in_the_markup_become_files() {
        let html = "<img src=\"data:image/png;base64,iVBORw0K\nGgo=\"><img src='data:image/gif;base64,R0lG'>\
                    <p style=\"background:url(data:image/svg+xml,x)\">data:image/ is a word"
            .to_owned();
        let length = html.len();
        let (html, files) = take_data(html);
        assert_eq!(
            html,
            format!(
                "<img src=\"cid:data-0-{length}\"><img src='cid:data-1-{length}'><p style=\"background:url()\"> is a word"
            )
        );
        let bytes: Vec<&[u8]> = files.iter().map(|file| file.content.at_hand()).collect();
        assert_eq!(bytes, [&b"\x89PNG\r\n\x1a\n"[..], b"GIF"]);
        assert_eq!(files[1].media_type, "image/gif");
    }
}
