//! Files whose bytes are kept elsewhere.

use super::*;

/// The email with the files in their places, each written in pieces of `piece` bytes.
fn assembled(email: &RenderedEmail, files: &[Vec<u8>], piece: usize) -> Vec<u8> {
    let mut whole = Vec::new();
    let mut written = 0;
    for file in &email.files {
        whole.extend_from_slice(&email.bytes[written..file.at]);
        written = file.at;
        let mut lines = Base64Lines::default();
        for bytes in files[file.number].chunks(piece) {
            whole.extend_from_slice(lines.write(bytes).as_bytes());
        }
        whole.extend_from_slice(lines.finish().as_bytes());
    }
    whole.extend_from_slice(&email.bytes[written..]);
    whole
}

/// Bytes that are what their name says, or not.
fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(vec![&b""[..], b"\x89PNG\r\n\x1a\n", b"MZ", b"  <svg>", b"%PDF-"]);
    (start, prop::collection::vec(any::<u8>(), 0..9000)).prop_map(|(start, rest)| [start, &rest].concat())
}

fn file_message(msgtype: &str, name: &str, declared: &str) -> ChatMessage {
    message(json!({"msgtype": msgtype, "body": name, "info": {"mimetype": declared}}))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_email_is_the_same_byte_for_byte_wherever_its_files_are(
        files in prop::collection::vec((any_file(), any::<bool>()), 1..5),
        msgtype in prop::sample::select(vec!["m.image", "m.file", "m.video"]),
        declared in prop::sample::select(vec!["image/png", "application/pdf", "text/plain", ""]),
        room in prop::option::of(0..20_000_u64),
        text in any::<bool>(),
        piece in 1..3000_usize,
    ) {
        let mut here = draft(json!({"msgtype": "m.text", "body": "look!"}));
        here.messages.clear();
        let mut kept = here.clone();
        for (number, (bytes, is_here)) in files.iter().enumerate() {
            let content_type = Some("application/octet-stream".to_owned());
            let mut message = file_message(msgtype, &format!("{number}.png"), declared);
            message.media = Some(MediaBytes::Here { content_type: content_type.clone(), bytes: bytes.clone() });
            here.messages.push(message.clone());
            if !is_here {
                message.media = Some(MediaBytes::Kept {
                    content_type,
                    start: bytes.iter().copied().take(FIRST_BYTES).collect(),
                    number,
                    size: u64::try_from(bytes.len()).unwrap(),
                });
            }
            kept.messages.push(message);
        }
        if text {
            // So that pictures stand in the text.
            for draft in [&mut here, &mut kept] {
                draft.messages.push(message(json!({"msgtype": "m.text", "body": "there you see it"})));
            }
        }
        let options = RenderOptions { room: room.unwrap_or(u64::MAX), ..RenderOptions::default() };
        let (here, kept) = (render_with(&here, &options).unwrap(), render_with(&kept, &options).unwrap());
        let bytes: Vec<Vec<u8>> = files.into_iter().map(|(bytes, _)| bytes).collect();
        prop_assert!(here.files.is_empty());
        prop_assert_eq!(&kept.texts, &here.texts);
        let (kept, here) = (assembled(&kept, &bytes, piece), here.bytes);
        prop_assert_eq!(String::from_utf8(kept).unwrap(), String::from_utf8(here).unwrap());
    }
}

#[test]
fn a_picture_of_a_text_stands_in_it_wherever_its_bytes_are() {
    let uri = "mxc://hs.example/cat";
    let draft = draft(json!({
        "msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html",
        "formatted_body": format!("a cat: <img src=\"{uri}\" alt=\"cat\">")
    }));
    let png = b"\x89PNG\r\n\x1a\n1234".to_vec();
    let with = |picture| RenderOptions {
        within: BTreeMap::from([(uri.into(), picture)]),
        ..RenderOptions::default()
    };
    let here = MediaBytes::Here {
        content_type: None,
        bytes: png.clone(),
    };
    let kept = MediaBytes::Kept {
        content_type: None,
        start: png.clone(),
        number: 0,
        size: 12,
    };
    let kept = render_with(&draft, &with(kept)).unwrap();
    assert_eq!(kept.files.len(), 1);
    let here = render_with(&draft, &with(here)).unwrap();
    assert_eq!(assembled(&kept, &[png], 5), here.bytes);
}
