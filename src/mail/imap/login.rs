//! From nothing to a session that is logged in.

use secrecy::ExposeSecret as _;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::session::Session;
use super::{Credentials, ImapError, MailboxSettings, dial, name};
use crate::mail::submit::RelayTls;

/// The longest access token that is read.
const MAX_TOKEN: u64 = 64 * 1024;

/// Connects and logs in.
pub(super) async fn open(settings: &MailboxSettings) -> Result<Session, ImapError> {
    let patience = settings.timeout;
    let dialled = timeout(patience, dial::connect(settings)).await;
    let mut wire = dialled.map_err(|_| ImapError::TimedOut)??;
    if settings.tls == RelayTls::Tls {
        let secured = timeout(patience, dial::secure(wire, settings)).await;
        wire = secured.map_err(|_| ImapError::TimedOut)??;
    }
    let mut session = Session::new(wire, settings);
    session.greeting().await?;
    if settings.tls == RelayTls::Starttls {
        session.command("STARTTLS", "", |_| {}).await?;
        let secured = timeout(patience, dial::secure(session.into_wire()?, settings)).await;
        session = Session::new(secured.map_err(|_| ImapError::TimedOut)??, settings);
    }
    // What was said before TLS, and before the login, may have been a lie (RFC 3501, section 6.2.1).
    session.ask_capabilities().await?;
    log_in(&mut session, settings).await?;
    session.ask_capabilities().await?;
    Ok(session)
}

async fn log_in(session: &mut Session, settings: &MailboxSettings) -> Result<(), ImapError> {
    let user = settings.username.as_str();
    match &settings.credentials {
        Credentials::TokenFile(path) => {
            let mut token = String::new();
            let file = tokio::fs::File::open(path).await;
            let read = match file {
                Ok(file) => file.take(MAX_TOKEN).read_to_string(&mut token).await,
                Err(error) => Err(error),
            };
            if let Err(error) = read {
                return Err(ImapError::Unfit(format!(
                    "{} can't be read ({error}): it must hold an access token, readable for the user that runs penpal",
                    path.display()
                )));
            }
            let words = format!("user={user}\u{1}auth=Bearer {}\u{1}\u{1}", token.trim());
            session.authenticate("XOAUTH2", words.as_bytes()).await
        }
        Credentials::Password(password) => {
            let password = password.expose_secret();
            if session.capabilities.contains("AUTH=PLAIN") {
                let words = format!("\0{user}\0{password}");
                return session.authenticate("PLAIN", words.as_bytes()).await;
            }
            if session.capabilities.contains("LOGINDISABLED") {
                return Err(ImapError::Unfit(
                    "the server takes no password on this connection: set tls to starttls or tls".into(),
                ));
            }
            let (Some(user), Some(password)) = (name::quoted(user), name::quoted(password)) else {
                return Err(ImapError::Unfit(
                    "the server takes user names and passwords in ASCII only".into(),
                ));
            };
            let login = format!("{user} {password}");
            session.command("LOGIN", &login, |_| {}).await.map(|_| ())
        }
    }
}
