//! `penpal init`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::{INIT, initialised, penpal, value};

#[test]
fn init_writes_files_that_fit_each_other_and_the_next_commands() {
    let folder = initialised(&[]);
    let config = fs::read_to_string(folder.path().join("config.yaml")).unwrap();
    let registration = fs::read_to_string(folder.path().join("registration.yaml")).unwrap();
    for file in ["config.yaml", "registration.yaml"] {
        let mode = fs::metadata(folder.path().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    for key in ["as_token", "hs_token"] {
        let token = value(&config, key);
        assert_eq!(token.len(), 64, "256 bits in hexadecimal");
        assert_eq!(token, value(&registration, key));
    }
    assert_ne!(value(&config, "as_token"), value(&config, "hs_token"));

    let check = penpal(folder.path(), &["registration", "check"]);
    assert_eq!(
        (check.code, check.out.as_str()),
        (Some(0), "registration.yaml fits config.yaml.\n")
    );
    let printed = penpal(folder.path(), &["registration"]);
    let without_comments: Vec<&str> = registration
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(printed.out.lines().collect::<Vec<_>>(), without_comments);
}

#[test]
fn two_runs_make_different_tokens() {
    let token = |folder: &TempDir| {
        value(
            &fs::read_to_string(folder.path().join("config.yaml")).unwrap(),
            "as_token",
        )
    };
    assert_ne!(token(&initialised(&[])), token(&initialised(&[])));
}

#[test]
fn init_says_what_is_left_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = penpal(folder.path(), &INIT);
    let out = outcome.out.replace(
        &fs::canonicalize(&folder).unwrap().display().to_string(),
        "/etc/penpal",
    );
    assert_eq!(
        out,
        "\
Written: config.yaml, registration.yaml.

1. Synapse runs as a user of its own: give it a copy that it can read, as root (Debian's names; yours may differ):
       install -o matrix-synapse -m 600 /etc/penpal/registration.yaml /etc/matrix-synapse/penpal.yaml
   Name it in homeserver.yaml; then restart Synapse:
       app_service_config_files:
         - /etc/matrix-synapse/penpal.yaml

2. Postfix, in main.cf; then `postfix reload`:
       relay_domains = mail.example.org
       transport_maps = inline:{mail.example.org=lmtp:inet:127.0.0.1:8024}
   (Add to what these two hold already.)

3. In the DNS the MX of mail.example.org must lead to this mail server, and its SPF record must let it send.

4. Start it:
       penpal run --config config.yaml

`penpal registration check FILE` tells later whether Synapse's copy still fits.
"
    );
}

#[test]
fn init_makes_keys_and_says_what_must_be_in_the_dns() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = penpal(folder.path(), &INIT[..9]);
    for (name, kind) in [
        ("rsa", "v=DKIM1; k=rsa; p="),
        ("ed25519", "v=DKIM1; k=ed25519; p="),
    ] {
        let mode = fs::metadata(folder.path().join(format!("dkim-{name}.pem")))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let record = format!("penpal-{name}._domainkey.mail.example.org. IN TXT ( \"{kind}");
        assert!(outcome.out.contains(&record), "{}", outcome.out);
    }
    fs::write(folder.path().join("dkim-rsa.pem"), "no key").unwrap();
    let started = penpal(folder.path(), &["run"]);
    assert_eq!(started.code, Some(2));
    assert!(
        started
            .err
            .starts_with("penpal: config.yaml: mail.dkim: cannot sign with ")
            && started
                .err
                .contains("dkim-rsa.pem: there is no private key in it"),
        "{}",
        started.err
    );
}

#[test]
fn init_never_overwrites_and_leaves_nothing_half_done() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("registration.yaml"), "precious").unwrap();
    let outcome = penpal(folder.path(), &INIT);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        outcome.err,
        "penpal: registration.yaml exists already and is not overwritten: move it away, or name another file\n"
    );
    assert!(!folder.path().join("config.yaml").exists());
    assert_eq!(
        fs::read_to_string(folder.path().join("registration.yaml")).unwrap(),
        "precious"
    );
}

