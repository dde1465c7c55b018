//! Every mistake, with the exact words it gets.

use super::*;

/// A key, a value for it that is a mistake, and the message.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "mail.relai",
        "1",
        "config.yaml: mail.relai: there is no such key, did you mean `relay`? (known here: addresses, authentication, automatic, dkim, domain, domains, \
             imap, listen, max_size, rates, relay)",
    ),
    (
        "chats.colour",
        "red",
        "config.yaml: chats.colour: there is no such key (known here: accept_plain_invites, history_limit, new_thread, \
             settle, settle_max, strangers, strangers_at_most)",
    ),
    (
        "permissions.lab.test",
        "user",
        "config.yaml: permissions.lab: a section is not none, reply, user or admin",
    ),
    (
        "permissions.bob@example",
        "user",
        "config.yaml: permissions: `bob@example` stands for nobody: give a user such as \"@bob:example.org\", a server such as example.org, \
             either with * for any text, or \"*\" for everybody",
    ),
    (
        "permissions.bob:hs",
        "none",
        "config.yaml: permissions: `bob:hs` stands for nobody: give a user such as \"@bob:example.org\", a server such as example.org, \
             either with * for any text, or \"*\" for everybody",
    ),
    (
        "permissions.*:hs",
        "none",
        "config.yaml: permissions: `*:hs` stands for nobody: give a user such as \"@bob:example.org\", a server such as example.org, \
             either with * for any text, or \"*\" for everybody",
    ),
    (
        "permissions.@mallory:hs",
        "~",
        "config.yaml: permissions.@mallory:hs: nothing is not none, reply, user or admin",
    ),
    (
        "permissions.*",
        "relay",
        "config.yaml: permissions.*: `relay` is not none, reply, user or admin",
    ),
    (
        "limits.denied",
        "[example.org, '@']",
        "config.yaml: limits.denied[1]: `@` is not a pattern for addresses: give one such as alice@example.org, example.org (with the domains \
             below) or *@*.example.org",
    ),
    (
        "mail.authentication.mode",
        "spf",
        "config.yaml: mail.authentication.mode: `spf` is not check, trust or off",
    ),
    (
        "mail.authentication.mode",
        "trust",
        "config.yaml: mail.authentication.authserv_id: is missing: add the name with which the mail server in front begins its \
             Authentication-Results fields, which `mode: trust` needs",
    ),
    (
        "mail.authentication.authserv_id",
        "mx.example.org",
        "config.yaml: mail.authentication.authserv_id: mx.example.org is used with `mode: trust` alone: remove it, or change \
             the mode",
    ),
    (
        "mail.authentication",
        "{mode: trust, authserv_id: 'mx.example.org;'}",
        "config.yaml: mail.authentication.authserv_id: `mx.example.org;` is not the name of a mail server: give the one word with which its \
             Authentication-Results fields begin",
    ),
    (
        "mail.authentication.dns_timeout",
        "0s",
        "config.yaml: mail.authentication.dns_timeout: `0s` is not a time in which anybody could answer: give a second (1s) or more",
    ),
    (
        "mail.relay.timeout",
        "10ms",
        "config.yaml: mail.relay.timeout: `10ms` is not a time in which anybody could answer: give a second (1s) or more",
    ),
    (
        "mail.authentication.unauthenticated",
        "drop",
        "config.yaml: mail.authentication.unauthenticated: `drop` is not label or reject",
    ),
    (
        "mail.authentication.dns",
        "[dns.example.org]",
        "config.yaml: mail.authentication.dns[0]: `dns.example.org` is not an IP address, with or without a port: give one \
             such as 127.0.0.1 or 127.0.0.1:5353",
    ),
    (
        "mail.relay.port",
        "70000",
        "config.yaml: mail.relay.port: `70000` is not a port: give a number from 1 to 65535",
    ),
    (
        "mail.relay.port",
        "0",
        "config.yaml: mail.relay.port: `0` is not a port: give a number from 1 to 65535",
    ),
    (
        "mail.relay.port",
        "[25]",
        "config.yaml: mail.relay.port: a list is not a port: give a number from 1 to 65535",
    ),
    (
        "appservice.listen",
        "'127.0.0.1:99999'",
        "config.yaml: appservice.listen: `127.0.0.1:99999` is not an address to listen on: give an IP address and a port \
             from 1 to 65535, such as 127.0.0.1:29330",
    ),
    (
        "mail.listen",
        "[{address: '127.0.0.1:0'}]",
        "config.yaml: mail.listen[0].address: `127.0.0.1:0` is not an address to listen on: give a host and a port from 1 to 65535, such as 127.0.0.1:8024, or unix: and a path",
    ),
    (
        "mail.listen",
        "{address: '127.0.0.1:8024'}",
        "config.yaml: mail.listen: must be a list, with `- ` before each entry",
    ),
    (
        "mail.relay",
        "localhost",
        "config.yaml: mail.relay: must be a section with keys of its own, each on an indented line",
    ),
    (
        "mail.relay.tls",
        "ssl",
        "config.yaml: mail.relay.tls: `ssl` is not none, starttls or tls",
    ),
    (
        "mail.relay.host",
        "smtp://localhost:25",
        "config.yaml: mail.relay.host: `smtp://localhost:25` is not a host name or IP address: give it without scheme, \
             and the port in mail.relay.port",
    ),
    (
        "mail.relay.username",
        "penpal",
        "config.yaml: mail.relay.password: is missing: add the password of penpal, `password_file`, or \
             PENPAL_MAIL__RELAY__PASSWORD",
    ),
    (
        "mail.relay.password",
        "hush",
        "config.yaml: mail.relay.username: is missing: add the name to which the password belongs, or remove the \
             password",
    ),
    (
        "mail.relay.password",
        "12345",
        "config.yaml: mail.relay.password: must be text: put it in quotation marks",
    ),
    (
        "mail.relay",
        "{host: mx.example.org, username: penpal, password: hush}",
        "config.yaml: mail.relay.tls: is `none`, and the password would cross the network to mx.example.org readable \
             by all: choose starttls or tls",
    ),
    (
        "homeserver.url",
        "127.0.0.1:8008",
        "config.yaml: homeserver.url: `127.0.0.1:8008` is not the URL of a server: give http:// or https:// and a \
             host, without user, query or fragment",
    ),
    (
        "homeserver.server_name",
        "'hs tld'",
        "config.yaml: homeserver.server_name: `hs tld` is not a server name: give what stands after the colon in user \
             IDs, such as example.org",
    ),
    (
        "homeserver.request_timeout",
        "30",
        "config.yaml: homeserver.request_timeout: `30` is not a duration: give a number and a unit, such as 30s, 3m, \
             2h or 2d",
    ),
    (
        "appservice.as_token",
        "''",
        "config.yaml: appservice.as_token: is empty: put the secret there",
    ),
    (
        "appservice.as_token",
        "null",
        "config.yaml: appservice.as_token: is missing: add it, or `as_token_file` with the path of a file that holds it, \
             or set PENPAL_APPSERVICE__AS_TOKEN",
    ),
    (
        "homeserver.server_name",
        "null",
        "config.yaml: homeserver.server_name: is missing: add it; config.example.yaml explains every key",
    ),
    (
        "appservice.user_prefix",
        "Email_",
        "config.yaml: appservice.user_prefix: `Email_` can't be used: the prefix of puppets needs one or more of the \
             characters a-z 0-9 . _ - / +",
    ),
    (
        "appservice.bot",
        "'pen:pal'",
        "config.yaml: appservice.bot: `pen:pal` can't be used: the name of the bot needs one or more of the characters \
             a-z 0-9 . _ = - / +",
    ),
    (
        "appservice.max_transaction_size",
        "1 MB",
        "config.yaml: appservice.max_transaction_size: 1000000 bytes are too few for 100 events of the largest size: \
             give 6553600 (6400 KiB) or more",
    ),
    (
        "mail.domain",
        "-example.org",
        "config.yaml: mail.domain: `-example.org` is not a domain: give one such as mail.example.org",
    ),
    (
        "mail.domains",
        "[{domain: firm.example}, {domain: -x}]",
        "config.yaml: mail.domains[1].domain: `-x` is not a domain: give one such as mail.example.org",
    ),
    (
        "mail.domains",
        "[{domain: Mail.Example.org}]",
        "config.yaml: mail.domains[0].domain: `Mail.Example.org` is there already: name each mail domain once",
    ),
    (
        "mail.domains",
        "[{domain: firm.example, users: ['@bob']}]",
        "config.yaml: mail.domains[0].users[0]: `@bob` is not a pattern for Matrix users: give a user ID such as \
             '@bob:example.org', a server such as example.org, or either with *",
    ),
    (
        "mail.domains",
        "[{domain: firm.example, relay: {host: mx.firm.example, username: penpal}}]",
        "config.yaml: mail.domains[0].relay.password: is missing: add the password of penpal, `password_file`, or \
             PENPAL_MAIL__DOMAINS__0__RELAY__PASSWORD",
    ),
    (
        "mail.domains",
        "[{domain: firm.example, dkim: [{selector: 'a b', key: x.pem}]}]",
        "config.yaml: mail.domains[0].dkim[0].selector: `a b` can't stand in the DNS: use letters, digits and hyphens",
    ),
    (
        "mail.max_size",
        "lots",
        "config.yaml: mail.max_size: `lots` is not a size: give a number and a unit, such as 500 KB, 50 MB or 64 MiB",
    ),
    (
        "mail.addresses.mailbox",
        "penpal@example.org",
        "config.yaml: mail.addresses.mailbox: penpal@example.org is used with `scheme: single` alone: remove it, or \
             change the scheme",
    ),
    (
        "mail.addresses.scheme",
        "single",
        "config.yaml: mail.addresses.mailbox: is missing: add the address of the one mailbox, which `scheme: single` \
             needs",
    ),
    (
        "mail.addresses",
        "{scheme: single, mailbox: penpal}",
        "config.yaml: mail.addresses.mailbox: `penpal` is not an email address: an email address has the form \
             name@domain",
    ),
    (
        "mail.addresses.default_user",
        "bob",
        "config.yaml: mail.addresses.default_user: `bob` is not a Matrix user ID: give the whole, such as \
             '@bob:example.org', in quotation marks",
    ),
    (
        "mail.listen",
        "[{address: '127.0.0.1:8024', certificate: nowhere.pem, key: nowhere.key}]",
        "config.yaml: mail.listen[0].certificate: nowhere.pem can't be read (No such file or directory (os error 2)): \
             give the path of a PEM file that the user of penpal may read",
    ),
    (
        "mail.listen",
        "[{address: '127.0.0.1:8024', certificate: nowhere.pem}]",
        "config.yaml: mail.listen[0].key: is missing: add the private key that belongs to the certificate",
    ),
    (
        "chats.accept_plain_invites",
        "maybe",
        "config.yaml: chats.accept_plain_invites: `maybe` is not true or false",
    ),
    (
        "chats.history_limit",
        "-1",
        "config.yaml: chats.history_limit: `-1` is not a number: give one from 0 up",
    ),
    (
        "chats.settle",
        "5m",
        "config.yaml: chats.settle_max: 180s is less than chats.settle, 300s: raise it, or lower the other",
    ),
    (
        "downloads.url",
        "files.example.org",
        "config.yaml: downloads.url: `files.example.org` is not the URL of a server: give http:// or https:// and a host, \
             without user, query or fragment",
    ),
    (
        "downloads.expire",
        "5m",
        "config.yaml: downloads.expire: after 300s a link would end before its email is read: give an hour (1h) or more",
    ),
    (
        "queue.first_retry",
        "0s",
        "config.yaml: queue.first_retry: 0s would try again without any pause: give 1s or more",
    ),
    (
        "queue.longest_retry",
        "1s",
        "config.yaml: queue.longest_retry: 1s is less than queue.first_retry, 5s: raise it, or lower the other",
    ),
    (
        "database.url",
        "mysql://user:hush@localhost/penpal",
        "config.yaml: database.url: names neither SQLite nor PostgreSQL: give sqlite:FILE or \
             postgres://USER:PASSWORD@HOST/NAME",
    ),
    (
        "database.url",
        "postgres://user:hush@[bad/penpal",
        "config.yaml: database.url: is not a URL (invalid IPv6 address): give postgres://USER:PASSWORD@HOST/NAME, special \
             characters as %hh",
    ),
    (
        "logging.level",
        "loud",
        "config.yaml: logging.level: `loud` is none of error, warn, info, debug, trace",
    ),
    (
        "appservice.registration",
        "nowhere.yaml",
        "config.yaml: appservice.registration: nowhere.yaml can't be read (No such file or directory (os error 2)): give \
             the path of the registration, readable for the user of penpal, or remove the key",
    ),
];

