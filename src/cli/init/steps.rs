//! What is left to do after `penpal init`.

use std::path::{Path, PathBuf, absolute};

use crate::config::Config;
use crate::mail::listener::{ListenAddress, Protocol};
use crate::mail::signing::DnsRecord;

/// The files that were written.
pub(super) struct Written<'a> {
    pub(super) config: &'a Path,
    pub(super) registration: &'a Path,
    /// The registration for double puppeting.
    pub(super) second: Option<&'a Path>,
    pub(super) keys: &'a [PathBuf],
}

/// The next steps, for Synapse and Postfix, with the admin's own names in them.
pub(super) fn next_steps(config: &Config, files: &Written<'_>, records: &[DnsRecord]) -> String {
    let file = files.config;
    let full = |path: &Path| absolute(path).unwrap_or_else(|_| path.to_owned());
    let copies = [
        (Some(files.registration), "/etc/matrix-synapse/penpal.yaml"),
        (files.second, "/etc/matrix-synapse/penpal-double-puppet.yaml"),
    ];
    let copies: Vec<_> = copies
        .into_iter()
        .filter_map(|(path, copy)| Some((full(path?), copy)))
        .collect();
    let installs: String = copies
        .iter()
        .map(|(path, copy)| {
            format!(
                "       install -o matrix-synapse -m 600 {} {copy}\n",
                path.display()
            )
        })
        .collect();
    let written: Vec<String> = [Some(file), Some(files.registration), files.second]
        .into_iter()
        .flatten()
        .chain(files.keys.iter().map(PathBuf::as_path))
        .map(|path| path.display().to_string())
        .collect();
    let signed: String = records
        .iter()
        .map(|record| format!("       {}\n", record.in_zone()))
        .collect();
    let signed = if signed.is_empty() {
        signed
    } else {
        format!(
            "   These let others verify that mail is from {} (DKIM); `penpal doctor` looks for them:\n{signed}",
            config.addresses.domain()
        )
    };
    let listed: String = copies
        .iter()
        .map(|(_, copy)| format!("         - {copy}\n"))
        .collect();
    let domain = config.addresses.domain();
    let transport = config.mail.listen.first().map_or_else(String::new, |door| {
        let protocol = match door.protocol {
            Protocol::Lmtp => "lmtp",
            Protocol::Smtp => "smtp",
        };
        match (&door.address, door.protocol) {
            (ListenAddress::Unix(path), _) => format!("{protocol}:unix:{}", path.display()),
            (address, Protocol::Lmtp) => format!("lmtp:inet:{address}"),
            (ListenAddress::Tcp { host, port }, Protocol::Smtp) => format!("smtp:[{host}]:{port}"),
        }
    });
    format!(
        "\
Written: {written}.

1. Synapse runs as a user of its own: give it a copy that it can read, as root (Debian's names; yours may differ):
{installs}   Name it in homeserver.yaml; then restart Synapse:
       app_service_config_files:
{listed}
2. Postfix, in main.cf; then `postfix reload`:
       relay_domains = {domain}
       transport_maps = inline:{{{domain}={transport}}}
   (Add to what these two hold already.)

3. In the DNS the MX of {domain} must lead to this mail server, and its SPF record must let it send.
{signed}
4. Start it:
       penpal run --config {file}

`penpal registration check FILE` tells later whether Synapse's copy still fits.
",
        written = written.join(", "),
        file = file.display(),
    )
}
