//! What a server says (RFC 3501, section 7), as far as we ask for it. Lenient: what is not understood is passed over.

use std::collections::BTreeSet;

use super::frame::{Frame, Piece};

/// Words and brackets of an answer to FETCH that are looked at. We ask for two things.
const MAX_TOKENS: usize = 10_000;

/// The longest text of a server that is shown to an admin.
const MAX_TEXT: usize = 200;

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Response {
    /// The end of a command, with its tag.
    Done(String, Condition),
    /// `+`: the server waits for more.
    Continue,
    /// `* OK`, `* NO`, `* BAD`, `* BYE`, `* PREAUTH`: about no command in particular.
    Condition(Condition),
    /// In capitals.
    Capability(BTreeSet<String>),
    /// Messages in the mailbox.
    Exists,
    /// UIDs, as asked for by UID SEARCH.
    Search(Vec<u32>),
    /// What is known of a message.
    Fetch(Fetched),
    /// Anything else.
    Other,
}

/// A word, perhaps a code, and text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) status: Status,
    pub(super) code: Code,
    /// One line, short, printable.
    pub(super) text: String,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    No,
    Bad,
    Bye,
    Preauth,
}

/// The codes that are of use here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Code {
    UidValidity(u32),
    UidNext(u32),
    /// Whether new keywords can be set.
    PermanentFlags {
        keywords: bool,
    },
    /// The folder is not there, and could be made.
    TryCreate,
    None,
}

/// A message, or a part of what is known of one.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Fetched {
    pub(super) uid: Option<u32>,
    pub(super) size: Option<u64>,
    pub(super) body: Option<Vec<u8>>,
    /// Where in the message the body begins, when it is a part of it.
    pub(super) from: Option<u64>,
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fetched({:?}, {:?})", self.uid, self.size)
    }
}

impl Response {
    /// Reads a response.
    pub(super) fn read(frame: Frame) -> Self {
        let first = match frame.pieces.first() {
            Some(Piece::Line(line)) => line.as_slice(),
            _ => return Self::Other,
        };
        if first.starts_with(b"+") {
            return Self::Continue;
        }
        let text = String::from_utf8_lossy(first).into_owned();
        let (tag, rest) = text.split_once(' ').unwrap_or((&text, ""));
        if tag != "*" {
            return condition(rest).map_or(Self::Other, |condition| Self::Done(tag.to_owned(), condition));
        }
        if let Some(condition) = condition(rest) {
            return Self::Condition(condition);
        }
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let rest = rest.trim();
        match word.to_ascii_uppercase().as_str() {
            "CAPABILITY" => Self::Capability(words(rest)),
            "SEARCH" => Self::Search(rest.split(' ').filter_map(|uid| uid.parse().ok()).collect()),
            _ if word.bytes().all(|byte| byte.is_ascii_digit()) => {
                let kind = rest.split(' ').next().unwrap_or_default();
                match kind.to_ascii_uppercase().as_str() {
                    "EXISTS" => Self::Exists,
                    "FETCH" => Self::Fetch(fetched(frame)),
                    _ => Self::Other,
                }
            }
            _ => Self::Other,
        }
    }
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(' ').map(str::to_ascii_uppercase).collect()
}

fn condition(text: &str) -> Option<Condition> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let status = match word.to_ascii_uppercase().as_str() {
        "OK" => Status::Ok,
        "NO" => Status::No,
        "BAD" => Status::Bad,
        "BYE" => Status::Bye,
        "PREAUTH" => Status::Preauth,
        _ => return None,
    };
    let coded = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (code, text) = coded.unwrap_or(("", rest));
    Some(Condition {
        status,
        code: read_code(code),
        text: printable(text),
    })
}

fn printable(text: &str) -> String {
    let chars = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    chars.take(MAX_TEXT).collect::<String>().trim().to_owned()
}

fn read_code(code: &str) -> Code {
    let (word, value) = code.split_once(' ').unwrap_or((code, ""));
    let number = || value.trim().parse().ok();
    match word.to_ascii_uppercase().as_str() {
        // Zero is none (RFC 3501, section 9), and would be taken for that of a mailbox of which nothing is known yet.
        "UIDVALIDITY" => number()
            .filter(|number| *number != 0)
            .map_or(Code::None, Code::UidValidity),
        "UIDNEXT" => number().map_or(Code::None, Code::UidNext),
        "PERMANENTFLAGS" => Code::PermanentFlags {
            keywords: value.contains("\\*"),
        },
        "TRYCREATE" => Code::TryCreate,
        _ => Code::None,
    }
}

