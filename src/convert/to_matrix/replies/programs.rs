//! How mail programs write a quotation below or above an answer.

use super::{ATTRIBUTIONS, BLOCKS};

/// A message that is quoted, in both forms.
pub(super) struct Quoted {
    pub(super) text: String,
    pub(super) html: String,
}

/// What a program writes above a quotation.
#[derive(Clone, Copy)]
pub(super) enum Introduction {
    /// "On …, Alice wrote:", in all languages.
    Attribution,
    /// `From:`, `Sent:`, `To:`, `Subject:`, in all languages.
    Block,
}

/// One program.
pub(super) struct Program {
    pub(super) name: &'static str,
    introduction: Introduction,
    /// What is quoted has marks or a structure of its own, so that an answer may stand below it.
    pub(super) marks: bool,
    /// The quotation with its introduction.
    pub(super) quote: fn(&str, &Quoted) -> String,
}

impl Program {
    /// The introductions that the program could have written.
    pub(super) fn introductions(&self) -> Vec<&'static str> {
        let whole = |text: &&&str| {
            self.marks || !(text.starts_with("Quoting") || text.starts_with("Alice Smith (2024"))
        };
        match self.introduction {
            Introduction::Attribution => ATTRIBUTIONS.iter().filter(whole).copied().collect(),
            Introduction::Block => BLOCKS.to_vec(),
        }
    }
}

const fn attributed(name: &'static str, quote: fn(&str, &Quoted) -> String) -> Program {
    Program {
        name,
        introduction: Introduction::Attribution,
        marks: true,
        quote,
    }
}

const fn headed(name: &'static str, quote: fn(&str, &Quoted) -> String) -> Program {
    Program {
        name,
        introduction: Introduction::Block,
        marks: false,
        quote,
    }
}

/// Wraps each line at a width, at blanks.
pub(super) fn wrap(text: &str, width: usize) -> String {
    let wrapped = text.lines().map(|line| {
        let mut out = String::new();
        let mut length = 0;
        for word in line.split(' ') {
            let chars = word.chars().count();
            if length > 0 && length + 1 + chars > width {
                out.push('\n');
                length = 0;
            } else if length > 0 {
                out.push(' ');
                length += 1;
            }
            out.push_str(word);
            length += chars;
        }
        out
    });
    wrapped.collect::<Vec<_>>().join("\n")
}

