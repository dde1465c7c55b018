//! A mail in pieces becomes what it becomes as a whole.

use proptest::prelude::*;

use super::mime::{Cutter, Decoder, LargeMail, decode_base64, decode_quoted_printable};
use super::tests::fixtures;
use super::{Content, Converted, ThreadContext, convert, convert_large, wanted};

/// The bytes between two places of a mail.
fn within(mail: &[u8], place: &std::ops::Range<u64>) -> Vec<u8> {
    mail[usize::try_from(place.start).unwrap()..usize::try_from(place.end).unwrap()].to_vec()
}

fn decoded(mut decoder: Decoder, body: &[u8], step: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in body.chunks(step) {
        decoder.push(piece, &mut out);
    }
    decoder.finish(&mut out);
    out
}

/// Converts a mail of which `keep` bytes of each body are kept, and brings all its files at the end. Answers how many parts were cut.
fn in_pieces(mail: &[u8], keep: usize, step: usize) -> (Converted, usize) {
    let mut cutter = Cutter::keeping(keep);
    mail.chunks(step).for_each(|piece| cutter.push(piece));
    let mut large = LargeMail::new(cutter.finish());
    let cut = wanted(&large);
    for wanted in &cut {
        let mut survey = wanted.survey();
        for piece in within(mail, &wanted.place).chunks(step) {
            survey.push(piece);
        }
        large.bring(wanted, survey.finish());
    }
    let mut converted = convert_large(&large, &ThreadContext::default());
    for upload in &mut converted.uploads {
        if let Content::Left(left) = &upload.content {
            let bytes = decoded(left.decoder(), &within(mail, &left.place()), step);
            assert_eq!(bytes.len() as u64, left.length);
            upload.content = Content::Here(bytes);
        }
    }
    (converted, cut.len())
}

#[test]
fn every_fixture_is_the_same_in_pieces() {
    let mut cut = 0;
    for (name, mail) in fixtures() {
        let whole = convert(&mail, &ThreadContext::default());
        for (keep, step) in [(1_024, 700), (4_096, 64 * 1024)] {
            let (pieces, parts) = in_pieces(&mail, keep, step);
            assert_eq!(pieces, whole, "{name}, of which {keep} bytes are kept");
            cut += parts;
        }
    }
    assert!(cut > 10, "{cut} parts were cut");
}

/// What matters to structure and encodings, in any order.
fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"\r\n",
        b"\n",
        b"\r",
        b"-",
        b"--",
        b"\r\n--",
        b"\r\n-",
        b"--b",
        b"=3D",
        b"=",
        b"=\r\n",
        b" \r\n",
        b"QUJD",
        b"QQ==",
        b"words and words",
        b"\xff\xd8\xff",
        b"\r\n\r\n",
        b"<p>text</p>",
        b"begin 644 x\n",
        b"\0",
        b"\r\n--c\r\n",
        b"Subject: x\r\n",
    ];
    let random =
        prop::collection::vec(prop::sample::select(pieces), 0..30).prop_map(|pieces| pieces.concat());
    let long = ("[A-Za-z0-9+/]{70}", 0..60_usize)
        .prop_map(|(line, count)| format!("{line}\r\n").repeat(count).into_bytes());
    prop_oneof![
        random.clone(),
        (long, random).prop_map(|(long, random)| [long, random].concat())
    ]
}

fn any_part() -> impl Strategy<Value = Vec<u8>> {
    let kinds = vec![
        "text/plain",
        "text/plain; charset=utf-8; format=flowed",
        "text/html",
        "text/csv; name=a.csv",
        "image/jpeg; name=a.jpg",
        "application/pdf",
        "application/octet-stream; name=b.bin",
        "message/rfc822",
        "application/pkcs7-mime",
        "application/ms-tnef",
        "text/calendar; method=REQUEST",
        "multipart/alternative; boundary=c",
    ];
    let encodings = vec!["base64", "quoted-printable", "8bit", "x-uuencode", ""];
    let dispositions = vec!["", "inline", "attachment; filename=c.txt"];
    (
        prop::sample::select(kinds),
        prop::sample::select(encodings),
        prop::sample::select(dispositions),
        any_body(),
    )
        .prop_map(|(kind, encoding, disposition, body)| {
            let mut part = format!("Content-Type: {kind}\r\n");
            for (name, value) in [("Transfer-Encoding", encoding), ("Disposition", disposition)] {
                if !value.is_empty() {
                    part += &format!("Content-{name}: {value}\r\n");
                }
            }
            [part.as_bytes(), b"\r\n", &body].concat()
        })
}

