//! Dates and times as mail programs write them: numbers and what stands between them, in the digits of any script.

/// How many numbers of a text are looked at: a date has six.
const MAX_NUMBERS: usize = 40;

/// One number.
#[derive(Clone, Copy, Debug)]
struct Number {
    /// The character before it.
    before: char,
    /// How many digits it has.
    digits: usize,
    /// A year of our time, also in Buddhist years and in other digits.
    year: bool,
}

/// The numbers of a text. Those of addresses and links are left out: hashes in them look like dates.
#[derive(Clone, Debug, Default)]
pub(super) struct Dates {
    numbers: Vec<Number>,
    /// A full stop or a comma with a blank behind it: "14. 05. 24".
    spaced: bool,
    separated: bool,
}

impl Dates {
    /// Reads a text, in lower case.
    pub(super) fn of(lower: &str) -> Self {
        // Most lines have no number. To look at all bytes is faster than to stop at the first: several are compared at once.
        let may_be_one = |byte: u8| byte.is_ascii_digit() || !byte.is_ascii();
        let any = |found: u8, byte| found | u8::from(may_be_one(byte));
        if lower.bytes().fold(0, any) == 0 {
            return Self::default();
        }
        let text = without_addresses(lower);
        let mut numbers = Vec::new();
        let mut before = ' ';
        let mut digits = String::new();
        for c in text.chars().chain([' ']) {
            if c.is_numeric() {
                digits.push(c);
                continue;
            }
            if !digits.is_empty() {
                numbers.push(Number {
                    before,
                    digits: digits.chars().count(),
                    year: is_year(&digits),
                });
                digits.clear();
                if numbers.len() == MAX_NUMBERS {
                    break;
                }
            }
            before = c;
        }
        Self {
            numbers,
            spaced: text.contains(". "),
            separated: text.contains(['/', '.', '-']),
        }
    }

    /// A date or a time of day.
    pub(super) fn has_date(&self) -> bool {
        let count = self.numbers.len();
        (count >= 2 && (self.has_year() || self.has_time())) || (count >= 3 && self.separated)
    }

    /// Day, month and year.
    pub(super) fn has_full_date(&self) -> bool {
        let joined = |number: &&Number| matches!(number.before, '/' | '.' | '-');
        let short = |number: &&Number| number.digits <= 2;
        (self.numbers.len() >= 2 && self.has_year())
            || self.numbers.iter().filter(joined).count() >= 2
            || (self.numbers.iter().take(3).filter(short).count() == 3 && self.spaced)
    }

    fn has_year(&self) -> bool {
        self.numbers.iter().any(|number| number.year)
    }

    /// A time of day: `9:30`, `9.30`, `9h30`.
    pub(super) fn has_time(&self) -> bool {
        self.numbers
            .iter()
            .zip(self.numbers.iter().skip(1))
            .any(|(hour, minute)| {
                hour.digits <= 2 && minute.digits == 2 && matches!(minute.before, ':' | '.' | 'h')
            })
    }
}

fn is_year(digits: &str) -> bool {
    digits.chars().count() == 4
        && (!digits.is_ascii()
            || ["19", "20", "25"]
                .iter()
                .any(|century| digits.starts_with(century)))
}

/// The text without the pieces that are addresses or links.
fn without_addresses(lower: &str) -> String {
    lower
        .split_inclusive(|c: char| c.is_whitespace() || "<>()[]\",;，；".contains(c))
        .filter(|piece| !piece.contains('@') && !piece.contains("://"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_told_from_other_numbers() {
        for (text, date, full, time) in [
            ("14 may 2024 at 09:30", true, true, true),
            ("14. 05. 24", true, true, false),
            ("at 10:18", true, false, true),
            ("9h30", true, false, true),
            ("२०२४ मई १४", true, true, false),
            (
                "<416ffd3258d4d2fa-4c85.2024.cfa1@example.org>",
                false,
                false,
                false,
            ),
            ("https://example.org/2024/05/14", false, false, false),
            ("3 apples and 4 pears", false, false, false),
        ] {
            let dates = Dates::of(text);
            assert_eq!(
                (dates.has_date(), dates.has_full_date(), dates.has_time()),
                (date, full, time),
                "{text}"
            );
        }
    }
}
