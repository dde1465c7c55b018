mod example;
mod mailboxes;
mod messages;

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::mail::listener::Protocol;
use crate::mail::submit::RelayTls;
use crate::store::Strangers;

/// As little as there can be.
const LEAST: &str = "\
homeserver: {url: 'http://127.0.0.1:8008', server_name: hs.tld}
appservice: {as_token: one-very-secret-token, hs_token: another-very-secret-token}
mail: {domain: mail.example.org, relay: {host: 127.0.0.1}}
";

/// A folder with a configuration in it.
struct Folder(TempDir);

impl Folder {
    fn with(yaml: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("config.yaml", yaml);
        folder
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn load(&self, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Config::load(&self.0.path().join("config.yaml"), &environment)
    }

    /// The message, with the folder's own path taken out.
    fn message(&self, environment: &[(&str, &str)]) -> String {
        let message = self.load(environment).unwrap_err().to_string();
        message.replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn refused(yaml: &str) -> String {
    Folder::with(yaml).message(&[])
}

/// [`LEAST`] with more or other keys: `section.key` is replaced or added.
fn least_with(key: &str, value: &str) -> String {
    let mut yaml: serde_json::Value = serde_saphyr::from_str(LEAST).unwrap();
    let (section, last) = key.rsplit_once('.').unwrap();
    let mut inner = &mut yaml;
    for part in section.split('.') {
        let object = inner.as_object_mut().unwrap();
        inner = object.entry(part).or_insert_with(|| serde_json::json!({}));
    }
    let value: serde_json::Value = serde_saphyr::from_str(value).unwrap();
    inner.as_object_mut().unwrap().insert(last.to_owned(), value);
    yaml.to_string()
}

#[test]
fn the_least_configuration_has_reasonable_defaults() {
    let folder = Folder::with(LEAST);
    let config = folder.load(&[]).unwrap();
    assert_eq!(config.homeserver.request_timeout.as_secs(), 30);
    assert_eq!(config.homeserver.media_timeout.as_secs(), 120);
    assert_eq!(config.appservice.id, "penpal");
    assert_eq!(config.appservice.listen.to_string(), "127.0.0.1:29330");
    assert_eq!(config.appservice.reachable_at(), "http://127.0.0.1:29330");
    assert_eq!(config.puppets.bot(), "@penpal:hs.tld");
    assert_eq!(config.puppets.users_regex(), r"^@_email_.*:hs\.tld$");
    assert!(config.double_puppet.is_none());
    assert_eq!(config.addresses.domain(), "mail.example.org");
    assert_eq!(
        (config.mail.relay.port(), config.mail.relay.tls),
        (25, RelayTls::None)
    );
    assert!(config.mail.listen.is_empty());
    assert_eq!(config.mail.max_size, 50_000_000);
    assert_eq!(config.chats.settle.as_secs(), 30);
    assert_eq!(config.chats.settle_max.as_secs(), 180);
    assert_eq!(config.chats.strangers, Strangers::Contacts);
    assert_eq!(config.queue.give_up_after.as_secs(), 2 * 86_400);
    assert_eq!(config.logging.format, Format::Auto);
    let url = secrecy::ExposeSecret::expose_secret(&config.database.url).to_owned();
    assert_eq!(url, format!("sqlite:{}/penpal.db", folder.0.path().display()));
}

#[test]
fn mail_domains_have_ways_of_their_own() {
    let domains = "[{domain: bücher.example, users: [firm.example], relay: {host: mx.firm.example, tls: tls}}, {domain: b.example}]";
    let folder = Folder::with(&least_with("mail.domains", domains));
    let config = folder.load(&[]).unwrap();
    let user = ruma::user_id!("@carol:firm.example");
    assert_eq!(config.addresses.domain_of(user), "xn--bcher-kva.example");
    let ways = config.ways_out();
    let names: Vec<_> = ways.iter().map(|way| way.domain.as_str()).collect();
    assert_eq!(names, ["mail.example.org", "xn--bcher-kva.example", "b.example"]);
    let relay = ways[1].relay.as_ref().unwrap();
    assert_eq!((relay.host.as_str(), relay.port), ("mx.firm.example", 465));
    assert_eq!(relay.hello_name, "xn--bcher-kva.example");
    assert!(ways[0].relay.is_none() && ways[2].relay.is_none());
}

#[test]
fn the_password_of_a_domains_relay_may_stand_in_a_file() {
    use secrecy::ExposeSecret as _;
    let relay = "{host: mx.firm.example, tls: tls, username: penpal, password_file: secret}";
    let domains = format!("[{{domain: a.example}}, {{domain: firm.example, relay: {relay}}}]");
    let folder = Folder::with(&least_with("mail.domains", &domains));
    let password = |environment: &[(&str, &str)]| {
        let relay = folder.load(environment).unwrap().ways_out()[2]
            .relay
            .clone()
            .unwrap();
        relay.credentials.unwrap().password.expose_secret().to_owned()
    };
    for (text, expected) in [
        ("hush", "hush"),
        ("hush\n", "hush"),
        ("hush\r\n", "hush"),
        ("\u{feff}hush\r\n", "hush"),
        (" hush hush ", " hush hush "),
    ] {
        folder.write("secret", text);
        assert_eq!(password(&[]), expected, "{text:?}");
    }
    let variable = ("PENPAL_MAIL__DOMAINS__1__RELAY__PASSWORD", "from the environment");
    assert_eq!(password(&[variable]), "from the environment");
    for (text, message) in [
        (
            "\n",
            "config.yaml: mail.domains[1].relay.password_file: secret is empty: put the secret into it",
        ),
        (
            "hush\nhush\n",
            "config.yaml, from the file secret: mail.domains[1].relay.password: holds a line break or another control character: \
             write the secret in one line",
        ),
    ] {
        folder.write("secret", text);
        assert_eq!(folder.message(&[]), message);
    }
    assert_eq!(
        refused(&least_with("mail.domains", &domains)),
        "config.yaml: mail.domains[1].relay.password_file: secret can't be read (No such file or directory (os error 2)): create it, \
         readable for the user that runs penpal"
    );
}

#[test]
fn one_mailbox_has_no_further_domains() {
    let yaml = least_with("mail.domains", "[{domain: b.example}]");
    let folder = Folder::with(&yaml);
    let message = folder.message(&[
        ("PENPAL_MAIL__ADDRESSES__SCHEME", "single"),
        ("PENPAL_MAIL__ADDRESSES__MAILBOX", "penpal@provider.example"),
    ]);
    assert_eq!(
        message,
        "config.yaml: mail.domains[0].domain: can't be used with `scheme: single`, where one mailbox serves everybody: remove \
         it, or change the scheme"
    );
}

#[test]
fn the_environment_goes_before_the_file() {
    let folder = Folder::with(LEAST);
    let config = folder
        .load(&[
            ("PENPAL_MAIL__RELAY__PORT", "2525"),
            ("PENPAL_MAIL__LISTEN__0__PROTOCOL", "smtp"),
            ("PENPAL_MAIL__LISTEN__0__ADDRESS", "unix:run/smtp.sock"),
            ("PENPAL_CHATS__SETTLE", "0s"),
            ("PENPAL_CHATS__ACCEPT_PLAIN_INVITES", "false"),
            ("PENPAL_CHATS__HISTORY_LIMIT", "7"),
            ("PENPAL_MAIL__RELAY__USERNAME", "1234"),
            ("PENPAL_MAIL__RELAY__PASSWORD", "5678"),
            ("PENPAL_DATABASE__URL", "postgres://penpal:hush@db/penpal"),
            // Not ours: set by Kubernetes, and the filter of the log.
            ("PENPAL_PORT", "tcp://10.0.0.1:29330"),
            ("PENPAL_LOG", "debug"),
            ("HOME", "/root"),
        ])
        .unwrap();
    assert_eq!(config.mail.relay.port(), 2525);
    assert_eq!(config.mail.listen[0].protocol, Protocol::Smtp);
    assert_eq!(
        config.mail.listen[0].address.to_string(),
        format!("unix:{}/run/smtp.sock", folder.0.path().display())
    );
    assert!(config.chats.settle.is_zero() && !config.chats.accept_plain_invites);
    assert_eq!(config.chats.history_limit, 7);
    assert_eq!(config.mail.relay.username.as_deref(), Some("1234"));

    for (name, value, message) in [
        (
            "PENPAL_MAIL__RELAY__PORT",
            "x",
            "environment variable PENPAL_MAIL__RELAY__PORT: mail.relay.port: `x` is not a port: give a number from 1 to 65535",
        ),
        (
            "PENPAL_CHATS__SETTEL",
            "1s",
            "environment variable PENPAL_CHATS__SETTEL: chats.settel: there is no such key, did you mean `settle`? (known \
             here: accept_plain_invites, history_limit, new_thread, settle, settle_max, strangers, strangers_at_most)",
        ),
        (
            "PENPAL_MAIL__DOMAIN__NAME",
            "x",
            "environment variable PENPAL_MAIL__DOMAIN__NAME: mail.domain.name: does not fit what the file holds there: name \
             sections by their keys and entries of lists by their numbers, from 0",
        ),
    ] {
        assert_eq!(folder.message(&[(name, value)]), message);
    }
}

#[test]
fn secrets_come_from_files_too() {
    let yaml = LEAST.replace("hs_token: another-very-secret-token", "hs_token_file: hs_token");
    let folder = Folder::with(&yaml);
    folder.write("hs_token", "from-the-file\n");
    let token = |config: Config| secrecy::ExposeSecret::expose_secret(&config.appservice.hs_token).to_owned();
    assert_eq!(token(folder.load(&[]).unwrap()), "from-the-file");
    let environment = [("PENPAL_APPSERVICE__HS_TOKEN", "from-the-environment")];
    assert_eq!(token(folder.load(&environment).unwrap()), "from-the-environment");
    folder.write("other", "from-another-file");
    let environment = [("PENPAL_APPSERVICE__HS_TOKEN_FILE", "other")];
    assert_eq!(token(folder.load(&environment).unwrap()), "from-another-file");

    folder.write("hs_token", "\n");
    assert_eq!(
        folder.message(&[]),
        "config.yaml: appservice.hs_token_file: hs_token is empty: put the secret into it"
    );
    folder.write("hs_token", "two\nlines\n");
    assert_eq!(
        folder.message(&[]),
        "config.yaml, from the file hs_token: appservice.hs_token: holds a line break or another control character: write the \
         secret in one line"
    );
    folder.write(
        "config.yaml",
        &yaml.replace("hs_token_file: hs_token", "hs_token_file: nowhere"),
    );
    assert_eq!(
        folder.message(&[]),
        "config.yaml: appservice.hs_token_file: nowhere can't be read (No such file or directory (os error 2)): create it, \
         readable for the user that runs penpal"
    );
    folder.write(
        "config.yaml",
        &LEAST.replace("hs_token:", "hs_token_file: x, hs_token:"),
    );
    assert_eq!(
        folder.message(&[]),
        "config.yaml: appservice.hs_token_file: `hs_token` is given as well: keep one of the two"
    );
}

#[test]
fn tokens_must_be_those_of_the_registration() {
    let folder = Folder::with(&LEAST.replace("appservice: {", "appservice: {registration: reg.yaml, "));
    let config = Folder::with(LEAST).load(&[]).unwrap();
    let registration = Registration::of(&config).to_yaml();
    folder.write("reg.yaml", &registration);
    folder.load(&[]).unwrap();
    folder.write(
        "reg.yaml",
        &registration.replace("another-very-secret", "some-other"),
    );
    assert_eq!(
        folder.message(&[]),
        "config.yaml: appservice.hs_token: is not the hs_token of reg.yaml: copy the token from there, or write the \
         registration anew with `penpal registration` and restart the homeserver"
    );
    folder.write("reg.yaml", "as_token: [one-very-secret-token]");
    assert_eq!(
        folder.message(&[]),
        "config.yaml: appservice.registration: reg.yaml is not a registration: write it anew with `penpal registration`"
    );
}

#[test]
fn secrets_never_show() {
    let yaml = least_with(
        "mail.relay",
        "{host: localhost, username: penpal, password: hush-password}",
    );
    let folder = Folder::with(&yaml);
    folder.write("config.yaml", &yaml);
    let config = folder
        .load(&[
            (
                "PENPAL_DATABASE__URL",
                "postgres://penpal:hush-database@db/penpal",
            ),
            ("PENPAL_DOUBLE_PUPPET__AS_TOKEN", "hush-double"),
        ])
        .unwrap();
    let shown = format!("{config:?} {:?}", Registration::of(&config));
    for secret in ["hush", "very-secret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    for (key, value) in [
        ("appservice.as_token", "[hush]"),
        ("appservice.as_token", "{hush: hush}"),
        ("appservice.hs_token", "\"hush\\nhush\""),
        ("database.url", "hush"),
    ] {
        assert!(!refused(&least_with(key, value)).contains("hush"), "{key}");
    }
}
