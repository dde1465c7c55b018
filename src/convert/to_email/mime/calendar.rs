//! Points in time as calendars show them, in UTC.

use std::fmt::Write as _;

use crate::model::Timestamp;

/// The last second that a four-digit year can show: 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A point in time, to the second, in the proleptic Gregorian calendar and UTC, between 1970 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CivilTime {
    /// 1970 to 9999.
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: i64,
    /// 1 to 31.
    pub(crate) day: i64,
    /// 0 to 23.
    pub(crate) hour: i64,
    /// 0 to 59.
    pub(crate) minute: i64,
    /// 0 to 59.
    pub(crate) second: i64,
    days: i64,
}

impl From<Timestamp> for CivilTime {
    /// What lies outside the years that can be shown becomes the nearest second that can: a hostile
    /// homeserver may claim any time.
    fn from(time: Timestamp) -> Self {
        let seconds = time.seconds().clamp(0, LAST_SECOND);
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Days since 1 March of year 0, in eras of 400 years: leap days then come last in a year.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
            days,
        }
    }
}

impl CivilTime {
    /// As in a `Date` field (RFC 5322, section 3.3): `Sun, 22 Nov 2026 00:03:27 +0000`.
    pub(crate) fn rfc5322(&self) -> String {
        let weekday = usize::try_from(self.days.rem_euclid(7)).unwrap_or_default();
        let mut text = String::new();
        let _ = write!(
            text,
            "{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000",
            DAYS.get(weekday).unwrap_or(&"Thu"),
            self.day,
            self.month_name(),
            self.year,
            self.hour,
            self.minute,
            self.second,
        );
        text
    }

    /// For people, without the ambiguity of `3/4`: `22 Nov 2026, 00:03 UTC`.
    pub(crate) fn for_people(&self) -> String {
        format!(
            "{} {} {}, {}",
            self.day,
            self.month_name(),
            self.year,
            self.time_of_day()
        )
    }

    /// The time of day alone: `00:03 UTC`.
    pub(crate) fn time_of_day(&self) -> String {
        format!("{:02}:{:02} UTC", self.hour, self.minute)
    }

    fn month_name(&self) -> &'static str {
        usize::try_from(self.month - 1)
            .ok()
            .and_then(|index| MONTHS.get(index))
            .unwrap_or(&"Jan")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_as_headers_and_people_want_them() {
        for (seconds, header, people) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000", "1 Jan 1970, 00:00 UTC"),
            (
                1_795_305_807,
                "Sun, 22 Nov 2026 00:03:27 +0000",
                "22 Nov 2026, 00:03 UTC",
            ),
            (
                951_782_399,
                "Mon, 28 Feb 2000 23:59:59 +0000",
                "28 Feb 2000, 23:59 UTC",
            ),
            (
                951_782_400,
                "Tue, 29 Feb 2000 00:00:00 +0000",
                "29 Feb 2000, 00:00 UTC",
            ),
            (
                4_107_542_400,
                "Mon, 01 Mar 2100 00:00:00 +0000",
                "1 Mar 2100, 00:00 UTC",
            ),
            (-5, "Thu, 01 Jan 1970 00:00:00 +0000", "1 Jan 1970, 00:00 UTC"),
            (
                i64::MAX / 1000,
                "Fri, 31 Dec 9999 23:59:59 +0000",
                "31 Dec 9999, 23:59 UTC",
            ),
        ] {
            let time = CivilTime::from(Timestamp(seconds * 1000));
            assert_eq!(time.rfc5322(), header);
            assert_eq!(time.for_people(), people);
        }
    }
}