/// A part of the list that FETCH answers.
#[derive(Debug)]
enum Token {
    Open,
    Close,
    Word(Vec<u8>),
    Text(Vec<u8>),
}

fn fetched(frame: Frame) -> Fetched {
    let mut found = Fetched::default();
    let mut tokens = tokens(frame).into_iter();
    let mut depth = 0_usize;
    let mut name: Option<Vec<u8>> = None;
    for token in &mut tokens {
        let is_text = matches!(token, Token::Text(_));
        let value = match token {
            Token::Open => {
                depth += 1;
                // A list as a value is none of those that we asked for.
                if depth == 2 {
                    name = None;
                }
                continue;
            }
            Token::Close => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Token::Word(_) | Token::Text(_) if depth != 1 => continue,
            Token::Word(word) => match name.take() {
                None => {
                    name = Some(word.to_ascii_uppercase());
                    continue;
                }
                Some(name) => (name, word),
            },
            Token::Text(text) => match name.take() {
                None => continue,
                Some(name) => (name, text),
            },
        };
        let number = || str::from_utf8(&value.1).ok()?.parse::<u64>().ok();
        match value.0.as_slice() {
            b"UID" => found.uid = number().and_then(|uid| u32::try_from(uid).ok()),
            b"RFC822.SIZE" => found.size = number(),
            // The other way to say it is NIL.
            b"BODY[]" if is_text => found.body = Some(value.1),
            name if is_text && let Some(from) = origin(name) => {
                (found.from, found.body) = (Some(from), Some(value.1));
            }
            _ => {}
        }
    }
    found
}

/// The number in `BODY[]<1048576>`.
fn origin(name: &[u8]) -> Option<u64> {
    let number = name.strip_prefix(b"BODY[]<")?.strip_suffix(b">")?;
    str::from_utf8(number).ok()?.parse().ok()
}

fn tokens(frame: Frame) -> Vec<Token> {
    let mut tokens = Vec::new();
    for piece in frame.pieces {
        match piece {
            Piece::Literal(bytes) => tokens.push(Token::Text(bytes)),
            Piece::Line(line) => split(&line, &mut tokens),
        }
    }
    tokens
}

