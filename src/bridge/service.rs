//! What the homeserver asks: the port of the appservice's endpoints.

use async_trait::async_trait;
use ruma::UserId;
use serde_json::Value;

use super::Bridge;
use crate::appservice::{
    Correspondence, Download, NoCorrespondence, NoDownload, Service, ThirdPartyQuery, ThirdPartyUser,
    Unavailable,
};
use crate::convert::address::address_of;
use crate::convert::to_matrix::Wish;
use crate::model::EmailAddress;

#[async_trait]
impl Service for Bridge {
    async fn transaction(&self, txn_id: &str, body: Value) -> Result<(), Unavailable> {
        self.record_transaction(txn_id, &body).await;
        let accepted = self.accept_transaction(txn_id, &body).await;
        accepted.map_err(|error| {
            self.refused_transactions.notify_one();
            Unavailable(error.to_string())
        })
    }

    async fn query_user(&self, user_id: &str) -> Result<bool, Unavailable> {
        let exists = Self::query_user(self, user_id)
            .await
            .map_err(|error| Unavailable(error.to_string()))?;
        self.record_query(user_id, exists).await;
        Ok(exists)
    }

    fn third_party_user(&self, query: ThirdPartyQuery<'_>) -> Option<ThirdPartyUser> {
        let (user_id, email) = match query {
            ThirdPartyQuery::Email(email) => {
                let address = EmailAddress::parse(email).ok()?;
                (self.puppet_of(&address)?, address)
            }
            ThirdPartyQuery::UserId(user) => {
                let user = <&UserId>::try_from(user).ok()?;
                (user.to_owned(), address_of(&self.settings.namespace, user)?)
            }
        };
        Some(ThirdPartyUser {
            user_id: user_id.into(),
            email: email.into(),
        })
    }

    async fn download(&self, link: &str) -> Result<Download, NoDownload> {
        self.open_link(link).await
    }

    async fn correspondence(
        &self,
        token: &str,
        stop: Option<bool>,
    ) -> Result<Correspondence, NoCorrespondence> {
        let change = stop.map(|stop| if stop { Wish::Stop } else { Wish::Start });
        self.follow_stop_link(token, change).await
    }

    async fn ready(&self) -> Result<(), String> {
        self.write_probe(0).await.map_err(|error| error.to_string())?;
        let bot = self.settings.namespace.bot();
        self.homeserver
            .profile(bot, bot)
            .await
            .map_err(|error| error.to_string())?;
        Ok(())
    }
}
