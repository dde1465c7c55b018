//! RTF as text (Rich Text Format 1.9.1), or as the HTML that it was made of (MS-OXRTFEX).

use std::collections::BTreeMap;

use super::characters;
use crate::convert::to_matrix::mime::charset;

/// How deeply groups are followed, and how many fonts are remembered.
const MAX_DEPTH: usize = 200;
const MAX_FONTS: usize = 1_000;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Rtf {
    /// It was text.
    Text(String),
    /// It was HTML, which Outlook keeps inside RTF.
    Html(String),
}

/// Reads RTF, as far as it goes; `None` when it is none.
pub(in super::super) fn read(rtf: &[u8]) -> Option<Rtf> {
    if !rtf.starts_with(b"{\\rtf") {
        return None;
    }
    let mut reader = Reader {
        rest: rtf,
        out: String::new(),
        bytes: Vec::new(),
        group: Group {
            fallback: 1,
            ..Group::default()
        },
        outer: Vec::new(),
        deeper: 0,
        code_page: None,
        fonts: BTreeMap::new(),
        of_html: false,
        skip: 0,
        surrogate: None,
    };
    while reader.step().is_some() {}
    reader.flush();
    Some(if reader.of_html {
        Rtf::Html(reader.out)
    } else {
        Rtf::Text(reader.out)
    })
}

/// What a group is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Destination {
    /// The text.
    #[default]
    Body,
    /// The table of fonts.
    Fonts,
    /// A tag of the HTML.
    Tag,
    /// Nothing that is shown.
    Hidden,
}

/// What holds within a group.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    destination: Destination,
    /// `\*`: what is not known here is to be passed over.
    optional: bool,
    /// How many characters behind `\u` stand for it in programs that do not know it.
    fallback: usize,
    font: i32,
    /// It repeats for readers of RTF what the HTML says.
    for_rtf: bool,
    /// Not shown (`\v`).
    invisible: bool,
}

struct Reader<'a> {
    rest: &'a [u8],
    out: String,
    /// Bytes in a code page that wait for the others of their character.
    bytes: Vec<u8>,
    group: Group,
    outer: Vec<Group>,
    /// How many groups are open beyond those that are followed.
    deeper: usize,
    code_page: Option<&'static str>,
    fonts: BTreeMap<i32, &'static str>,
    of_html: bool,
    /// How many characters are passed over, because a `\u` stands for them.
    skip: usize,
    /// The first half of a character beyond the basic plane.
    surrogate: Option<u16>,
}