fn split(line: &[u8], tokens: &mut Vec<Token>) {
    let mut bytes = line.iter().copied().peekable();
    while tokens.len() < MAX_TOKENS
        && let Some(byte) = bytes.next()
    {
        match byte {
            b' ' => {}
            b'(' => tokens.push(Token::Open),
            b')' => tokens.push(Token::Close),
            b'"' => {
                let mut text = Vec::new();
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => text.extend(bytes.next()),
                        _ => text.push(byte),
                    }
                }
                tokens.push(Token::Text(text));
            }
            _ => {
                let mut word = vec![byte];
                let mut in_brackets = byte == b'[';
                // `BODY[HEADER.FIELDS (FROM)]` is one word.
                while let Some(byte) = bytes.next_if(|byte| in_brackets || !b" ()\"".contains(byte)) {
                    in_brackets = byte == b'[' || (in_brackets && byte != b']');
                    word.push(byte);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mail::imap::frame::Framer;

    fn read(text: &str) -> Response {
        let mut input = text.as_bytes();
        Response::read(Framer::default().feed(&mut input, 1000).unwrap().unwrap())
    }

    fn says(status: Status, code: Code, text: &str) -> Condition {
        Condition {
            status,
            code,
            text: text.to_owned(),
        }
    }

    #[test]
    fn responses() {
        let fetch = |uid, size, body: Option<&str>| {
            Response::Fetch(Fetched {
                uid,
                size,
                body: body.map(|body| body.as_bytes().to_vec()),
                from: None,
            })
        };
        for (text, expected) in [
            (
                "A1 OK done\r\n",
                Response::Done("A1".into(), says(Status::Ok, Code::None, "done")),
            ),
            (
                "A1 no [TRYCREATE] no folder\r\n",
                Response::Done("A1".into(), says(Status::No, Code::TryCreate, "no folder")),
            ),
            (
                "A1 BAD\r\n",
                Response::Done("A1".into(), says(Status::Bad, Code::None, "")),
            ),
            (
                "* BYE \x1b[2Jsee you\r\n",
                Response::Condition(says(Status::Bye, Code::None, "[2Jsee you")),
            ),
            (
                "* PREAUTH hello\r\n",
                Response::Condition(says(Status::Preauth, Code::None, "hello")),
            ),
            (
                "* OK [UIDVALIDITY 4294967295] x\r\n",
                Response::Condition(says(Status::Ok, Code::UidValidity(u32::MAX), "x")),
            ),
            (
                "* OK [UIDVALIDITY 4294967296] x\r\n",
                Response::Condition(says(Status::Ok, Code::None, "x")),
            ),
            (
                "* OK [UIDVALIDITY 0] x\r\n",
                Response::Condition(says(Status::Ok, Code::None, "x")),
            ),
            (
                "* OK [UIDNEXT 5]\r\n",
                Response::Condition(says(Status::Ok, Code::UidNext(5), "")),
            ),
            (
                "* OK [PERMANENTFLAGS (\\Seen \\*)] y\r\n",
                Response::Condition(says(Status::Ok, Code::PermanentFlags { keywords: true }, "y")),
            ),
            (
                "* OK [PERMANENTFLAGS (\\Seen)]\r\n",
                Response::Condition(says(Status::Ok, Code::PermanentFlags { keywords: false }, "")),
            ),
            ("+ idling\r\n", Response::Continue),
            ("+\r\n", Response::Continue),
            ("* 23 EXISTS\r\n", Response::Exists),
            ("* 23 EXPUNGE\r\n", Response::Other),
            ("* SEARCH 1 2 x 5000000000 7\r\n", Response::Search(vec![1, 2, 7])),
            ("* SEARCH\r\n", Response::Search(vec![])),
            ("* search 3\r\n", Response::Search(vec![3])),
            (
                "* capability IMAP4rev1 idle\r\n",
                Response::Capability(["IMAP4REV1", "IDLE"].map(String::from).into()),
            ),
            (
                "* 1 FETCH (UID 7 RFC822.SIZE 120)\r\n",
                fetch(Some(7), Some(120), None),
            ),
            (
                "* 1 FETCH (FLAGS (\\Seen UID 9) UID 7)\r\n",
                fetch(Some(7), None, None),
            ),
            (
                "* 1 FETCH (UID 7 BODY[] {3}\r\nabc)\r\n",
                fetch(Some(7), None, Some("abc")),
            ),
            (
                "* 1 fetch (body[] {3}\r\n(\"\" uid 7)\r\n",
                fetch(Some(7), None, Some("(\"\"")),
            ),
            (
                "* 1 FETCH (UID 7 BODY[] \"a \\\"b\\\"\")\r\n",
                fetch(Some(7), None, Some("a \"b\"")),
            ),
            (
                "* 1 FETCH (BODY[HEADER.FIELDS (TO)] {1}\r\nx UID 7)\r\n",
                fetch(Some(7), None, None),
            ),
            ("* 1 FETCH (UID x)\r\n", fetch(None, None, None)),
            ("* 1 FETCH (BODY[] NIL UID 7)\r\n", fetch(Some(7), None, None)),
            ("* 1 FETCH\r\n", fetch(None, None, None)),
            ("\r\n", Response::Other),
            ("garbage\r\n", Response::Other),
            ("* \r\n", Response::Other),
            ("*\r\n", Response::Other),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn parts_of_messages() {
        for (text, from, body) in [
            ("* 1 FETCH (UID 7 BODY[]<5> {3}\r\nabc)\r\n", Some(5), Some("abc")),
            (
                "* 1 FETCH (UID 7 BODY[]<1048576> \"\")\r\n",
                Some(1_048_576),
                Some(""),
            ),
            ("* 1 FETCH (UID 7 BODY[]<5> NIL)\r\n", None, None),
            ("* 1 FETCH (UID 7 BODY[]<x> \"a\")\r\n", None, None),
        ] {
            let expected = Fetched {
                uid: Some(7),
                size: None,
                body: body.map(|body: &str| body.as_bytes().to_vec()),
                from,
            };
            assert_eq!(read(text), Response::Fetch(expected), "{text:?}");
        }
    }

    #[test]
    fn brackets_without_end_fill_no_memory() {
        let mut found = Vec::new();
        split("(".repeat(1_000_000).as_bytes(), &mut found);
        assert_eq!(found.len(), MAX_TOKENS);
    }

    proptest! {
        #[test]
        fn properties_no_bytes_break_it(bytes in prop::collection::vec(prop::sample::select(b"{}012* ()\"\\\r\nUIDFETCH[]".to_vec()), 0..200)) {
            let mut framer = Framer::default();
            let mut input = bytes.as_slice();
            while let Ok(Some(frame)) = framer.feed(&mut input, 20) {
                Response::read(frame);
            }
        }
    }
}
