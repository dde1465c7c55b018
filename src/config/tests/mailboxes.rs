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
        (
            ", timeout: 0s",
            "mail.imap[0].timeout: `0s` is not a time in which anybody could answer: give a second (1s) or more",
        ),
        (
            ", after: move, move_to: inbox",
            "mail.imap[0].move_to: is inbox, from which mail is fetched, so that each message would be moved without end: name \
             another folder",
        ),
        (
            ", folder: Penpal, refused: Penpal",
            "mail.imap[0].refused: is Penpal, from which mail is fetched, so that each message would be moved without end: name \
             another folder",
        ),
    ] {
        assert_eq!(refused(&with(more)), format!("config.yaml: {message}"));
    }
    let twice = format!(
        "[{ONE}}}, {ONE}, folder: Lists}}, {}, folder: inbox}}]",
        ONE.replace("imap.", "IMAP.")
    );
    assert_eq!(
        refused(&least_with("mail.imap", &twice)),
        "config.yaml: mail.imap[2]: is the mailbox of mail.imap[0] once more: remove one of the two, or name another folder"
    );
    let token = ONE.replace("password: hush", "token_file: nowhere");
    assert_eq!(
        refused(&least_with("mail.imap", &format!("[{token}}}]"))),
        "config.yaml: mail.imap[0].token_file: nowhere can't be read (No such file or directory (os error 2)): give the path of a \
         file with an access token that the user of penpal may read"
    );
    let without = ONE.replace(", password: hush", "");
    assert_eq!(
        refused(&least_with("mail.imap", &format!("[{without}}}]"))),
        "config.yaml: mail.imap[0].password: is missing: add the password of penpal@example.org, `password_file` or \
         `token_file`"
    );
}
