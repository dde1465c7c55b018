//! Where a response of the server ends: lines, and literals between them (RFC 3501, section 4.3). Fed bytes, without I/O.

/// The longest response without its literals: the answer to a search for a million messages fits.
const MAX_LINES: usize = 12 * 1024 * 1024;
/// Literals in one response at the most. We ask for one.
const MAX_LITERALS: usize = 16;

/// A response as it came: pieces of its line, and the literals between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) pieces: Vec<Piece>,
}

/// A part of a response.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text up to a line end or to the announcement of a literal, without either.
    Line(Vec<u8>),
    /// Bytes that may be anything.
    Literal(Vec<u8>),
}

impl std::fmt::Debug for Piece {
    /// Mail is in there: nobody gets to see more than how much.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(line) => write!(f, "Line({} bytes)", line.len()),
            Self::Literal(bytes) => write!(f, "Literal({} bytes)", bytes.len()),
        }
    }
}

/// A response that is larger than it may be. The rest of it still comes, so that the connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sends more than it was asked for")]
pub(super) struct TooLarge;

/// Puts responses together.
#[derive(Debug, Default)]
pub(super) struct Framer {
    frame: Frame,
    line: Vec<u8>,
    literal: Vec<u8>,
    /// Bytes of a literal that are still to come.
    left: usize,
    in_literal: bool,
    /// What the lines of this response hold so far.
    lines: usize,
}

impl Framer {
    /// Takes bytes off `input`; gives a response when one is complete. All its literals together have `most` bytes at the most.
    pub(super) fn feed(&mut self, input: &mut &[u8], most: usize) -> Result<Option<Frame>, TooLarge> {
        while !input.is_empty() {
            if self.in_literal {
                let (bytes, rest) = input.split_at(self.left.min(input.len()));
                self.literal.extend_from_slice(bytes);
                self.left -= bytes.len();
                *input = rest;
                self.end_literal();
                continue;
            }
            let end = input.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let (bytes, rest) = input.split_at(end.unwrap_or(input.len()));
            *input = rest;
            self.lines = self.lines.saturating_add(bytes.len());
            if self.lines > MAX_LINES {
                return Err(TooLarge);
            }
            self.line.extend_from_slice(bytes);
            if end.is_none() {
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some((text, length)) = announced(line) else {
                self.frame.pieces.push(Piece::Line(line.to_vec()));
                self.lines = 0;
                return Ok(Some(std::mem::take(&mut self.frame)));
            };
            if length > most.saturating_sub(self.frame.literals())
                || self.frame.pieces.len() > 2 * MAX_LITERALS
            {
                return Err(TooLarge);
            }
            self.frame.pieces.push(Piece::Line(text.to_vec()));
            (self.in_literal, self.left) = (true, length);
            self.end_literal();
        }
        Ok(None)
    }

    fn end_literal(&mut self) {
        if self.left == 0 {
            self.in_literal = false;
            self.frame
                .pieces
                .push(Piece::Literal(std::mem::take(&mut self.literal)));
        }
    }
}

impl Frame {
    /// Bytes of its literals.
    fn literals(&self) -> usize {
        let sizes = self.pieces.iter().map(|piece| match piece {
            Piece::Line(_) => 0,
            Piece::Literal(bytes) => bytes.len(),
        });
        sizes.sum()
    }
}

/// The text before `{123}` at the end of a line, and the number. Servers may write `{123+}` and `~{123}` too (RFC 7888, RFC 3516).
fn announced(line: &[u8]) -> Option<(&[u8], usize)> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    let (text, number) = inner.split_at_checked(open)?;
    let number = number.strip_prefix(b"{")?;
    let number = number.strip_suffix(b"+").unwrap_or(number);
    if number.is_empty() || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length = str::from_utf8(number).ok()?.parse().unwrap_or(usize::MAX);
    Some((text.strip_suffix(b"~").unwrap_or(text), length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> Piece {
        Piece::Line(text.as_bytes().to_vec())
    }

    fn literal(text: &str) -> Piece {
        Piece::Literal(text.as_bytes().to_vec())
    }

    /// Eleven bytes of mail: what looks like an announcement among them is none.
    const TWO: &str = "* 1 FETCH (UID 7 BODY[] {11}\r\nA: b\r\n\r\n{3})\r\n* 2 EXISTS\r\n";

    fn frames(input: &[u8], step: usize, most: usize) -> Result<Vec<Frame>, TooLarge> {
        let (mut framer, mut found) = (Framer::default(), Vec::new());
        for mut chunk in input.chunks(step.max(1)) {
            while !chunk.is_empty() {
                found.extend(framer.feed(&mut chunk, most)?);
            }
        }
        Ok(found)
    }

    #[test]
    fn literals_are_cut_out() {
        let whole = frames(TWO.as_bytes(), 1000, 11).unwrap();
        assert_eq!(whole.len(), 2);
        let expected = [
            line("* 1 FETCH (UID 7 BODY[] "),
            literal("A: b\r\n\r\n{3}"),
            line(")"),
        ];
        assert_eq!(whole[0].pieces, expected);
        assert_eq!(whole[1].pieces, [line("* 2 EXISTS")]);
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_read() {
        for text in [
            "* {12}\r\n",
            "* {99999999999999999999999}\r\n",
            "* {6}\r\n123456 {6}\r\n",
        ] {
            assert_eq!(frames(text.as_bytes(), 1000, 11), Err(TooLarge), "{text}");
        }
        let endless = vec![b'x'; MAX_LINES + 1];
        assert_eq!(frames(&endless, 4096, 11), Err(TooLarge));
        let many = "{0}\r\n".repeat(100);
        assert_eq!(frames(many.as_bytes(), 4096, 11), Err(TooLarge));
    }

    #[test]
    fn braces_that_announce_nothing_are_text() {
        for text in ["* OK {x}", "* OK {}", "* OK }", "* OK {1} ", "* OK {-1}"] {
            let found = frames(format!("{text}\n").as_bytes(), 3, 100).unwrap();
            assert_eq!(
                found,
                [Frame {
                    pieces: vec![line(text)]
                }]
            );
        }
    }

    proptest! {
        #[test]
        fn properties_it_does_not_matter_how_the_bytes_are_cut(step in 1_usize..80) {
            prop_assert_eq!(frames(TWO.as_bytes(), step, 11), frames(TWO.as_bytes(), 1000, 11));
        }

        #[test]
        fn properties_no_bytes_break_it(bytes in prop::collection::vec(prop::sample::select(b"{}0123+~* ()\"\\\r\nUIDFETCH[]".to_vec()), 0..200)) {
            let _ = frames(&bytes, 7, 20);
        }
    }
}
