//! A command line while its bytes come in.

/// The line so far.
#[derive(Debug, Default)]
pub(super) struct Line {
    bytes: Vec<u8>,
    /// It is over the limit, and only its end is looked for.
    too_long: bool,
}

impl Line {
    /// Moves bytes from `input` to the line, of which it holds `most`; true when it is complete.
    pub(super) fn read(&mut self, input: &mut &[u8], most: usize) -> bool {
        let end = input.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let (part, rest) = input.split_at(end.unwrap_or(input.len()));
        *input = rest;
        self.too_long |= self.bytes.len().saturating_add(part.len()) > most;
        if self.too_long {
            self.bytes.clear();
        } else {
            self.bytes.extend_from_slice(part);
        }
        end.is_some()
    }

    /// The line, of which nothing is left; `None` when it was too long.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        let Self { bytes, too_long } = std::mem::take(self);
        (!too_long).then_some(bytes)
    }
}
