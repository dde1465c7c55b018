//! Invitations (RFC 5545, RFC 5546): what, when, where, who, in one line.

use super::{Property, property, unfold};

/// How many lines of a calendar are read; an invitation has fifty.
const MAX_LINES: usize = 5_000;

/// Describes the first event of a calendar.
pub(super) fn line(text: &str) -> Option<String> {
    let text = unfold(text);
    let (mut method, mut program) = (String::new(), String::new());
    let mut event: Vec<Property<'_>> = Vec::new();
    // Components inside the event (alarms) have properties of the same names.
    let (mut inside, mut nested) = (false, 0_usize);
    for property in text.lines().take(MAX_LINES).filter_map(property) {
        match (
            property.name.as_str(),
            property.value.to_ascii_uppercase().as_str(),
        ) {
            ("METHOD", value) => value.clone_into(&mut method),
            ("PRODID", value) => value.clone_into(&mut program),
            ("BEGIN", "VEVENT") => inside = true,
            ("END", "VEVENT") => break,
            ("BEGIN", _) if inside => nested += 1,
            ("END", _) if inside => nested = nested.saturating_sub(1),
            _ if inside && nested == 0 => event.push(property),
            _ => {}
        }
    }
    if event.is_empty() {
        return None;
    }
    Some(describe(&method, program.contains("EXCHANGE"), &event))
}

