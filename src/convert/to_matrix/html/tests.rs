//! Replies as the HTML of mail programs has them: what is left must be the new text, and nothing of it may be lost.

use crate::convert::to_matrix::{ThreadContext, convert};

const OLD: &str = "Hello Bob,<br><br>shall we meet for lunch?<br>Alice";

/// Mail program and markup; `OLD` stands for the quoted text.
const REPLIES: &[(&str, &str)] = &[
    (
        "Gmail",
        r#"<div dir="ltr">Yes, gladly.<div><br></div><div>See you</div></div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">On Tue, May 14, 2024 at 9:30 AM Alice &lt;<a href="mailto:alice@example.org">alice@example.org</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">OLD</blockquote></div>"#,
    ),
    (
        "Gmail in a language that no table has",
        r#"<div dir="ltr">Yes, gladly.<div><br></div><div>See you</div></div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">Je la mar Alice (alice@example.org) skribis<br></div><blockquote class="gmail_quote">OLD</blockquote></div>"#,
    ),
    (
        "Gmail of 2015",
        r#"<div dir="ltr">Yes, gladly.<div><br></div><div>See you</div></div><div class="gmail_extra"><br><div class="gmail_quote">2015-05-14 9:30 GMT+02:00 Alice <span dir="ltr">&lt;<a href="mailto:alice@example.org">alice@example.org</a>&gt;</span>:<br><blockquote class="gmail_quote" style="margin:0 0 0 .8ex">OLD</blockquote></div><br></div>"#,
    ),
    (
        "Gmail on Android",
        r#"<div dir="auto">Yes, gladly.<div dir="auto"><br></div><div dir="auto">See you</div></div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">Alice &lt;<a href="mailto:alice@example.org">alice@example.org</a>&gt; schrieb am Di., 14. Mai 2024, 09:30:<br></div><blockquote class="gmail_quote">OLD</blockquote></div>"#,
    ),
    (
        "Outlook",
        r#"<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal{margin:0}</style></head><body><div class="WordSection1"><p class="MsoNormal">Yes, gladly.<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p><p class="MsoNormal">See you<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b>From:</b> Alice &lt;alice@example.org&gt;<br><b>Sent:</b> Tuesday, May 14, 2024 9:30 AM<br><b>To:</b> Bob &lt;bob@example.org&gt;<br><b>Subject:</b> Lunch<o:p></o:p></p></div></div><p class="MsoNormal">OLD</p></div></body></html>"#,
    ),
    (
        "Outlook, German",
        r#"<div class="WordSection1"><p class="MsoNormal">Yes, gladly.</p><p class="MsoNormal">&nbsp;</p><p class="MsoNormal">See you</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p class="MsoNormal"><b>Von:</b> Alice &lt;alice@example.org&gt;<br><b>Gesendet:</b> Dienstag, 14. Mai 2024 09:30<br><b>An:</b> Bob<br><b>Betreff:</b> Lunch</p></div><p>OLD</p></div>"#,
    ),
    (
        "Outlook on the web",
        r#"<div class="elementToProof">Yes, gladly.</div><div class="elementToProof"><br></div><div class="elementToProof">See you</div><div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri"><b>From:</b> Alice<br><b>Sent:</b> Tuesday<br><b>To:</b> Bob<br><b>Subject:</b> Lunch</font><div>&nbsp;</div></div><div>OLD</div>"#,
    ),
    (
        "Outlook on the web, in a language that no table has",
        r#"<div>Yes, gladly.</div><div><br></div><div>See you</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>Elde:</b> Alice<br><b>Sendita:</b> mardo</div><div>OLD</div>"#,
    ),
    (
        "Outlook on a telephone",
        r#"<div dir="ltr">Yes, gladly.</div><div><br></div><div>See you</div><div id="ms-outlook-mobile-signature"><div>Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a></div></div><hr style="display:inline-block;width:98%"><div id="divRplyFwdMsg" dir="ltr"><b>From:</b> Alice &lt;alice@example.org&gt;<br><b>Sent:</b> Tuesday, May 14, 2024 9:30:00 AM<br><b>To:</b> Bob<br><b>Subject:</b> Lunch</div><div>OLD</div>"#,
    ),
    (
        "Outlook.com of 2012",
        r#"<div dir='ltr'>Yes, gladly.<br><br>See you<br><br><div><hr id="stopSpelling">Date: Tue, 14 May 2012 09:30:00 +0200<br>From: alice@example.org<br>To: bob@example.org<br>Subject: Lunch<br><br>OLD</div></div>"#,
    ),
    (
        "Apple Mail",
        r#"<html><head></head><body style="word-wrap: break-word;">Yes, gladly.<div><br></div><div>See you<br><div><br><blockquote type="cite"><div>On May 14, 2024, at 9:30 AM, Alice &lt;<a href="mailto:alice@example.org">alice@example.org</a>&gt; wrote:</div><br class="Apple-interchange-newline"><div>OLD</div></blockquote></div><br></div></body></html>"#,
    ),
    (
        "iOS",
        r#"<html><body dir="auto">Yes, gladly.<div><br></div><div>See you<br><br><div dir="ltr">Von meinem iPhone gesendet</div><div dir="ltr"><br><blockquote type="cite">Am 14.05.2024 um 09:30 schrieb Alice &lt;alice@example.org&gt;:<br><br></blockquote></div><blockquote type="cite"><div dir="ltr">OLD</div></blockquote></div></body></html>"#,
    ),
    (
        "Thunderbird",
        r#"<body><p>Yes, gladly.</p><p>See you<br></p><div class="moz-cite-prefix">On 14/05/2024 09:30, Alice wrote:<br></div><blockquote type="cite" cite="mid:a@example.org">OLD</blockquote></body>"#,
    ),
    (
        "Thunderbird with a signature",
        r#"<p>Yes, gladly.</p><p>See you</p><div class="moz-cite-prefix">Je 14.05.24 Alice skribis</div><blockquote type="cite">OLD</blockquote><div class="moz-signature">-- <br>Bob<br>Example Ltd</div>"#,
    ),
    (
        "Yahoo",
        r#"<div class="ydp1">Yes, gladly.<div><br></div><div>See you</div></div><div id="ydp2yahoo_quoted_123" class="yahoo_quoted"><div>On Tuesday, May 14, 2024 at 09:30:00 AM GMT+2, Alice &lt;alice@example.org&gt; wrote:</div><div><br></div><div>OLD</div></div>"#,
    ),
    (
        "AOL",
        r"<font>Yes, gladly.<br><br>See you<br><br><div>-----Original Message-----<br>From: Alice &lt;alice@example.org&gt;<br>To: bob &lt;bob@example.org&gt;<br>Sent: Tue, May 14, 2024 9:30 am<br>Subject: Lunch<br><br>OLD</div></font>",
    ),
    (
        "GMX",
        r#"<div style="font-family: Verdana;font-size: 12.0px;"><div>Yes, gladly.</div><div>&nbsp;</div><div>See you</div><div name="quote" style="margin:10px 5px 5px 10px; border-left:2px solid #C3D9E5;"><div><b>Gesendet:</b>&nbsp;Dienstag, 14. Mai 2024 um 09:30 Uhr<br/><b>Von:</b>&nbsp;Alice &lt;alice@example.org&gt;<br/><b>An:</b>&nbsp;bob@example.org<br/><b>Betreff:</b>&nbsp;Lunch</div><div name="quoted-content">OLD</div></div></div>"#,
    ),
    (
        "Proton Mail",
        r#"<div>Yes, gladly.</div><div><br></div><div>See you</div><div class="protonmail_signature_block"><div>Sent with Proton Mail secure email.</div></div><div class="protonmail_quote">On Tuesday, May 14th, 2024 at 9:30 AM, Alice &lt;alice@example.org&gt; wrote:<br><blockquote class="protonmail_quote" type="cite">OLD</blockquote></div>"#,
    ),
    (
        "Zimbra",
        r#"<div>Yes, gladly.</div><div><br></div><div>See you</div><hr id="zwchr" data-marker="__DIVIDER__"><div data-marker="__HEADERS__"><b>De: </b>"Alice" &lt;alice@example.org&gt;<br><b>À: </b>"Bob"<br><b>Envoyé: </b>Mardi 14 Mai 2024 09:30:00<br><b>Objet: </b>Lunch</div><div>OLD</div>"#,
    ),
    (
        "Zoho",
        r#"<div>Yes, gladly.<br></div><div><br></div><div>See you</div><div class="zmail_extra"><div id="Zm-_Id_-Sgn1">---- On Tue, 14 May 2024 09:30:00 +0200 <b>Alice &lt;alice@example.org&gt;</b> wrote ----</div><blockquote>OLD</blockquote></div>"#,
    ),
    (
        "Windows Mail",
        r#"<div>Yes, gladly.</div><div><br></div><div>See you</div><div style="padding-top: 5px; border-top-color: rgb(229, 229, 229); border-top-width: 1px; border-top-style: solid;"><div><b>From:</b> Alice<br><b>Sent:</b> Tuesday, May 14, 2024 9:30 AM<br><b>To:</b> Bob</div></div><div>OLD</div>"#,
    ),
    (
        "Windows Live Mail",
        r#"<div>Yes, gladly.</div><div>&nbsp;</div><div>See you</div><div style="FONT: 10pt Tahoma"><div style="BACKGROUND: #f5f5f5"><div><b>From:</b> <a href="mailto:alice@example.org">Alice</a></div><div><b>Sent:</b> Tuesday, May 14, 2013 9:30 AM</div><div><b>To:</b> bob</div><div><b>Subject:</b> Lunch</div></div></div><div>OLD</div>"#,
    ),
    (
        "Mail.ru",
        r#"<div>Yes, gladly.</div><div>&nbsp;</div><div>See you</div><blockquote style="border-left:1px solid #0857A6; margin:10px;">Вторник, 14 мая 2024, 9:30 +03:00 от Alice &lt;alice@example.org&gt;:<br>&nbsp;<div>OLD</div></blockquote>"#,
    ),
    (
        "Yandex",
        r#"<div>Yes, gladly.</div><div> </div><div>See you</div><div> </div><div>14.05.2024, 09:30, "Alice" &lt;alice@example.org&gt;:</div><blockquote><p>OLD</p></blockquote>"#,
    ),
    (
        "QQ Mail",
        r#"<div>Yes, gladly.</div><div><br></div><div>See you</div><div style="font-size: 12px;padding:2px 0;">------------------&nbsp;原始邮件&nbsp;------------------</div><div style="background:#efefef;"><div><b>发件人:</b>&nbsp;"Alice" &lt;alice@example.org&gt;;</div><div><b>发送时间:</b>&nbsp;2024年5月14日(星期二) 上午9:30</div><div><b>收件人:</b>&nbsp;"Bob";</div><div><b>主题:</b>&nbsp;Lunch</div></div><div>OLD</div>"#,
    ),
    (
        "Spark",
        r#"<div name="messageBodySection"><div dir="auto">Yes, gladly.<br><br>See you</div></div><div name="messageReplySection">On May 14, 2024, 9:30 AM +0200, Alice &lt;alice@example.org&gt;, wrote:<br/><blockquote type="cite">OLD</blockquote></div>"#,
    ),
    (
        "K-9 Mail",
        r#"<html><head></head><body>Yes, gladly.<br><br>See you<br><br><div class="gmail_quote">Am 14. Mai 2024 09:30:00 MESZ schrieb Alice &lt;alice@example.org&gt;:<blockquote class="gmail_quote" style="margin: 0pt 0pt 0pt 0.8ex;">OLD</blockquote></div></body></html>"#,
    ),
    (
        "Samsung",
        r#"<body>Yes, gladly.<div><br></div><div>See you</div><div><br></div><div id="composer_signature"><div>Von meinem Galaxy gesendet</div></div><div><br></div><div><!-- originalMessage --><div>-------- Ursprüngliche Nachricht --------</div><div>Von: Alice &lt;alice@example.org&gt; </div><div>Datum: 14.05.24  09:30  (GMT+01:00) </div><div>An: bob@example.org </div><div>Betreff: Lunch </div><div><br></div></div>OLD</body>"#,
    ),
    (
        "Lotus Notes",
        r"<font size=2>Yes, gladly.</font><br><br><font size=2>See you</font><br><br><br><table width=100%><tr><td>From:</td><td>Alice &lt;alice@example.org&gt;</td></tr><tr><td>To:</td><td>Bob</td></tr><tr><td>Date:</td><td>05/14/2024 09:30 AM</td></tr><tr><td>Subject:</td><td>Lunch</td></tr></table><hr noshade><br>OLD",
    ),
    (
        "Superhuman",
        r#"<html><body><div>Yes, gladly.</div><div><br></div><div>See you</div><div class="gmail_signature"></div><br/><div class="gmail_quote">On Tue, May 14, 2024 at 9:30 AM, Alice <span dir="ltr">&lt;<a href="mailto:alice@example.org">alice@example.org</a>&gt;</span> wrote:<br/><blockquote class="gmail_quote sh-color">OLD</blockquote></div></body></html>"#,
    ),
    (
        "Fastmail",
        r#"<div>Yes, gladly.<br></div><div><br></div><div>See you<br></div><div><br></div><div>On Tue, 14 May 2024, at 9:30 AM, Alice wrote:<br></div><blockquote type="cite" id="qt" style="">OLD</blockquote><div><br></div>"#,
    ),
    (
        "Roundcube",
        r#"<body style='font-size: 10pt'><p>Yes, gladly.</p><p>See you</p><p id="reply-intro">On 2024-05-14 09:30, Alice wrote:</p><blockquote type="cite" style="padding: 0 0.4em">OLD</blockquote></body>"#,
    ),
    (
        "Evolution",
        r#"<html><body><div>Yes, gladly.</div><div><br></div><div>See you</div><div><br></div><div>On Tue, 2024-05-14 at 09:30 +0200, Alice wrote:</div><blockquote type="cite" style="margin:0 0 0 .8ex;"><div>OLD</div></blockquote></body></html>"#,
    ),
    (
        "eM Client",
        r#"<div>Yes, gladly.</div><div><br /></div><div>See you</div><div><br /></div><div>------ Original Message ------</div><div>From "Alice" &lt;alice@example.org&gt;</div><div>To "Bob"</div><div>Date 14/05/2024 09:30:00</div><div>Subject Lunch</div><div><br /></div><blockquote cite="a@example.org" type="cite">OLD</blockquote>"#,
    ),
    (
        "Mailspring",
        r#"<div>Yes, gladly.</div><br/><div>See you</div><div class="gmail_quote_attribution">On May 14 2024, at 9:30 am, Alice &lt;alice@example.org&gt; wrote:</div><blockquote>OLD</blockquote>"#,
    ),
    (
        "Tuta",
        r#"<div>Yes, gladly.</div><div><br></div><div>See you</div><div>May 14, 2024, 09:30 by alice@example.org:<br></div><blockquote class="tutanota_quote" style="border-left: 1px solid #93A3B8;">OLD</blockquote>"#,
    ),
    (
        "Exchange for the Mac",
        r#"<div>Yes, gladly.</div><div><br></div><div>See you</div><div><br></div><span id="OLK_SRC_BODY_SECTION"><div style="BORDER-TOP: #b5c4df 1pt solid;"><span style="font-weight:bold">Sender: </span> Alice</div><div>OLD</div></span>"#,
    ),
    (
        "a table of columns around everything",
        r"<table><tr><td><table><tr><td>Yes, gladly.</td></tr><tr><td>&nbsp;</td></tr><tr><td>See you</td></tr></table></td></tr></table><div>On 14/05/2024 09:30, Alice wrote:</div><blockquote>OLD</blockquote>",
    ),
];