fn mark(text: &str, with: &str) -> String {
    let marked = text
        .lines()
        .map(|line| format!("{with}{line}").trim_end().to_owned());
    marked.collect::<Vec<_>>().join("\n")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn broken(text: &str) -> String {
    escape(text).replace('\n', "<br>\n")
}

/// A header block without the heading that others write above it.
fn without_rules(block: &str) -> String {
    let fields = block.lines().filter(|line| !line.starts_with(['-', '_']));
    fields.collect::<Vec<_>>().join("\n")
}

/// Programs that answer in plain text.
pub(super) const TEXT: &[Program] = &[
    attributed("Gmail, text", |on, of| {
        format!("{}\n\n{}", wrap(on, 76), mark(&of.text, "> "))
    }),
    attributed("mutt", |on, of| {
        format!("{on}\n{}", mark(&wrap(&of.text, 72), "> "))
    }),
    attributed("Thunderbird, text", |on, of| {
        format!("{}\n{}", wrap(on, 72), mark(&of.text, "> "))
    }),
    attributed("Apple Mail, text", |on, of| {
        mark(&format!("{on}\n\n{}", of.text), "> ")
    }),
    attributed("Usenet", |on, of| format!("{on}\n\n{}", mark(&of.text, ">"))),
    attributed("Lotus, initials", |on, of| {
        format!("{on}\n\n{}", mark(&of.text, "AS> "))
    }),
    Program {
        name: "Yahoo, text",
        introduction: Introduction::Attribution,
        marks: false,
        quote: |on, of| format!("    {on}\n \n {}", of.text.replace('\n', "\n ")),
    },
    headed("Outlook, text", |block, of| format!("{block}\n\n{}", of.text)),
    headed("Outlook for the web, text", |block, of| {
        format!("________________________________\n{block}\n\n{}", of.text)
    }),
    headed("Outlook Express", |block, of| {
        format!("----- Original Message -----\n{block}\n\n\n{}", of.text)
    }),
    headed("Outlook, marked", |block, of| {
        mark(
            &format!("-----Original Message-----\n{block}\n\n{}", of.text),
            "> ",
        )
    }),
    headed("Notes, text", |block, of| {
        format!(
            "\n\n{}\n\n\n\n{}",
            without_rules(block).replace(": ", ":        "),
            of.text
        )
    }),
    headed("eM Client, text", |block, of| {
        format!(
            "------ Original Message ------\n{}\n\n{}",
            without_rules(block),
            of.text
        )
    }),
    headed("BlackBerry 10", |block, of| {
        format!("  Original Message  \n{}\n\n{}", without_rules(block), of.text)
    }),
    headed("QQ, text", |block, of| {
        let block = without_rules(block);
        format!(
            "------------------&nbsp;原始邮件&nbsp;------------------\n{block}\n\n{}",
            of.text
        )
    }),
    headed("Samsung, text", |block, of| {
        format!("\n\n-------- Original message --------\n{block}\n\n{}", of.text)
    }),
];

/// Programs that answer in HTML.
pub(super) const HTML: &[Program] = &[
    attributed("Gmail", |on, of| {
        let on = escape(on);
        format!(
            "<br><div class=\"gmail_quote gmail_quote_container\"><div dir=\"ltr\" class=\"gmail_attr\">{on}<br></div><blockquote \
             class=\"gmail_quote\" style=\"margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex\">{}</blockquote></div>",
            of.html
        )
    }),
    attributed("Gmail before 2018", |on, of| {
        format!(
            "<div class=\"gmail_extra\"><br><div class=\"gmail_quote\">{}<br><blockquote class=\"gmail_quote\">{}</blockquote></div></div>",
            escape(on),
            of.html
        )
    }),
    attributed("K-9", |on, of| {
        format!(
            "<br><br><div class=\"gmail_quote\">{}<blockquote class=\"gmail_quote\" style=\"margin:0pt 0pt 0pt 0.8ex;border-left:1px solid \
             blue;padding-left:1ex\"><pre dir=\"auto\" class=\"k9mail\">{}</pre></blockquote></div>",
            escape(on),
            escape(&of.text)
        )
    }),
    attributed("Superhuman", |on, of| {
        format!(
            "<br><div><div class=\"gmail_signature\"></div></div><br><div><div class=\"gmail_quote\">{}<br><blockquote class=\"gmail_quote \
             sh-color-black\">{}</blockquote></div></div>",
            escape(on),
            of.html
        )
    }),
    headed("Notes", |block, of| {
        format!(
            "<br><br><br><font size=1>{}</font><br><hr noshade><br><br>{}",
            broken(without_rules(block).as_str()),
            of.html
        )
    }),
    attributed("Apple Mail", |on, of| {
        format!(
            "<div><br><blockquote type=\"cite\"><div>{}</div><br class=\"Apple-interchange-newline\"><div>{}</div></blockquote></div>",
            escape(on),
            of.html
        )
    }),
    attributed("Thunderbird", |on, of| {
        format!(
            "<div class=\"moz-cite-prefix\">{}<br></div><blockquote type=\"cite\" cite=\"mid:one@mail.example.org\">{}</blockquote>",
            escape(on),
            of.html
        )
    }),
    attributed("Yahoo", |on, of| {
        format!(
            "<div><br></div><div id=\"ydp1yahoo_quoted_1\" class=\"ydp1yahoo_quoted\"><div class=\"yahoo_quoted\"><div>{}</div>\
             <div><br></div><div>{}</div></div></div>",
            escape(on),
            of.html
        )
    }),
    attributed("Proton", |on, of| {
        format!(
            "<div class=\"protonmail_quote\">{}<br><blockquote class=\"protonmail_quote\" type=\"cite\">{}</blockquote></div>",
            escape(on),
            of.html
        )
    }),
    attributed("Roundcube", |on, of| {
        format!(
            "<p id=\"reply-intro\">{}</p><blockquote type=\"cite\">{}</blockquote>",
            escape(on),
            of.html
        )
    }),
    attributed("Airmail", |on, of| {
        format!(
            "<p class=\"airmail_on\">{}</p><blockquote type=\"cite\" class=\"clean_bq\"><span><div>{}</div></span></blockquote>",
            escape(on),
            of.html
        )
    }),
    attributed("Fastmail", |on, of| {
        format!(
            "<div>{}<br></div><blockquote type=\"cite\" id=\"qt\">{}</blockquote>",
            escape(on),
            of.html
        )
    }),
    attributed("Yandex", |on, of| {
        format!("<div>{}</div><blockquote>{}</blockquote>", escape(on), of.html)
    }),
    attributed("Mail.ru", |on, of| {
        format!(
            "<blockquote style=\"border-left:1px solid #0857A6;margin:10px;padding:0 0 0 10px\">{}<br><div id=\"style_1\">{}</div></blockquote>",
            escape(on),
            of.html
        )
    }),
    attributed("Mailspring", |on, of| {
        format!(
            "<br><div class=\"gmail_quote_attribution\">{}</div><blockquote class=\"gmail_quote\">{}</blockquote>",
            escape(on),
            of.html
        )
    }),
    attributed("Tuta", |on, of| {
        format!(
            "<br>{}<br><blockquote class=\"tutanota_quote\">{}</blockquote>",
            escape(on),
            of.html
        )
    }),
    attributed("Spark", |on, of| {
        format!(
            "<div name=\"messageReplySection\">{}<br /><blockquote type=\"cite\" class=\"spark_quote\">{}</blockquote></div>",
            escape(on),
            of.html
        )
    }),
    attributed("Zoho", |on, of| {
        format!(
            "<div class=\"zmail_extra\"><br>---- {} ----<br><br><blockquote style=\"border-left:1px solid #ccc\">{}</blockquote></div>",
            escape(on.trim_end_matches(':')),
            of.html
        )
    }),
    Program {
        name: "a web mailer without structure",
        introduction: Introduction::Attribution,
        marks: false,
        quote: |on, of| format!("<p>{}</p><p>{}</p>", escape(on), of.html),
    },
    headed("Outlook", |block, of| {
        format!(
            "<div><div style=\"border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm\"><p class=\"MsoNormal\">{}</p></div></div>\
             <p class=\"MsoNormal\">&nbsp;</p>{}",
            broken(block),
            of.html
        )
    }),
    headed("Outlook for the web", |block, of| {
        format!(
            "<div id=\"appendonsend\"></div><hr style=\"display:inline-block;width:98%\"><div id=\"divRplyFwdMsg\" dir=\"ltr\">{}<div>&nbsp;</div></div>{}",
            broken(block),
            of.html
        )
    }),
    headed("Outlook for mobiles", |block, of| {
        format!(
            "<div id=\"ms-outlook-mobile-body-separator-line\"></div><hr><div id=\"divRplyFwdMsg\">{}</div><div class=\"BodyFragment\">{}</div>",
            broken(block),
            of.html
        )
    }),
    headed("Outlook for Mac", |block, of| {
        format!(
            "<div><br></div><span id=\"OLK_SRC_BODY_SECTION\"><div>{}</div><div><br></div>{}</span>",
            broken(block),
            of.html
        )
    }),
    headed("GMX", |block, of| {
        format!(
            "<div name=\"quote\" style=\"margin:10px 5px 5px 10px;padding:10px 0 10px 10px;border-left:2px solid #C3D9E5\"><div>{}</div>\
             <div name=\"quoted-content\">{}</div></div>",
            broken(block),
            of.html
        )
    }),
    headed("Zimbra", |block, of| {
        format!(
            "<hr id=\"zwchr\" data-marker=\"__DIVIDER__\"><div data-marker=\"__HEADERS__\"><blockquote style=\"border-left:2px solid #1010FF\">{}</blockquote>\
             </div><div data-marker=\"__QUOTED_TEXT__\"><blockquote style=\"border-left:2px solid #1010FF\">{}</blockquote></div>",
            broken(block),
            of.html
        )
    }),
    headed("Samsung", |block, of| {
        format!(
            "<div>-------- Original message --------</div><div>{}</div><div><br></div>{}",
            broken(block),
            of.html
        )
    }),
    headed("QQ", |block, of| {
        format!(
            "<div><includetail><div>&nbsp;</div><div>------------------&nbsp;Original&nbsp;------------------</div><div>{}</div></includetail></div>{}",
            broken(block),
            of.html
        )
    }),
];
