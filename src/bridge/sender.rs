//! As whom a thread's Matrix user writes: mail domain, address and return path.

use ruma::UserId;

use super::{Bridge, Failure};
use crate::model::{EmailAddress, Envelope};
use crate::store::Portal;

impl Bridge {
    /// The mail domain of a thread.
    pub(super) fn mail_domain(&self, portal: &Portal) -> &str {
        let addresses = &self.settings.addresses;
        addresses.domain_for(&portal.user, portal.domain.as_deref())
    }

    /// A user's address there, for `From`.
    pub(super) fn address_of(&self, user: &UserId, domain: &str) -> Result<EmailAddress, Failure> {
        self.settings
            .addresses
            .address(user, domain)
            .ok_or_else(|| Failure::Fail(format!("the user ID {user} is too long to be an email address")))
    }

    /// From whom to whom an email of a thread goes; bounces come back to its own return path.
    pub(super) fn envelope(&self, portal: &Portal, bounce_token: &str) -> Result<Envelope, Failure> {
        let domain = self.mail_domain(portal);
        let sender = match self.settings.addresses.bounce_address(bounce_token, domain) {
            Some(address) => address,
            None => self.address_of(&portal.user, domain)?,
        };
        Ok(Envelope {
            sender: Some(sender),
            recipient: portal.address.clone(),
        })
    }
}