fn body_of(html: &str) -> (String, Option<String>, Option<String>) {
    let mail = format!("Subject: Re: Lunch\nContent-Type: text/html; charset=utf-8\n\n{html}");
    let converted = convert(mail.as_bytes(), &ThreadContext::default());
    let content = &converted.events[0].1;
    let text = |key: &str| content[key].as_str().map(str::to_owned);
    (text("body").unwrap(), text("formatted_body"), converted.quoted)
}

#[test]
fn replies_of_all_programs_are_told_from_what_they_quote() {
    let mut failures = Vec::new();
    for (program, html) in REPLIES {
        let (body, formatted, quoted) = body_of(&html.replace("OLD", OLD));
        let words: Vec<&str> = body.split_whitespace().collect();
        let leak = formatted.as_deref().is_some_and(|html| html.contains("lunch"));
        if words.join(" ") != "Yes, gladly. See you"
            || leak
            || !quoted.unwrap_or_default().contains("shall we meet")
        {
            failures.push(format!("{program}: {body:?} {formatted:?}"));
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn answers_between_quotations_are_kept() {
    for html in [
        r#"<div class="gmail_quote"><div class="gmail_attr">On Tue, May 14, 2024 at 9:30 AM Alice wrote:</div><blockquote class="gmail_quote">When?</blockquote><div>At ten.</div><blockquote class="gmail_quote">Where?</blockquote><div>At home.</div></div>"#,
        r#"<div class="moz-cite-prefix">On 14/05/2024 09:30, Alice wrote:</div><blockquote type="cite">When?</blockquote><p>At ten.</p><blockquote type="cite">Where?</blockquote><p>At home.</p>"#,
    ] {
        let (body, ..) = body_of(html);
        let lines: Vec<&str> = body.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, ["> When?", "At ten.", "> Where?", "At home."], "{html}");
    }
}

#[test]
fn markup_that_means_something_is_kept() {
    for (html, expected) in [
        (
            "<table border=1><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
            "<table><tbody><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></tbody></table>",
        ),
        (
            "<div><span style=\"font-weight: bold\">b</span> <font color=red>c</font></div>",
            "<strong>b</strong> <span data-mx-color=\"#ff0000\">c</span>",
        ),
        ("<h1>t</h1><ul><li>x</li></ul>", "<h1>t</h1><ul><li>x</li></ul>"),
        (
            "<a href=\"https://example.org/?a=1&amp;b=&quot;x\">l</a>",
            "<a href=\"https://example.org/?a=1&amp;b=&quot;x\">l</a>",
        ),
        (
            "<a href=\"javascript:x()\" onclick=\"y()\"><b>l</b></a>",
            "<b>l</b>",
        ),
        ("<b><div>one</div>two</b>", "<b>one<br>two</b>"),
        // Bold by style, on blocks of all kinds and inherited.
        (
            "<div style='font-weight:bold'>one</div>two",
            "<strong>one</strong><br>two",
        ),
        (
            "<div style='font-weight:700'>one<div>two</div></div><div>three</div>",
            "<strong>one</strong><br><strong>two</strong><br>three",
        ),
        (
            "<p style='font-style:italic'>one <b>two</b></p>",
            "<p><em>one </em><b><em>two</em></b></p>",
        ),
        ("<h2 style='font-weight:bold'>one</h2>", "<h2>one</h2>"),
        // What mail programs write for lines, lists, cells and links.
        (
            "<p class=MsoNormal><b>one</b></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>two</p>",
            "<b>one</b><br><br>two",
        ),
        (
            "<div>one <i>x</i></div><div>&nbsp;</div><div>two</div>",
            "one <i>x</i><br><br>two",
        ),
        (
            "<p class=MsoListParagraph><span style='mso-list:Ignore'>·<span>&nbsp; </span></span>one</p> \
             <p class=MsoListParagraph style='mso-list:l0 level2 lfo1'><span style='mso-list:Ignore'>o</span>two</p>\
             <p class=MsoListParagraph style='mso-list:l0 level1 lfo1'><span style='mso-list:Ignore'>·</span>three</p>\
             <p class=MsoListParagraph><span style='mso-list:Ignore'>3.<span>&nbsp; </span></span>four</p>",
            "<ul><li>one<ul><li>two</li></ul></li><li>three</li></ul><ol start=\"3\"><li>four</li></ol>",
        ),
        (
            "<table border=1><tr><td><p>a</p></td><td><p>b</p><p>c</p></td></tr><tr><td></td><td>2</td></tr></table>",
            "<table><tbody><tr><td>a</td><td>b<br>c</td></tr><tr><td></td><td>2</td></tr></tbody></table>",
        ),
        (
            "one two three four <a href='https://example.org/'><span style='color:#0563C1'>five</span></a>",
            "one two three four <a href=\"https://example.org/\">five</a>",
        ),
        (
            "<i>one</i><blockquote><pre class='moz-quote-pre' wrap=''>two\nthree</pre></blockquote>four",
            "<i>one</i><blockquote>two<br>three</blockquote>four",
        ),
        (
            "<div style='white-space:pre-wrap'>one\ntwo <b>three</b></div>",
            "one<br>two <b>three</b>",
        ),
        ("<p>\n   one\n   <b>two</b>\n</p>", "<p>one <b>two</b></p>"),
    ] {
        assert_eq!(body_of(html).1.as_deref(), Some(expected), "{html}");
    }
    for plain in [
        "<p>only text</p>",
        "one<br>two",
        "<div style=\"color:black\">x</div>",
    ] {
        assert_eq!(body_of(plain).1, None, "{plain}");
    }
}

#[test]
fn html_reads_as_if_typed() {
    for (html, expected) in [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two<br><br>three", "one\ntwo\n\nthree"),
        (
            "<ul><li>one</li><li>two<ul><li>deep</li></ul></li></ul>",
            "- one\n- two\n  - deep",
        ),
        (
            "<ol start=3><li>three</li><li>four</li></ol>",
            "3. three\n4. four",
        ),
        ("<a href=\"https://example.org\">example.org</a>", "example.org"),
        ("<a href=\"mailto:a@example.org\">write</a>", "write"),
        ("a&nbsp;b &amp; &lt;c&gt;", "a b & <c>"),
        ("<pre>one\n  two</pre>", "one\n  two"),
        (
            "<span style='white-space: pre-wrap'>one\n\n  two</span>",
            "one\n\n  two",
        ),
        (
            "one<blockquote><pre>two</pre></blockquote>three",
            "one\n\n> two\n\nthree",
        ),
        (
            "<table border=1><tr><td><p>a<br>b</p></td><td><p>c</p></td></tr><tr><td><p>1</p></td><td><p>2</p></td></tr></table>",
            "a b | c\n1 | 2",
        ),
        ("<pre>\n\none</pre>", "one"),
        ("<style>x{}</style><title>t</title>shown<!-- not -->", "shown"),
        ("<div style='display:none'>preheader</div>shown", "shown"),
        (
            "<table><tr><td style=\"font-size:0px\"><div style=\"font-size:13px\">shown</div></td></tr></table>",
            "shown",
        ),
        (
            "smile <img alt=\"😀\" src=\"https://e.example/x.png\">",
            "smile 😀",
        ),
        ("one<div>two</div>three", "one\ntwo\nthree"),
        (
            "<p class=MsoNormal>A list:</p><p class=MsoListParagraph><![if !supportLists]><span style='font-family:Symbol'><span \
             style='mso-list:Ignore'>·<span style='font:7.0pt'>&nbsp;&nbsp; </span></span></span><![endif]>one</p>\
             <p class=MsoListParagraph><span style='mso-list:Ignore'>2.<span>&nbsp; </span></span>two</p><p class=MsoNormal>End</p>",
            "A list:\n- one\n2. two\nEnd",
        ),
        (
            "<table border=1><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
            "a | b\n1 | 2",
        ),
        (
            "<table><tr><td>left</td><td>right</td></tr></table>",
            "left right",
        ),
        (
            "<a href=\"https://www.google.com/url?q=https%3A%2F%2Fexample.org%2F\">example</a>",
            "example (https://example.org/)",
        ),
    ] {
        assert_eq!(body_of(html).0, expected, "{html}");
    }
}

#[test]
fn answers_in_another_colour_keep_it() {
    let html = "<p>Which day? <span style=\"color:#C00000\">Tuesday</span></p><div style='color:red'>at ten</div><p>Yours, Bob</p>";
    let (_, formatted, _) = body_of(html);
    assert_eq!(
        formatted.unwrap(),
        "<p>Which day? <span data-mx-color=\"#c00000\">Tuesday</span></p><span data-mx-color=\"#ff0000\">at ten</span><p>Yours, Bob</p>"
    );
}

#[test]
fn what_was_written_into_the_signature_is_shown() {
    let quoted = r#"<hr><div id="divRplyFwdMsg"><b>From:</b> Alice<br><b>Sent:</b> Tuesday<br><b>To:</b> Bob<br><b>Subject:</b> Lunch</div><div>OLD</div>"#;
    let get = r#"<div>Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a></div>"#;
    for (written, expected) in [
        (
            format!("<div>Hi!</div><div id='ms-outlook-mobile-signature'>{get}<div><br></div><div>I will be late.</div></div>"),
            "Hi!\n\nI will be late.",
        ),
        (
            "<div><br></div><div id='ms-outlook-mobile-signature'><div>Hi,</div><div>thanks for the map, it helps a lot.</div></div>".to_owned(),
            "Hi,\nthanks for the map, it helps a lot.",
        ),
        (
            format!("<div>Fine.</div><div id='ms-outlook-mobile-signature'><div>Bob Smith</div>{get}</div>"),
            "Fine.",
        ),
    ] {
        let (body, _, left_out) = body_of(&format!("{written}{quoted}").replace("OLD", OLD));
        assert_eq!(body, expected, "{written}");
        assert!(left_out.unwrap().contains("lunch"));
    }
}

#[test]
fn a_link_holds_no_other() {
    let html = r#"<a href="https://one.example/">One<table><tr><th>Two</th><td><a href="https://two.example/">Three</a></td></tr></table></a>
        <a name="top">Four<table><tr><th>Five</th><td><a href="https://six.example/">Six</a></td></tr></table>"#;
    let mail = format!("From: Alice <alice@example.org>\nContent-Type: text/html\n\n{html}");
    let converted = convert(mail.as_bytes(), &ThreadContext::default());
    let (_, content) = converted.events.first().unwrap();
    let formatted = content["formatted_body"].as_str().unwrap();
    assert_eq!(formatted.matches("<a ").count(), 2, "{formatted}");
    assert!(
        formatted.contains(r#"<a href="https://six.example/">Six</a>"#),
        "{formatted}"
    );
    assert!(!formatted.contains("two.example"), "{formatted}");
}
