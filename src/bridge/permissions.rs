//! How far a Matrix user may use Penpal, as the admin wants it.

use ruma::{ServerName, UserId};

use crate::model::UserPattern;

/// What a Matrix user may do; each level includes the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing: neither write nor be written to.
    None,
    /// Answer people who wrote first.
    Reply,
    /// Write to anybody, within the limits.
    User,
    /// The same without limits.
    Admin,
}

impl Level {
    /// The level of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::None, Self::Reply, Self::User, Self::Admin]
            .into_iter()
            .find(|level| level.as_str() == name)
    }

    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Reply => "reply",
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

/// Who may do what.
#[derive(Clone, Debug)]
pub struct Permissions(Vec<(UserPattern, Level)>);

impl Permissions {
    /// Levels for those who fit a pattern.
    pub fn new(levels: impl IntoIterator<Item = (UserPattern, Level)>) -> Self {
        Self(levels.into_iter().collect())
    }

    /// What holds where the admin says nothing: people of the own homeserver write to anybody, those of others answer. A
    /// homeserver is open to the whole of Matrix, and its mail domain is not to be.
    pub fn of_server(server_name: &ServerName) -> Self {
        let own = UserPattern::parse(server_name.as_str()).map(|own| (own, Level::User));
        let all = UserPattern::parse("*").map(|all| (all, Level::Reply));
        Self(own.into_iter().chain(all).collect())
    }

    /// The level of a user: that of the closest pattern, and of two that are equally close the lower one; who fits none may
    /// do nothing.
    pub fn level(&self, user: &UserId) -> Level {
        let fitting = self.0.iter().filter(|(pattern, _)| pattern.fits(user));
        let closest = fitting.max_by_key(|(pattern, level)| (pattern.closeness(), std::cmp::Reverse(*level)));
        closest.map_or(Level::None, |(_, level)| *level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(levels: &[(&str, Level)]) -> Permissions {
        let pattern = |text| UserPattern::parse(text).unwrap();
        Permissions::new(levels.iter().map(|(text, level)| (pattern(text), *level)))
    }

    #[test]
    fn the_closest_pattern_says_it() {
        let permissions = permissions(&[
            ("*", Level::None),
            ("*.test", Level::Reply),
            ("lab.test", Level::User),
            ("@guest-*:lab.test", Level::Reply),
            ("@guest-of-honour:lab.test", Level::Admin),
            ("@*a:lab.test", Level::Admin),
            ("@a*:lab.test", Level::None),
        ]);
        for (user, level) in [
            ("@bob:lab.test", Level::User),
            ("@bob:other.test", Level::Reply),
            ("@bob:matrix.org", Level::None),
            ("@guest-7:lab.test", Level::Reply),
            ("@guest-of-honour:lab.test", Level::Admin),
            ("@anna:lab.test", Level::None),
        ] {
            assert_eq!(permissions.level(&UserId::parse(user).unwrap()), level, "{user}");
        }
    }

    #[test]
    fn other_servers_answer_and_do_not_begin() {
        let permissions = Permissions::of_server(ruma::server_name!("lab.test"));
        assert_eq!(permissions.level(ruma::user_id!("@bob:lab.test")), Level::User);
        assert_eq!(
            permissions.level(ruma::user_id!("@bob:elsewhere.test")),
            Level::Reply
        );
        assert_eq!(
            Permissions::new([]).level(ruma::user_id!("@bob:lab.test")),
            Level::None
        );
    }
}
