//! Every way in which a mail program introduces a quotation, against every way in which it is wrapped and marked.

use super::samples::{ATTRIBUTIONS, BLOCKS};
use super::*;
use crate::convert::to_matrix::lines::join;

const REPLIES: &[&str] = &[
    "Yes, gladly.",
    "Hi Alice,\n\nyes, at 10:30: see you there!\n\nBob",
    "Three things:\n- one\n- two\n\nSee https://example.org/2024/05",
];

const QUOTED: &str = "Hello Bob,\n\nshall we meet for lunch?\n\nAlice";

fn wrap(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split(' ') {
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
}

fn marked(text: &str) -> String {
    text.lines()
        .map(|line| format!("> {line}").trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

fn new_text(mail: &str) -> String {
    let lines = plain_lines(mail);
    let roles = classify(&lines, Hints::default());
    join(&lines, &roles, |role| role == Role::New)
}

#[test]
fn the_reply_above_a_quotation_is_all_that_is_left() {
    let mut failures = Vec::new();
    for attribution in ATTRIBUTIONS {
        for reply in REPLIES {
            for width in [1_000, 76, 60] {
                let attribution = wrap(attribution, width);
                for mail in [
                    format!("{reply}\n\n{attribution}\n\n{}\n", marked(QUOTED)),
                    format!("{reply}\n\n{attribution}\n{}\n", marked(QUOTED)),
                    format!("{reply}\n\n{}\n", marked(&format!("{attribution}\n\n{QUOTED}"))),
                ] {
                    let found = new_text(&mail);
                    if found != *reply {
                        failures.push(format!("{mail}\n=> {found:?}\n"));
                    }
                }
            }
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
fn the_reply_is_found_above_what_single_programs_write() {
    for above in [
        // GroupWise
        ">>> Alice Smith <alice@example.org> 14/05/2024 09:30 >>>",
        ">>> Alice Smith 5/14/2024 9:30 AM >>>",
        // BlackBerry 10
        "  Original Message  \nFrom: Alice Smith\nSent: Tuesday, May 14, 2024 9:30 AM\nTo: bob@example.org\nSubject: Lunch\n",
        // QQ
        "------------------&nbsp;Original&nbsp;------------------\nFrom:&nbsp;\"Alice\"<alice@example.org&gt;;\n",
        // NetEase
        "---- Replied Message ----\n| From | Alice<alice@example.org> |\n| Date | 05/14/2024 09:30 |\n",
        "---- 回复的原邮件 ----\n| 发件人 | Alice<alice@example.org> |\n| 发送日期 | 2024年05月14日 09:30 |\n",
        // Zendesk
        "##- Please type your reply above this line -##\n",
        // Lotus Notes 5
        "\"Alice Smith\" <alice@example.org>\n05/14/2024 09:30 AM\n\n\n        To:     \"Bob\" <bob@example.org>\n        cc:     \n        Subject:        Lunch\n",
        // Lotus Notes 6
        "Alice Smith <alice@example.org> \n14.05.2024 09:30\nPlease respond to\nalice@example.org\n\n\nTo\nBob <bob@example.org>\ncc\n\nSubject\nLunch\n",
        // Gmail, where the name is long
        "Alice Wilhelmina Smith\n<alice@example.org> ezt írta (időpont: 2024. máj. 14., K, 9:30):\n",
    ] {
        let reply = "Yes, gladly.\n\nBob";
        assert_eq!(
            new_text(&format!("{reply}\n\n{above}\n{QUOTED}\n")),
            reply,
            "{above}"
        );
    }
    // Yahoo for Android puts the first line of the quotation behind the attribution.
    let one_line = format!("On Tue, May 14, 2024 at 9:30 AM, Alice<alice@example.org> wrote:   {QUOTED}");
    assert_eq!(
        new_text(&format!("Yes, gladly.\n\n  {one_line}\n")),
        "Yes, gladly."
    );
}

#[test]
fn unmarked_quotations_are_left_out_too() {
    let mut failures = Vec::new();
    for announcement in ATTRIBUTIONS
        .iter()
        .filter(|text| !text.starts_with("Quoting") && !text.starts_with("Alice Smith (2024"))
        .chain(BLOCKS)
    {
        for reply in REPLIES {
            for mail in [
                format!("{reply}\n\n{announcement}\n\n{QUOTED}\n"),
                format!("{reply}\n\n{announcement}\n{QUOTED}\n"),
            ] {
                let found = new_text(&mail);
                if found != *reply {
                    failures.push(format!("{mail}\n=> {found:?}\n"));
                }
            }
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
fn the_reply_below_a_whole_quotation_is_all_that_is_left() {
    for attribution in ATTRIBUTIONS {
        for reply in REPLIES {
            let mail = format!("{attribution}\n{}\n\n{reply}\n", marked(QUOTED));
            assert_eq!(new_text(&mail), *reply, "{mail}");
        }
    }
}

#[test]
fn answers_between_quoted_lines_keep_what_they_answer() {
    let mail = "On Tue, 14 May 2024 at 09:30, Alice wrote:\n> When?\nAt ten.\n> Where?\nAt home.\n";
    assert_eq!(new_text(mail), "> When?\nAt ten.\n> Where?\nAt home.");
}

#[test]
fn supercite_names_whom_it_quotes() {
    let mail = ">>>>> \"Alice\" == Alice Smith <alice@example.org> writes:\n\n    Alice> When shall\n    Alice> we meet?\n\nAt ten.\n\n    Alice> Where?\n\nAt home.\n";
    assert_eq!(
        new_text(mail),
        "> When shall\n> we meet?\n\nAt ten.\n\n> Where?\n\nAt home."
    );
    let below = "Alice Smith <alice@example.org> writes:\n\nAlice> When?\n\nAt ten.\n";
    assert_eq!(new_text(below), "At ten.");
    // A chat looks the same, but nobody introduced it.
    let chat = "See what they said:\n\nAlice> When?\nBob> At ten.\nAlice> Fine.";
    assert_eq!(new_text(chat), chat);
}

#[test]
fn sentences_above_an_attribution_are_no_part_of_it() {
    for (mail, kept) in [
        (
            "Le lundi 13 mai 2024 à 10:00 j'ai mangé avec Paul.\nIl a écrit :\n> Bonjour\n\nVoilà.",
            "j'ai mangé avec Paul.",
        ),
        (
            "On Monday, 13 May 2024 at 10:00 we met.\nAlice <alice@example.org> wrote:\n\n> Hello",
            "we met.",
        ),
    ] {
        assert!(new_text(mail).contains(kept), "{}", new_text(mail));
    }
    assert_eq!(
        new_text("Yes.\n\nOn Tue, 14 May 2024 at 9:30 a.m.\nAlice Smith <alice@example.org> wrote:\n\nHello"),
        "Yes."
    );
}

#[test]
fn a_mail_without_quotation_stays_whole() {
    for mail in [
        "I wrote to bob@example.org on 2024-05-14 at 09:30 and he said: no",
        "Agenda:\n\nFrom: the station\nTo: the museum\nthen home",
        "See below:\n\n1. Date: 14 May\n2. Place: home",
        "As she wrote:\n\nto be or not to be",
        "| a | b |\n| 1 | 2 |",
        "Meeting at 10:30:\n\n- coffee\n- cake",
        "Ask him:\n\nBob Ford\n14.05.2024 09:30\n\nTo be or not to be\n\nis the question.",
    ] {
        assert_eq!(new_text(mail), mail.replace("\n\n\n", "\n\n"));
    }
}

#[test]
fn attributions_that_are_broken_before_the_verb_are_known() {
    for attribution in [
        "alice@example.org\nwrote:",
        "alice@example.org (mailto:alice@example.org)\nschrieb:",
        "Alice Smith\n<alice@example.org>\nwrote:",
        "<alice@example.org>\na écrit :",
    ] {
        for reply in REPLIES {
            for quoted in [QUOTED.to_owned(), marked(QUOTED)] {
                assert_eq!(
                    new_text(&format!("{reply}\n\n{attribution}\n\n{quoted}\n")),
                    *reply,
                    "{attribution}"
                );
            }
        }
    }
    for text in [
        "Please ask\nalice@example.org\nor Bob. Then he wrote:\n\nAll is well.",
        "Here is her address:\n\nAlice Smith\n<alice@example.org>\n\nShe always answers.",
        "He wrote:\n\nAll is well.",
    ] {
        assert_eq!(new_text(text), text);
    }
}

fn new_text_knowing(mail: &str, sent: &str) -> String {
    let mut lines = plain_lines(mail);
    mark_sent(&mut lines, &[sent.to_owned()]);
    let roles = classify(&lines, Hints::default());
    join(&lines, &roles, |role| role == Role::New)
}

#[test]
fn what_was_sent_is_known_without_any_mark() {
    let sent = "Shall we meet for lunch on Tuesday at the usual place near the station?\n\nI could also come by train.";
    for mail in [
        // A gateway that strips the marks, the attribution in no language we know.
        format!("Gladly!\n\nBob skribis:\n\n{sent}\n"),
        // Reflowed.
        "Gladly!\n\nShall we meet for lunch on Tuesday\nat the usual place near the station?\n\nI could also come by train.\n".to_owned(),
        // Marked, but not introduced.
        format!("{}\n\nGladly!\n", marked(sent)),
        // Cut short.
        "Gladly!\n\nShall we meet for lunch on Tuesday at the usual\n".to_owned(),
    ] {
        let found = new_text_knowing(&mail, sent);
        assert!(found.starts_with("Gladly!") && !found.contains("lunch"), "{mail}\n=> {found}");
    }
    assert_eq!(
        new_text_knowing("Yes, Tuesday at the station.", sent),
        "Yes, Tuesday at the station."
    );
    assert_eq!(new_text_knowing(sent, sent), sent);
}