impl Reader<'_> {
    /// Reads one thing; `None` at the end.
    fn step(&mut self) -> Option<()> {
        match self.next()? {
            b'{' => {
                self.flush();
                if self.outer.len() < MAX_DEPTH {
                    self.outer.push(self.group);
                } else {
                    self.deeper += 1;
                }
            }
            b'}' => {
                self.flush();
                if self.deeper > 0 {
                    self.deeper -= 1;
                } else {
                    // What stands behind the outermost group is no RTF.
                    self.group = self.outer.pop().filter(|_| !self.outer.is_empty())?;
                }
            }
            b'\\' => return self.control(),
            b'\r' | b'\n' => {}
            byte => self.byte(byte),
        }
        Some(())
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn control(&mut self) -> Option<()> {
        let is_letter = self.rest.first()?.is_ascii_alphabetic();
        if !is_letter {
            match self.next()? {
                b'\'' => {
                    let digits = [self.next()?, self.next()?];
                    let digits = std::str::from_utf8(&digits).ok();
                    if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                        self.byte(byte);
                    }
                }
                b'*' => self.group.optional = true,
                b'~' => self.text("\u{a0}"),
                b'_' => self.text("\u{2011}"),
                b'\r' | b'\n' => self.text("\n"),
                symbol @ (b'\\' | b'{' | b'}') => self.byte(symbol),
                _ => {}
            }
            return Some(());
        }
        let length = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let (word, rest) = self.rest.split_at_checked(length)?;
        let minus = usize::from(rest.first() == Some(&b'-'));
        let digits = rest
            .iter()
            .skip(minus)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (number, rest) = rest.split_at_checked(if digits > 0 { minus + digits } else { 0 })?;
        self.rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let word = std::str::from_utf8(word).unwrap_or_default();
        let number = std::str::from_utf8(number)
            .ok()
            .and_then(|number| number.parse::<i32>().ok());
        self.word(word, number);
        Some(())
    }

    fn word(&mut self, word: &str, number: Option<i32>) {
        let is_on = number != Some(0);
        let optional = std::mem::take(&mut self.group.optional);
        match word {
            "u" => {
                self.unicode(number.unwrap_or_default());
                self.skip = self.group.fallback;
            }
            "bin" => {
                let length = usize::try_from(number.unwrap_or_default()).unwrap_or(0);
                self.rest = self.rest.get(length..).unwrap_or_default();
            }
            "uc" => self.group.fallback = usize::try_from(number.unwrap_or(1)).unwrap_or(0).min(8),
            "ansicpg" => self.code_page = number.and_then(characters::of_code_page),
            "mac" => self.code_page = self.code_page.or(characters::of_code_page(10_000)),
            "f" => {
                self.flush();
                self.group.font = number.unwrap_or_default();
            }
            "fcharset" if self.group.destination == Destination::Fonts => {
                if let Some(encoding) = number.and_then(characters::of_font)
                    && self.fonts.len() < MAX_FONTS
                {
                    self.fonts.insert(self.group.font, encoding);
                }
            }
            "fromhtml" => self.of_html |= is_on,
            "htmlrtf" => {
                self.flush();
                self.group.for_rtf = is_on;
            }
            "htmltag" => self.group.destination = Destination::Tag,
            "v" => {
                self.flush();
                self.group.invisible = is_on;
            }
            "plain" => {
                self.flush();
                self.group.invisible = false;
            }
            "fonttbl" => self.group.destination = Destination::Fonts,
            "colortbl" | "stylesheet" | "info" | "pict" | "object" | "header" | "headerl" | "headerr"
            | "headerf" | "footer" | "footerl" | "footerr" | "footerf" | "footnote" => {
                self.group.destination = Destination::Hidden;
            }
            _ if optional => self.group.destination = Destination::Hidden,
            _ => {
                if let Some(text) = characters::of_word(word) {
                    self.text(text);
                }
            }
        }
    }

    fn is_shown(&self) -> bool {
        let group = &self.group;
        match group.destination {
            Destination::Tag => self.of_html,
            Destination::Body => !(group.invisible || (self.of_html && group.for_rtf)),
            Destination::Fonts | Destination::Hidden => false,
        }
    }

    /// A byte of text.
    fn byte(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.is_shown() {
            self.bytes.push(byte);
        }
    }

    /// The bytes that waited, as text.
    fn flush(&mut self) {
        self.skip = 0;
        if self.bytes.is_empty() {
            return;
        }
        let encoding = self.fonts.get(&self.group.font).copied().or(self.code_page);
        self.out.push_str(&charset::decode(
            &self.bytes,
            Some(encoding.unwrap_or("windows-1252")),
        ));
        self.bytes.clear();
    }

    fn text(&mut self, text: &str) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        self.flush();
        if self.is_shown() {
            self.out.push_str(text);
        }
    }

    /// A character by its number: a signed 16-bit one, so that two make one beyond the basic plane.
    fn unicode(&mut self, number: i32) {
        self.flush();
        if !self.is_shown() {
            return;
        }
        let unit = u16::try_from(number.rem_euclid(0x1_0000)).unwrap_or_default();
        let units: Vec<u16> = self.surrogate.take().into_iter().chain([unit]).collect();
        if units.len() == 1 && (0xd800..0xdc00).contains(&unit) {
            self.surrogate = Some(unit);
            return;
        }
        self.out.push_str(&String::from_utf16_lossy(&units));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rtf: &str) -> String {
        match read(rtf.as_bytes()) {
            Some(Rtf::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn text_comes_out_in_its_characters() {
        for (rtf, expected) in [
            (
                r"{\rtf1\ansi\ansicpg1252\pard Hello\line Bob\par\pard {\b bold} \endash  end\par}",
                "Hello\nBob\nbold – end\n",
            ),
            (
                r"{\rtf1\ansi\ansicpg1252 Gr\'fc\'dfe, 5 \'80\~!}",
                "Grüße, 5 €\u{a0}!",
            ),
            (r"{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2}", "Привет"),
            (
                r"{\rtf1\ansi{\fonttbl{\f0 Arial;}{\f1\fcharset128 MS Gothic;}}\f1\'82\'b1\'82\'f1\f0 x}",
                "こんx",
            ),
            (
                r"{\rtf1\ansi\uc1\u26085?\u26412? \u-10179?\u-8704?{\uc2\u8364\'80\'81 x}}",
                "日本 😀€ x",
            ),
            (
                r"{\rtf1{\fonttbl{\f0 Arial;}}{\colortbl;\red0;}{\*\generator Riched20;}{\info{\author Alice}}shown{\v hidden}}",
                "shown",
            ),
            (r"{\rtf1 a\{b\}\\c{\pict\bin4 {{{{}d}", "a{b}\\cd"),
            ("{\\rtf1 one\\\ntwo\nthree} behind", "one\ntwothree"),
        ] {
            assert_eq!(text(rtf), expected, "{rtf}");
        }
        assert_eq!(read(b"plain"), None);
    }

    #[test]
    fn html_comes_out_as_it_was() {
        let rtf = r"{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}}
{\*\htmltag19 <html>}{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Gr\'fc\'dfe {\*\htmltag84 <b>}\htmlrtf {\b\htmlrtf0 bold{\*\htmltag92 </b>}\htmlrtf }\htmlrtf0 {\*\htmltag84 &lt;}\htmlrtf <\htmlrtf0 {\*\mhtmltag84 <x>}{\*\htmltag72 </p>}\htmlrtf\par}\htmlrtf0
{\*\htmltag27 </html>}}";
        let Some(Rtf::Html(html)) = read(rtf.as_bytes()) else {
            panic!()
        };
        assert_eq!(html, "<html><p>Grüße <b>bold</b>&lt;</p></html>");
    }

    #[test]
    fn hostile_rtf_ends() {
        let deep = format!("{{\\rtf1 {}x", "{".repeat(100_000));
        assert_eq!(text(&deep), "x");
        for rtf in [
            r"{\rtf1 \'",
            r"{\rtf1 \'zz\u",
            r"{\rtf1\bin99999999999 x}",
            r"{\rtf1\uc-5\u99999999 x}}}}",
            r"{\rtf1 \u55357x",
        ] {
            text(rtf);
        }
        let whole =
            r"{\rtf1\ansi\uc1{\fonttbl{\f1\fcharset128 A;}}\f1\'82\'b1\u26085?{\*\x y}\bin2 ab}".as_bytes();
        for end in 5..whole.len() {
            read(&whole[..end]);
        }
    }
}
