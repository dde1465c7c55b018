//! Section `mail.addresses`.

use ruma::OwnedUserId;
use serde::{Deserialize, Deserializer};

use crate::config::error::Problem;
use crate::config::value;
use crate::convert::address::AddressScheme;
use crate::model::EmailAddress;

/// How threads are told apart by their addresses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Addresses {
    /// What the mail server can do. Default `plus`.
    pub scheme: Scheme,
    /// The one mailbox of [`Scheme::Single`].
    #[serde(deserialize_with = "value::optional_address")]
    pub mailbox: Option<EmailAddress>,
    /// Who on Matrix gets mail that is for nobody in particular: to `postmaster` and, with [`Scheme::Single`], mail that answers
    /// nothing. Without it such mail is refused.
    #[serde(deserialize_with = "default_user")]
    pub default_user: Option<OwnedUserId>,
}

/// What the mail server can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Sub-addresses: `bob+TOKEN@domain`.
    #[default]
    Plus,
    /// Every address of the domain is Penpal's: `reply-TOKEN@domain`.
    CatchAll,
    /// There is one mailbox for all.
    Single,
}

impl Addresses {
    /// The scheme with what belongs to it.
    pub(in crate::config) fn scheme(&self) -> Result<AddressScheme, Problem> {
        const MAILBOX: &str = "mail.addresses.mailbox";
        match (self.scheme, &self.mailbox) {
            (Scheme::Plus, None) => Ok(AddressScheme::Plus),
            (Scheme::CatchAll, None) => Ok(AddressScheme::CatchAll),
            (Scheme::Single, Some(mailbox)) => Ok(AddressScheme::Single {
                mailbox: mailbox.clone(),
            }),
            (Scheme::Single, None) => Err(Problem::new(
                MAILBOX,
                "is missing: add the address of the one mailbox, which `scheme: single` needs",
            )),
            (Scheme::Plus | Scheme::CatchAll, Some(mailbox)) => Err(Problem::new(
                MAILBOX,
                format!("{mailbox} is used with `scheme: single` alone: remove it, or change the scheme"),
            )),
        }
    }
}

fn default_user<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OwnedUserId>, D::Error> {
    value::parsed(
        deserializer,
        "a Matrix user ID: give the whole, such as '@bob:example.org', in quotation marks",
    )
    .map(Some)
}