#[test]
fn double_puppeting_has_a_registration_of_its_own() {
    let folder = initialised(&["--double-puppet"]);
    let config = fs::read_to_string(folder.path().join("config.yaml")).unwrap();
    let path = folder.path().join("registration-double-puppet.yaml");
    let second = fs::read_to_string(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let token = value(&second, "as_token");
    assert!(config.contains(&format!("double_puppet:\n  as_token: \"{token}\"")));
    assert_eq!(value(&second, "id"), "penpal-double-puppet");
    assert_eq!(value(&second, "url"), "null");
    assert!(second.contains("exclusive: false"));
    assert!(second.contains(r"^@.*:example\.org$"), "{second}");
    assert_eq!(penpal(folder.path(), &["registration", "check"]).code, Some(0));
}

#[test]
fn files_in_other_folders_find_each_other() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("penpal")).unwrap();
    fs::create_dir(folder.path().join("synapse")).unwrap();
    let paths = [
        "--config",
        "penpal/config.yaml",
        "--registration",
        "synapse/penpal.yaml",
    ];
    assert_eq!(penpal(folder.path(), &[&INIT[..], &paths].concat()).code, Some(0));
    let check = penpal(
        folder.path(),
        &["registration", "check", "--config", "penpal/config.yaml"],
    );
    assert_eq!((check.code, check.err.as_str()), (Some(0), ""));
}

#[test]
fn mistakes_end_with_exit_code_2_and_name_the_flag() {
    let folder = tempfile::tempdir().unwrap();
    for (flag, wrong, message) in [
        (
            "--server-name",
            "exa mple",
            "--server-name: `exa mple` is not a server name: give what stands after the colon in user IDs, such as example.org",
        ),
        (
            "--homeserver-url",
            "127.0.0.1:8008",
            "--homeserver-url: `127.0.0.1:8008` is not the URL of a server: give http:// or https:// and a host, without user, \
             query or fragment",
        ),
        (
            "--mail-domain",
            "-x",
            "--mail-domain: `-x` is not a domain: give one such as mail.example.org",
        ),
        (
            "--relay",
            "http://x",
            "--relay: `http://x` is not a mail server: give HOST or HOST:PORT, such as localhost:25, with starttls:// or smtps:// \
             before it where the connection is to be protected",
        ),
        (
            "--listen",
            "127.0.0.1:70000",
            "--listen: `127.0.0.1:70000` is not an address to listen on: give an IP address and a port from 1 to 65535, such as \
             127.0.0.1:29330",
        ),
        (
            "--database",
            "/var/lib/penpal.db",
            "--database: names neither SQLite nor PostgreSQL: give sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME",
        ),
        (
            "--mail-listen",
            "8024",
            "--mail-listen: `8024` is not an address to listen on: give one such as lmtp://127.0.0.1:8024 or \
             lmtp://unix:/run/penpal/lmtp.sock",
        ),
    ] {
        let mut arguments: Vec<String> = INIT.iter().map(|argument| (*argument).to_owned()).collect();
        if let Some(at) = arguments.iter().position(|argument| argument == flag) {
            arguments.drain(at..at + 2);
        }
        arguments.push(format!("{flag}={wrong}"));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let outcome = penpal(folder.path(), &arguments);
        assert_eq!(outcome.code, Some(2), "{flag}");
        assert_eq!(outcome.err, format!("penpal: {message}\n"));
        assert!(fs::read_dir(&folder).unwrap().next().is_none());
    }
    let outcome = penpal(folder.path(), &["init", "--server-name", "example.org"]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        outcome.err,
        "penpal: missing: --homeserver-url, --mail-domain, --relay. Give them, or run `penpal init` on a terminal, where it asks; \
         `penpal init --help` explains them\n"
    );
}
