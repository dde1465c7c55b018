//! `mail.imap`.

use secrecy::ExposeSecret as _;

use super::*;
use crate::mail::imap::{After, Credentials};

const ONE: &str = "{host: imap.example.org, username: penpal@example.org, password: hush";

fn with(more: &str) -> String {
    least_with("mail.imap", &format!("[{ONE}{more}}}]"))
}

#[test]
fn the_least_mailbox_has_reasonable_defaults() {
    let config = Folder::with(&with("")).load(&[]).unwrap();
    let mailbox = &config.mailbox_settings()[0];
    assert_eq!((mailbox.port, mailbox.tls), (993, RelayTls::Tls));
    assert_eq!((mailbox.folder.as_str(), &mailbox.after), ("INBOX", &After::Seen));
    assert_eq!(mailbox.id, "penpal@example.org@imap.example.org:993/INBOX");
    assert!(!mailbox.label.contains("penpal@"), "addresses are in no log");
    assert!(!format!("{:?}", config.mail.imap).contains("hush"));
    let config = Folder::with(&with(", tls: starttls, after: move, move_to: Done"))
        .load(&[])
        .unwrap();
    let mailbox = &config.mailbox_settings()[0];
    assert_eq!((mailbox.port, &mailbox.after), (143, &After::Move("Done".into())));
}

#[test]
fn secrets_in_lists_come_from_files_and_from_the_environment_too() {
    let password = |folder: &Folder, environment: &[(&str, &str)]| match folder
        .load(environment)
        .unwrap()
        .mailbox_settings()[0]
        .credentials
        .clone()
    {
        Credentials::Password(password) => password.expose_secret().to_owned(),
        Credentials::TokenFile(path) => panic!("{}", path.display()),
    };
    let in_file = ONE.replace("password: hush", "password_file: secret");
    let folder = Folder::with(&least_with("mail.imap", &format!("[{in_file}}}]")));
    folder.write("secret", "from a file\n");
    assert_eq!(password(&folder, &[]), "from a file");
    let variable = ("PENPAL_MAIL__IMAP__0__PASSWORD", "from the environment");
    assert_eq!(password(&folder, &[variable]), "from the environment");
    assert_eq!(
        password(&Folder::with(&with("")), &[variable]),
        "from the environment"
    );
}

#[test]
fn mistakes() {
    for (more, message) in [
        (
            ", password_file: x",
            "mail.imap[0].password_file: `password` is given as well: keep one of the two",
        ),
        (
            ", token_file: config.yaml",
            "mail.imap[0].token_file: a password is given as well: keep one of the two",
        ),
        (
            ", tls: none",
            "mail.imap[0].tls: is `none`, and mail and password would cross the network to imap.example.org readable by all: \
             choose starttls or tls",
        ),
        (
            ", after: move",
            "mail.imap[0].move_to: is missing: add the folder to which `after: move` moves what was taken",
        ),
        (
            ", move_to: Done",
            "mail.imap[0].move_to: Done is used with `after: move` alone: remove it, or change what comes after",
        ),
        (
            ", after: burn",
            "mail.imap[0].after: `burn` is not seen, move or delete",
        ),
        (
            ", poll: 1ms",
            "mail.imap[0].poll: is less than a second: give more",
        ),
    ] {
        assert_eq!(refused(&with(more)), format!("config.yaml: {message}"));
    }
    let without = ONE.replace(", password: hush", "");
    assert_eq!(
        refused(&least_with("mail.imap", &format!("[{without}}}]"))),
        "config.yaml: mail.imap[0].password: is missing: add the password of penpal@example.org, `password_file` or \
         `token_file`"
    );
}