fn describe(method: &str, by_exchange: bool, event: &[Property<'_>]) -> String {
    let find = |name: &str| event.iter().find(|property| property.name == name);
    let value = |name: &str| {
        find(name)
            .map(|property| property.value.as_str())
            .filter(|value| !value.is_empty())
    };
    let updated = value("SEQUENCE").is_some_and(|number| number != "0");
    let cancelled = method == "CANCEL" || value("STATUS") == Some("CANCELLED");
    let attendee = find("ATTENDEE");
    let answer = attendee
        .and_then(|attendee| attendee.parameter("PARTSTAT"))
        .unwrap_or_default();
    let kind = match method {
        _ if cancelled => "Cancelled",
        "REPLY" => match answer.to_ascii_uppercase().as_str() {
            "ACCEPTED" => "Accepted",
            "DECLINED" => "Declined",
            "TENTATIVE" => "Tentatively accepted",
            _ => "Answer to an invitation",
        },
        "REQUEST" if updated => "Updated invitation",
        "REQUEST" => "Invitation",
        _ => "Event",
    };
    let title = value("SUMMARY").unwrap_or("without a title");
    // Exchange puts the answer into the title, in its own language: "Zugesagt: Lunch".
    let title = match title.split_once(": ") {
        Some((answer, title)) if by_exchange && method == "REPLY" && !answer.contains(' ') => title,
        _ => title,
    };
    let mut parts = vec![format!("{kind}: {title}")];
    parts.extend(when(find("DTSTART"), find("DTEND")));
    parts.extend(value("LOCATION").map(str::to_owned));
    let person = if method == "REPLY" {
        attendee
    } else {
        find("ORGANIZER")
    };
    parts.extend(person.map(|person| format!("by {}", name(person))));
    parts.join(" · ")
}

/// The name of a person, else the address.
fn name(person: &Property<'_>) -> String {
    let address = person
        .value
        .get(7..)
        .filter(|_| person.value.to_ascii_lowercase().starts_with("mailto:"));
    person
        .parameter("CN")
        .filter(|name| !name.is_empty())
        .or(address)
        .unwrap_or(&person.value)
        .to_owned()
}

/// "Tue 14 May 2024, 09:30–10:30 (Europe/Berlin)": in the zone of the sender, who says when it is.
fn when(start: Option<&Property<'_>>, end: Option<&Property<'_>>) -> Option<String> {
    let start = start?;
    let begin = Moment::parse(&start.value)?;
    let mut text = begin.date();
    if let Some(time) = &begin.time {
        text.push_str(", ");
        text.push_str(time);
        if let Some(finish) = end.and_then(|end| Moment::parse(&end.value)) {
            text.push('–');
            if finish.day() != begin.day() {
                text.push_str(&finish.date());
                text.push_str(", ");
            }
            text.push_str(finish.time.as_deref().unwrap_or_default());
        }
        let zone = start.parameter("TZID").or(begin.utc.then_some("UTC"));
        if let Some(zone) = zone {
            text.push_str(" (");
            text.push_str(zone);
            text.push(')');
        }
    }
    Some(text)
}

struct Moment {
    day: mail_parser::DateTime,
    time: Option<String>,
    utc: bool,
}

impl Moment {
    /// `20240514` or `20240514T093000Z` (RFC 5545, section 3.3.5).
    fn parse(value: &str) -> Option<Self> {
        let number = |from: usize, to: usize| value.get(from..to)?.parse::<u8>().ok();
        let day = mail_parser::DateTime {
            year: value.get(..4)?.parse().ok()?,
            month: number(4, 6)?,
            day: number(6, 8)?,
            ..mail_parser::DateTime::default()
        };
        let valid = (1..=12).contains(&day.month) && (1..=31).contains(&day.day) && day.year > 1900;
        let time = value.get(8..9).filter(|mark| *mark == "T").and_then(|_| {
            let (hour, minute) = (number(9, 11)?, number(11, 13)?);
            Some(format!("{hour:02}:{minute:02}"))
        });
        valid.then(|| Self {
            day,
            time,
            utc: value.ends_with('Z'),
        })
    }

    fn day(&self) -> (u16, u8, u8) {
        (self.day.year, self.day.month, self.day.day)
    }

    fn date(&self) -> String {
        const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let weekday = DAYS.get(usize::from(self.day.day_of_week())).unwrap_or(&"");
        let month = MONTHS
            .get(usize::from(self.day.month).saturating_sub(1))
            .unwrap_or(&"");
        format!("{weekday} {} {month} {}", self.day.day, self.day.year)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(method: &str, event: &str) -> String {
        format!(
            "BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    }

    #[test]
    fn invitations_are_one_line() {
        let event = "SUMMARY:Lunch\\, late\r\nDTSTART;TZID=Europe/Berlin:20240514T093000\r\nDTEND;TZID=Europe/Berlin:20240514T103000\r\nLOCATION:Caf\r\n é\r\nORGANIZER;CN=\"Smith: Alice\":mailto:alice@example.org\r\nBEGIN:VALARM\r\nSUMMARY:no\r\nEND:VALARM";
        for (method, more, expected) in [
            (
                "REQUEST",
                "",
                "Invitation: Lunch, late · Tue 14 May 2024, 09:30–10:30 (Europe/Berlin) · Café · by Smith: Alice",
            ),
            (
                "REQUEST",
                "\r\nSEQUENCE:2",
                "Updated invitation: Lunch, late · Tue 14 May 2024, 09:30–10:30 (Europe/Berlin) · Café · by Smith: Alice",
            ),
            (
                "CANCEL",
                "",
                "Cancelled: Lunch, late · Tue 14 May 2024, 09:30–10:30 (Europe/Berlin) · Café · by Smith: Alice",
            ),
            (
                "REPLY",
                "\r\nATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.org",
                "Declined: Lunch, late · Tue 14 May 2024, 09:30–10:30 (Europe/Berlin) · Café · by bob@example.org",
            ),
        ] {
            assert_eq!(
                line(&calendar(method, &format!("{event}{more}"))).unwrap(),
                expected
            );
        }
        let exchange = "PRODID:Microsoft Exchange Server 2010\r\nMETHOD:REPLY";
        let accepted = calendar(
            "",
            "SUMMARY:Zugesagt: Team: Lunch\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@example.org",
        );
        assert_eq!(
            line(&accepted.replace("METHOD:", exchange)).unwrap(),
            "Accepted: Team: Lunch · by bob@example.org"
        );
        assert_eq!(
            line(&calendar("PUBLISH", "SUMMARY:Fair\nDTSTART:20240514")).unwrap(),
            "Event: Fair · Tue 14 May 2024"
        );
        assert_eq!(
            line(&calendar("REQUEST", "DTSTART:nonsense")).unwrap(),
            "Invitation: without a title"
        );
        assert_eq!(line("nothing"), None);
    }
}
