//! Plain text as it was meant: soft line breaks joined (RFC 3676).

/// Undoes format=flowed. With `delsp` the space before a soft break goes too.
pub(super) fn unflow(text: &str, delsp: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut open: Option<usize> = None;
    for line in text.split('\n') {
        let depth = line.bytes().take_while(|byte| *byte == b'>').count();
        let stuffed = line.get(depth..).unwrap_or_default();
        let content = stuffed.strip_prefix(' ').unwrap_or(stuffed);
        let soft = content.ends_with(' ') && content != "-- ";
        let shown = if soft && delsp {
            content.strip_suffix(' ').unwrap_or(content)
        } else {
            content
        };
        match lines
            .last_mut()
            .filter(|_| open == Some(depth) && content != "-- ")
        {
            Some(last) => last.push_str(shown),
            None if depth > 0 => lines.push(format!("{} {shown}", ">".repeat(depth))),
            None => lines.push(shown.to_owned()),
        }
        open = soft.then_some(depth);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_breaks_are_joined_within_one_depth_of_quotation() {
        for (given, delsp, expected) in [
            ("one \ntwo\nthree", false, "one two\nthree"),
            ("one \ntwo", true, "onetwo"),
            ("> one \n> two\nthree", false, "> one two\nthree"),
            (">> a \n> b", false, ">> a \n> b"),
            ("text \n-- \nname", false, "text \n-- \nname"),
            (" From here", false, "From here"),
            ("\n\nlate", false, "\n\nlate"),
        ] {
            assert_eq!(unflow(given, delsp), expected, "{given:?}");
        }
    }
}
