//! What the bridge changes in converted events, because it knows more than the mail: of the chat, and of the homeserver.

use serde_json::{Map, Value, json};

use super::html::plain_to_html;
use super::{Converted, placeholder};

/// Says in place of upload `index` that it is missing and why, where an event is about that file alone. A caption stays, and a
/// picture without its thumbnail.
pub fn name_missing(converted: &mut Converted, index: usize, reason: &str) {
    let uri = placeholder(index);
    let contents = converted
        .events
        .iter_mut()
        .filter_map(|(_, content)| content.as_object_mut());
    let mut contents: Vec<_> = contents.collect();
    for content in &mut contents {
        if let Some(Value::String(html)) = content.get_mut("formatted_body") {
            name_picture(html, &uri);
        }
        if let Some(Value::Object(info)) = content.get_mut("info")
            && info.get("thumbnail_url").and_then(Value::as_str) == Some(&uri)
        {
            info.remove("thumbnail_url");
            info.remove("thumbnail_info");
        }
    }
    for content in contents
        .into_iter()
        .filter(|content| content.get("url").and_then(Value::as_str) == Some(&uri))
    {
        let text = |field: &str| content.get(field).and_then(Value::as_str);
        let name = text("filename")
            .or_else(|| text("body"))
            .unwrap_or("attachment")
            .to_owned();
        let caption = text("body").filter(|body| *body != name).map(str::to_owned);
        let sentence = format!("The attachment {name} could not be shown here: {reason}");
        for field in ["url", "filename", "info"] {
            content.remove(field);
        }
        content.insert("msgtype".to_owned(), json!("m.notice"));
        content.insert("body".to_owned(), json!(sentence));
        if let Some(caption) = caption {
            content.insert("msgtype".to_owned(), json!("m.text"));
            content.insert("body".to_owned(), json!(format!("{caption}\n\n{sentence}")));
            append_html(content, &format!("<p><em>{}</em></p>", plain_to_html(&sentence)));
        }
    }
}

/// Puts the description of a picture that stands within a text in its place.
fn name_picture(html: &mut String, uri: &str) {
    let source = format!("src=\"{uri}\"");
    while let Some(at) = html.find(&source) {
        let Some((before, rest)) = html
            .get(..at)
            .and_then(|before| before.rfind("<img "))
            .and_then(|start| html.split_at_checked(start))
        else {
            return;
        };
        let mut quoted = false;
        let end = rest.find(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        // A text may look like the attribute of a picture.
        let Some((tag, after)) = end
            .and_then(|end| rest.split_at_checked(end + 1))
            .filter(|(tag, _)| tag.contains(&source))
        else {
            return;
        };
        let alt = tag
            .split_once(" alt=\"")
            .and_then(|(_, alt)| alt.split('"').next());
        let alt = alt.filter(|alt| !alt.is_empty()).unwrap_or("picture");
        *html = format!("{before}[{alt}]{after}");
    }
}

/// Puts the subject above the text of a mail, or before its first file.
pub fn put_subject(converted: &mut Converted, subject: &str) {
    if let Some((event_type, Value::Object(first))) = converted.events.first_mut()
        && event_type == "m.room.message"
        && matches!(
            first.get("msgtype").and_then(Value::as_str),
            Some("m.text" | "m.notice")
        )
    {
        if let Some(Value::String(body)) = first.get_mut("body") {
            *body = format!("{subject}\n\n{body}");
        }
        if let Some(Value::String(html)) = first.get_mut("formatted_body") {
            *html = format!("<p><strong>{}</strong></p>{html}", plain_to_html(subject));
        }
        return;
    }
    let content = json!({"msgtype": "m.text", "body": subject, "m.mentions": {}});
    converted.events.insert(0, ("m.room.message".to_owned(), content));
}

fn append_html(content: &mut Map<String, Value>, html: &str) {
    if let Some(Value::String(formatted)) = content.get_mut("formatted_body") {
        formatted.push_str(html);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(content: Value) -> Converted {
        Converted {
            events: vec![("m.room.message".to_owned(), content)],
            ..Converted::default()
        }
    }

    #[test]
    fn a_missing_file_leaves_its_name_and_caption() {
        let mut plain = converted(
            json!({"msgtype": "m.file", "body": "a.pdf", "filename": "a.pdf", "url": placeholder(0), "info": {}}),
        );
        name_missing(&mut plain, 1, "no reason");
        assert_eq!(plain.events[0].1["url"], placeholder(0), "another file");
        name_missing(&mut plain, 0, "too large");
        let body = "The attachment a.pdf could not be shown here: too large";
        assert_eq!(plain.events[0].1, json!({"msgtype": "m.notice", "body": body}));
        let mut captioned = converted(json!({
            "msgtype": "m.image", "body": "Look", "filename": "<a>.png", "url": placeholder(0), "info": {},
            "format": "org.matrix.custom.html", "formatted_body": "<b>Look</b>",
        }));
        name_missing(&mut captioned, 0, "too large");
        let content = &captioned.events[0].1;
        assert!(
            content["body"]
                .as_str()
                .unwrap()
                .starts_with("Look\n\nThe attachment <a>.png")
        );
        assert_eq!(content["msgtype"], "m.text");
        let html = content["formatted_body"].as_str().unwrap();
        assert!(
            html.starts_with("<b>Look</b><p><em>The attachment &lt;a&gt;.png"),
            "{html}"
        );
    }

    #[test]
    fn a_missing_thumbnail_leaves_the_picture() {
        let info = |thumbnail: Value| {
            let mut info = json!({"w": 1600, "h": 1200});
            if let (Value::Object(info), Value::Object(thumbnail)) = (&mut info, thumbnail) {
                info.extend(thumbnail);
            }
            json!({"msgtype": "m.image", "body": "a.jpg", "url": placeholder(0), "info": info})
        };
        let mut picture = converted(info(
            json!({"thumbnail_url": placeholder(1), "thumbnail_info": {"w": 800}}),
        ));
        name_missing(&mut picture, 1, "too large");
        assert_eq!(picture.events[0].1, info(json!({})));
    }

    #[test]
    fn a_missing_picture_leaves_its_description_in_the_text() {
        let html = "a <img alt=\"b > c\" src=\"mxc://upload.invalid/0\" width=\"3\"> d<img src=\"mxc://upload.invalid/0\"> <img src=\"mxc://upload.invalid/1\">";
        let mut text = converted(json!({"msgtype": "m.text", "body": "a d", "formatted_body": html}));
        name_missing(&mut text, 0, "too large");
        assert_eq!(
            text.events[0].1["formatted_body"],
            "a [b > c] d[picture] <img src=\"mxc://upload.invalid/1\">"
        );
    }

    #[test]
    fn a_subject_stands_above_everything() {
        let mut text =
            converted(json!({"msgtype": "m.text", "body": "Hello", "formatted_body": "<i>Hello</i>"}));
        put_subject(&mut text, "1 < 2");
        assert_eq!(
            text.events[0].1,
            json!({"msgtype": "m.text", "body": "1 < 2\n\nHello", "formatted_body": "<p><strong>1 &lt; 2</strong></p><i>Hello</i>"})
        );
        let mut file = converted(json!({"msgtype": "m.image", "body": "a.png"}));
        put_subject(&mut file, "Photo");
        assert_eq!(
            (&file.events[0].1["body"], file.events.len()),
            (&json!("Photo"), 2)
        );
    }
}
