"""The rest of the email world: a relay that keeps what it is given, for looking at instead of for delivery."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller

from lab.processes import free_port


@dataclass(frozen=True)
class Attachment:
    """A file in an email, decoded."""

    name: str
    type: str
    data: bytes


@dataclass(frozen=True)
class Caught:
    """One email as the relay got it: envelope and message."""

    path: Path
    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return message_from_bytes(self.raw, policy=policy.default)

    def header(self, name: str) -> str:
        """A header, decoded and unfolded; empty where there is none."""
        return " ".join(str(self.message.get(name, "")).split())

    def references(self) -> list[str]:
        """The `References`, oldest first."""
        return self.header("References").split()

    def body(self, subtype: str) -> str:
        """The `text/plain` or `text/html` body; empty where there is none."""
        part = self.message.get_body((subtype,))
        return part.get_content().replace("\r\n", "\n") if part is not None else ""

    def attachments(self) -> list[Attachment]:
        """The attached files, in order."""
        found = []
        for part in self.message.walk():
            if part.get_filename() and not part.is_multipart():
                found.append(Attachment(part.get_filename(), part.get_content_type(), part.get_payload(decode=True)))
        return found


class Relay:
    """An SMTP server on a free port; every message becomes NNNN.eml, its envelope NNNN.json.

    Without `keep` the messages stay in memory alone.
    """

    def __init__(
        self, directory: Path, show: Callable[[Caught], None] = lambda _caught: None, keep: bool = True
    ):
        self.directory = directory
        self._keep = keep
        self.port = free_port()
        self.caught: list[Caught] = []
        # Recipient to SMTP reply: what a receiving server would say to these.
        self.refusals: dict[str, str] = {}
        self.refused: list[str] = []
        self._show = show
        self._lock = threading.Lock()
        self._listening = False
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=True, data_size_limit=100_000_000
        )

    def offer_utf8(self, offered: bool) -> None:
        """Whether addresses outside ASCII are taken (RFC 6531), on connections from now on."""
        self._controller.SMTP_kwargs["enable_SMTPUTF8"] = offered

    def start(self) -> None:
        """Begins to listen."""
        self._controller.start()
        self._listening = True

    def stop(self) -> None:
        """Stops listening, if it does."""
        if self._listening:
            self._controller.stop()
        self._listening = False

    def to(self, address: str) -> list[Caught]:
        """What was caught for one recipient, oldest first."""
        return [caught for caught in list(self.caught) if address in caught.recipients]

    def _write(self, caught: Caught) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        caught.path.write_bytes(caught.raw)
        envelope = {"mail_from": caught.sender, "rcpt_to": caught.recipients}
        caught.path.with_suffix(".json").write_text(json.dumps(envelope, indent=2) + "\n")

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802, aiosmtpd's name
        """Called by aiosmtpd for each recipient."""
        if address in self.refusals:
            self.refused.append(address)
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802, aiosmtpd's name
        """Called by aiosmtpd with the whole message."""
        with self._lock:
            number = len(self.caught) + 1
            path = self.directory / f"{number:04}.eml"
            caught = Caught(path, envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content)
            if self._keep:
                self._write(caught)
            # Shown before anybody can see it in the list, so that it stands above what is said about it.
            self._show(caught)
            self.caught.append(caught)
        return "250 2.0.0 caught"