#[test]
fn one_message_names_place_key_value_and_mend() {
    for (key, value, message) in MISTAKES {
        assert_eq!(refused(&least_with(key, value)), *message);
    }
}

#[test]
fn a_file_that_is_no_configuration_is_named() {
    let nowhere = tempfile::tempdir().unwrap().path().join("config.yaml");
    assert_eq!(
        Config::load(&nowhere, &BTreeMap::new()).unwrap_err().to_string(),
        format!(
            "{}: can't be read (No such file or directory (os error 2)): give the right path with --config, or let `penpal \
             init` write a configuration",
            nowhere.display()
        )
    );
    for (yaml, message) in [
        (
            "",
            "config.yaml: homeserver: is missing: add it; config.example.yaml explains every key",
        ),
        (
            "- a list",
            "config.yaml: must hold sections such as `homeserver:`; config.example.yaml shows them all",
        ),
        (
            "homesever: {}",
            "config.yaml: homesever: there is no such key, did you mean `homeserver`? (known here: appservice, chats, \
             database, double_puppet, downloads, homeserver, limits, logging, mail, permissions, queue)",
        ),
    ] {
        assert_eq!(refused(yaml), message);
    }
    assert!(refused("mail: [").starts_with("config.yaml: is not YAML: "));
    assert!(refused("mail: {}\nmail: {}").starts_with("config.yaml: is not YAML: "));
}
