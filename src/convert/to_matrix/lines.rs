//! A mail's text as lines: the one form in which quotations and signatures are looked for.

use crate::convert::html::NodeId;

/// What the structure of the mail says about a line, before its words are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Zone {
    /// Nothing.
    #[default]
    Body,
    /// It is in a quotation that the writer made: somebody else's words, not what is answered.
    Own,
    /// It is in an element that mail programs put attributions in (`gmail_attr`, `moz-cite-prefix`).
    Attribution,
    /// It is in an element that mail programs put quotations in (`gmail_quote`, `yahoo_quoted`).
    Quote,
    /// It is in an element that mail programs put signatures in (`gmail_signature`).
    Signature,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The text without the marks of quotation.
    pub(super) text: String,
    /// How many levels of quotation it is in.
    pub(super) depth: usize,
    /// The text as it stood in the mail, marks included.
    pub(super) source: String,
    /// What the structure says.
    pub(super) zone: Zone,
    /// The leaves of the HTML tree that it shows.
    pub(super) nodes: Vec<NodeId>,
}

impl Line {
    /// True when there is nothing to read in it.
    pub(super) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Shown.
    New,
    /// Left out: a quotation, or the line that introduces one.
    Quote,
    /// Left out: a signature, a footer.
    Signature,
}

/// Joins the lines that have a role for which `wanted` holds; runs of blank lines become one, blank edges go.
pub(super) fn join(lines: &[Line], roles: &[Role], wanted: impl Fn(Role) -> bool) -> String {
    let mut out = String::new();
    let mut blank = 0;
    for (line, role) in lines.iter().zip(roles) {
        if !wanted(*role) {
            continue;
        }
        let text = line.source.trim_end();
        if text.is_empty() {
            blank += 1;
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
            // Two blank lines and more are one paragraph break in a chat.
            if blank > 0 {
                out.push('\n');
            }
        }
        blank = 0;
        out.push_str(text);
    }
    dedent(&out)
}

/// Takes away the indentation that all lines share: Yahoo and quoting programs indent whole mails.
fn dedent(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let shared = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(indent)
        .min()
        .unwrap_or(0);
    if shared == 0 {
        return text.to_owned();
    }
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.get(shared..).unwrap_or_default())
        .collect();
    lines.join("\n")
}
