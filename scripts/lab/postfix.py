"""A real Postfix beside Penpal, as README.md sets it up: mail for the domain in by LMTP or by a pipe, other mail out."""

import pwd
import shutil
import smtplib
import subprocess
import tempfile
from pathlib import Path

from lab.penpal import Penpal
from lab.processes import Service, free_port, until

MAIN = """\
compatibility_level = 3.6
queue_directory = {directory}/spool
data_directory = {directory}/data
maillog_file = /dev/stdout
myhostname = mx.hs.test
myorigin = hs.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
alias_maps =
local_recipient_maps =
disable_dns_lookups = yes
relay_domains = {domains}
transport_maps = inline:{{ {transports} }}
penpal_destination_recipient_limit = 1
relayhost = [127.0.0.1]:{relay_port}
"""

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
postlog   unix-dgram n - n - 1 postlogd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
lmtp      unix - - n - - lmtp
error     unix - - n - - error
retry     unix - - n - - error
showq     unix n - n - - showq
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
"""

PIPE = """\
penpal    unix - n n - 10 pipe user={user} null_sender= argv={binary} deliver --config {config} --from ${{sender}} -- ${{original_recipient}}
"""


class Postfix:
    """One instance with folders of its own, which knows nothing of the machine's mail."""

    def __init__(self):
        self.port = free_port()
        # Its daemons are other users than root, so they must get through the directory.
        self.directory = Path(tempfile.mkdtemp(prefix="penpal-postfix-"))
        self.directory.chmod(0o755)
        self._etc = self.directory / "etc"
        command = ["postfix", "-c", self._etc, "start-fg"]
        self.service = Service("Postfix", command, self.directory / "maillog")

    def start(self, domains: list[str], lmtp_port: int, relay_port: int) -> None:
        """Begins to take mail: that for `domains` goes to `lmtp_port`, everything else to `relay_port`."""
        self._start(domains, f"lmtp:inet:127.0.0.1:{lmtp_port}", relay_port, "")

    def start_with_pipe(self, domain: str, penpal: Penpal, user: str, relay_port: int) -> None:
        """The same, but `domain` goes to `penpal deliver`, run as this user, who must own the files of Penpal."""
        binary = self.directory / "penpal"
        # It may lie where nobody but root gets.
        shutil.copy(penpal.binary, binary)
        pipe = PIPE.format(user=user, binary=binary, config=penpal.config)
        self._start([domain], "penpal:", relay_port, pipe)

    def _start(self, domains: list[str], way: str, relay_port: int, more: str) -> None:
        for name in ("etc", "spool", "data"):
            (self.directory / name).mkdir()
        shutil.chown(self.directory / "data", pwd.getpwnam("postfix").pw_uid)
        transports = ", ".join(f"{domain}={way}" for domain in domains)
        values = {"directory": self.directory, "domains": " ".join(domains), "transports": transports, "relay_port": relay_port}
        (self._etc / "main.cf").write_text(MAIN.format(**values))
        (self._etc / "master.cf").write_text(MASTER.format(port=self.port) + more)
        self.service.start()
        until(self._greets, "Postfix greeting", 30, (self.service,))

    def stop(self) -> None:
        """Stops it and removes its files."""
        # Its master leaves the process group in which it was started; this ends the one of our own spool.
        subprocess.run(["postfix", "-c", self._etc, "stop"], capture_output=True)
        self.service.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def flush(self) -> None:
        """Tries again now to deliver what waits."""
        subprocess.run(["postqueue", "-c", self._etc, "-f"], check=True)

    def waiting(self) -> str:
        """The queue, as `mailq` shows it."""
        shown = subprocess.run(["postqueue", "-c", self._etc, "-p"], check=True, capture_output=True, text=True)
        return shown.stdout

    def _greets(self) -> bool:
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=5) as server:
                return server.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False