fn any_mail() -> impl Strategy<Value = Vec<u8>> {
    let heads = vec![
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
        "Content-Type: multipart/related; boundary=\"b\"\r\n\r\npreamble\r\n",
        // The boundary is missing, or wrong.
        "Content-Type: multipart/mixed\r\n\r\n",
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n",
    ];
    let many = (
        prop::sample::select(heads),
        prop::collection::vec(any_part(), 0..5),
        any::<bool>(),
    )
        .prop_map(|(head, parts, ends)| {
            let mut mail = b"From: alice@example.org\r\nSubject: pieces\r\n".to_vec();
            mail.extend(head.as_bytes());
            for part in parts {
                mail.extend([b"\r\n--b\r\n", part.as_slice()].concat());
            }
            if ends {
                mail.extend(b"\r\n--b--\r\nepilogue");
            }
            mail
        });
    prop_oneof![1 => any_part(), 4 => many]
}

proptest! {
    #[test]
    fn any_mail_is_the_same_in_pieces(mail in any_mail(), keep in 64..600_usize, step in 1..5_000_usize) {
        let whole = convert(&mail, &ThreadContext::default());
        prop_assert_eq!(in_pieces(&mail, keep, step).0, whole);
    }

    #[test]
    fn bodies_are_decoded_in_pieces_as_in_one(body in any_body(), step in 1..200_usize) {
        prop_assert_eq!(decoded(Decoder::of("base64"), &body, step), decode_base64(&body));
        prop_assert_eq!(decoded(Decoder::of("quoted-printable"), &body, step), decode_quoted_printable(&body));
        prop_assert_eq!(decoded(Decoder::of("8bit"), &body, step), body);
    }
}

#[test]
fn a_line_end_that_is_torn_by_the_cut_is_no_boundarys() {
    let mail = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst\r\nsecond\n--b--\n";
    let whole = convert(mail, &ThreadContext::default());
    for keep in 1..14 {
        assert_eq!(in_pieces(mail, keep, 5).0, whole, "{keep} bytes are kept");
    }
}

#[test]
fn a_long_line_of_quoted_printable_is_decoded_in_parts() {
    let body = "=C3=A4b".repeat(40_000).into_bytes();
    assert_eq!(
        decoded(Decoder::of("quoted-printable"), &body, 1_001),
        "äb".repeat(40_000).into_bytes()
    );
}

#[test]
fn skeletons_are_bounded_whatever_the_mail() {
    for piece in [
        "--\r\n",
        "\r\n",
        "-",
        "x",
        "--b\r\n\r\nabc\r\n",
        "a: b\r\n",
        "--b\r\n\r\nlong line of some words\r\n",
    ] {
        let block = piece.repeat(64 * 1024 / piece.len());
        let mut cutter = Cutter::default();
        for _ in 0..320 {
            cutter.push(block.as_bytes());
        }
        let length = cutter.finish().bytes().len();
        assert!(length < 18 * 1024 * 1024, "{piece:?}: {length}");
    }
}

#[test]
fn a_text_of_many_megabytes_is_shown_as_far_as_a_person_reads() {
    let line = "These are words of a text that nobody will ever read to its end.\r\n";
    let mail = format!(
        "From: a@example.org\r\nSubject: long\r\n\r\n{}",
        line.repeat(150_000)
    );
    let (converted, cut) = in_pieces(mail.as_bytes(), 100_000, 64 * 1024);
    assert_eq!(cut, 1);
    let body = converted.events[0].1["body"].as_str().unwrap();
    assert!(body.starts_with("These are words") && body.len() < 16_000);
    let [upload] = converted.uploads.as_slice() else {
        panic!("{:?}", converted.events)
    };
    assert_eq!(
        (upload.name.as_str(), upload.content_type.as_str()),
        ("message.txt", "text/plain")
    );
    assert_eq!(upload.content.len(), line.len() as u64 * 150_000);
}
