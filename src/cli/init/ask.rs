//! Asking for what was not given.

use std::io::{self, BufRead, Write};

use super::Init;

impl Init {
    /// Asks for each flag that is missing. An empty answer takes what stands in brackets, where something does.
    pub(super) fn ask(&mut self, from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
        ask(
            &mut self.server_name,
            "The homeserver's name, after the colon in user IDs",
            None,
            from,
            to,
        )?;
        ask(
            &mut self.homeserver_url,
            "Where the homeserver is reached from here",
            Some("http://127.0.0.1:8008"),
            from,
            to,
        )?;
        let domain = self.server_name.as_ref().map(|name| format!("mail.{name}"));
        ask(
            &mut self.mail_domain,
            "The mail domain, on which every user gets an address",
            domain.as_deref(),
            from,
            to,
        )?;
        ask(
            &mut self.relay,
            "The mail server that takes outgoing mail",
            Some("localhost:25"),
            from,
            to,
        )
    }
}

/// Asks until there is an answer.
fn ask(
    answer: &mut Option<String>,
    question: &str,
    default: Option<&str>,
    from: &mut impl BufRead,
    to: &mut impl Write,
) -> io::Result<()> {
    while answer.is_none() {
        match default {
            Some(default) => write!(to, "{question} [{default}]: ")?,
            None => write!(to, "{question}: ")?,
        }
        to.flush()?;
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *answer = Some(line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .or_else(|| default.map(str::to_owned));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        init: Init,
    }

    #[test]
    fn only_what_is_missing_is_asked_until_it_is_answered() {
        let mut init = Flags::parse_from(["init", "--relay", "mx.example.org"]).init;
        let mut shown = Vec::new();
        init.ask(&mut b"\n example.org \n\n\n".as_slice(), &mut shown)
            .unwrap();
        assert_eq!(init.server_name.as_deref(), Some("example.org"));
        assert_eq!(init.homeserver_url.as_deref(), Some("http://127.0.0.1:8008"));
        assert_eq!(init.mail_domain.as_deref(), Some("mail.example.org"));
        assert_eq!(init.relay.as_deref(), Some("mx.example.org"));
        assert_eq!(
            String::from_utf8(shown).unwrap(),
            "The homeserver's name, after the colon in user IDs: \
             The homeserver's name, after the colon in user IDs: \
             Where the homeserver is reached from here [http://127.0.0.1:8008]: \
             The mail domain, on which every user gets an address [mail.example.org]: "
        );
    }

    #[test]
    fn a_closed_terminal_ends_the_asking() {
        let mut init = Flags::parse_from(["init"]).init;
        assert!(init.ask(&mut b"".as_slice(), &mut Vec::new()).is_err());
    }
}
