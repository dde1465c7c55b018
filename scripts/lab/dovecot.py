"""A real Dovecot, as a provider's server: mail in by LMTP, Penpal fetches it over IMAP. It knows nothing of the machine's mail."""

import getpass
import imaplib
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from lab.processes import Service, answers, free_port, until

PASSWORD = "pass'word-ü"

# All addresses of a domain have one mailbox: a catch-all.
CONFIGURATION = """\
base_dir = {directory}/run
log_path = /dev/stderr
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{directory}/certificate.pem
ssl_key = <{directory}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain
mail_location = maildir:{directory}/mail/%d
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {user}
mail_gid = {group}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={directory}/mail/%d allow_all_users=yes
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp_port}
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
protocol lmtp {{
  postmaster_address = postmaster@provider.test
}}
"""


class Dovecot:
    """One instance with folders of its own, run by an ordinary user."""

    def __init__(self):
        self.imap_port = free_port()
        self.imaps_port = free_port()
        self.lmtp_port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="penpal-dovecot-"))
        self._configuration = self.directory / "dovecot.conf"
        as_root = os.geteuid() == 0
        self._user, self._group = ("nobody", "nogroup") if as_root else (getpass.getuser(), getpass.getuser())
        options = {"user": "nobody", "group": "nogroup", "extra_groups": []} if as_root else {}
        command = ["dovecot", "-F", "-c", self._configuration]
        self.service = Service("Dovecot", command, self.directory / "log", **options)

    def start(self) -> None:
        """Starts it and waits until it listens."""
        values = {"user": self._user, "group": self._group, "directory": self.directory}
        ports = {"imap_port": self.imap_port, "imaps_port": self.imaps_port, "lmtp_port": self.lmtp_port}
        values |= ports | {"password": PASSWORD}
        if not self.certificate.exists():
            self._certify()
        self._configuration.write_text(CONFIGURATION.format(**values))
        (self.directory / "mail").mkdir(exist_ok=True)
        for path in (self.directory, self.directory / "mail", self._configuration):
            shutil.chown(path, self._user, self._group)
        self.service.start()
        for port in (self.imap_port, self.lmtp_port):
            until(lambda port=port: answers(port), f"Dovecot listening on port {port}", 30, (self.service,))

    def _certify(self) -> None:
        """Makes a certificate for this machine, which is its own authority."""
        names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        command += ["-subj", "/CN=localhost", "-addext", names, "-addext", "basicConstraints=critical,CA:FALSE"]
        command += ["-keyout", self.directory / "key.pem", "-out", self.certificate]
        subprocess.run(command, check=True, capture_output=True)
        shutil.chown(self.directory / "key.pem", self._user, self._group)

    def stop(self) -> None:
        """Stops it and removes its files."""
        self.service.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def certificate(self) -> Path:
        """What proves who it is."""
        return self.directory / "certificate.pem"

    def mailbox(self, username: str, tls: str = "tls", **more: object) -> dict:
        """An entry of `mail.imap` for one of its users."""
        port = self.imaps_port if tls == "tls" else self.imap_port
        way = {"host": "localhost", "port": port, "tls": tls, "ca_file": str(self.certificate)}
        return way | {"username": username, "password": PASSWORD} | more

    @contextmanager
    def opened(self, username: str, folder: str = "INBOX"):
        """Somebody else who looks into a mailbox."""
        box = imaplib.IMAP4("127.0.0.1", self.imap_port)
        box.authenticate("PLAIN", lambda _: f"\0{username}\0{PASSWORD}".encode())
        try:
            status, _ = box.select(folder)
            yield box if status == "OK" else None
        finally:
            box.logout()

    def messages(self, username: str, criteria: str = "ALL", folder: str = "INBOX") -> int:
        """How many messages of a folder match."""
        with self.opened(username, folder) as box:
            return len(box.search(None, criteria)[1][0].split()) if box else 0
