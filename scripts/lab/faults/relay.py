"""A relay that fails on purpose, and keeps what it took: enough of it to see what came twice."""

import asyncio
import hashlib
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from lab.bench.world import LARGE, files_of
from lab.processes import free_port

# Words that a scenario may answer with in place of a reply: hang up, before or after taking the message.
CLOSE = "close"
TAKE_AND_CLOSE = "take and close"


@dataclass(frozen=True)
class Source:
    """One process: which Penpal, known by the port to which it brings its mail, and which of its starts."""

    port: int
    start: int


@dataclass(frozen=True)
class Taken:
    """One email that the relay has taken, or may have as far as the other side knows."""

    recipient: str
    message_id: str
    digest: str
    # All of it, or how a large one begins; and the digests of the files that a large one encloses.
    raw: bytes
    files: tuple[str, ...]
    # Which process it came from, when the relay answered (monotonic), and whether that was its 250.
    source: Source
    at: float
    answered: bool

    def reply_to(self) -> str:
        """The address that answers go to."""
        return str(message_from_bytes(self.raw)["Reply-To"])


def digest_of(content: bytes) -> str:
    """What a message or a file is told from others by."""
    return hashlib.sha256(content).hexdigest()


class _Server(SMTP):
    async def smtp_BDAT(self, arg: str) -> None:  # noqa: N802, aiosmtpd's name
        """A chunk of a message (RFC 3030)."""
        words = arg.split()
        chunk = await self._reader.readexactly(int(words[0]))
        is_last = len(words) > 1
        said = await self.event_handler.take_chunk(self, self.session, self.envelope, chunk, is_last)
        if is_last:
            self._set_post_data_state()
        await self.push(said)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Server(self.handler, enable_SMTPUTF8=True, data_size_limit=100_000_000, timeout=600)


class FailingRelay:
    """An SMTP server from `start` to `stop`, as often as wanted; what it took stays. It has a port for each Penpal."""

    def __init__(self, doors: int = 1):
        self.ports = [free_port() for _ in range(doors)]
        self.taken: list[Taken] = []
        # For each port, which start of its Penpal is running: written to what is taken.
        self.starts: Counter[int] = Counter()
        # Chosen by a scenario: whether large messages may come in chunks.
        self.chunking = True
        # Chosen by a scenario: the verb (MAIL, RCPT, BDAT for a chunk but the last one, DATA for the message itself), the recipient
        # and the message or chunk give a reply, CLOSE, TAKE_AND_CLOSE, or None for what goes well.
        self.trouble: Callable[[str, str, bytes], str | None] = lambda *_about: None
        # Seconds before a message is answered, by its recipient; before a recipient is, by port and recipient.
        self.late: Callable[[str], float] = lambda _recipient: 0
        self.late_at_rcpt: Callable[[int, str], float] = lambda _port, _recipient: 0
        self._lock = threading.Lock()
        self._controllers: list[_Controller] = []

    def start(self) -> None:
        """Begins to listen."""
        for port in self.ports:
            controller = _Controller(self, hostname="127.0.0.1", port=port)
            controller.start()
            self._controllers.append(controller)

    def stop(self) -> None:
        """Stops listening, and hangs up on everybody."""
        while self._controllers:
            self._controllers.pop().stop()

    async def handle_EHLO(self, server, session, _envelope, hostname, responses):  # noqa: N802, aiosmtpd's name
        """Called by aiosmtpd at the beginning of a session."""
        session.host_name = hostname
        # Not when the message is there: by then the process that sent it may be gone, and the next one running.
        port = server.transport.get_extra_info("sockname")[1]
        session.source = Source(port, self.starts[port])
        return [*responses[:1], *(["250-CHUNKING"] if self.chunking else []), *responses[1:]]

    async def handle_MAIL(self, server, _session, envelope, address, _options):  # noqa: N802, aiosmtpd's name
        """Called by aiosmtpd for the sender."""
        if said := self._say(server, "MAIL", "", b""):
            return said
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server, session, envelope, address, _options):  # noqa: N802, aiosmtpd's name
        """Called by aiosmtpd for each recipient."""
        if late := self.late_at_rcpt(session.source.port, address):
            await asyncio.sleep(late)
        if said := self._say(server, "RCPT", address, b""):
            return said
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def take_chunk(self, server, session, envelope, chunk: bytes, is_last: bool) -> str:
        """Called for each part of a message that comes in chunks."""
        envelope.content = (envelope.content or bytearray()) + chunk
        if not is_last:
            return self._say(server, "BDAT", envelope.rcpt_tos[0], chunk) or "250 2.0.0 go on"
        envelope.content = bytes(envelope.content)
        return await self.handle_DATA(server, session, envelope)

    async def handle_DATA(self, server, session, envelope):  # noqa: N802, aiosmtpd's name
        """Called by aiosmtpd with the whole message."""
        raw, recipient = envelope.content, envelope.rcpt_tos[0]
        if late := self.late(recipient):
            await asyncio.sleep(late)
        trouble = self.trouble("DATA", recipient, raw)
        if trouble is None or trouble == TAKE_AND_CLOSE:
            found = re.search(rb"^Message-ID:\s*<([^>]+)>", raw, re.MULTILINE | re.IGNORECASE)
            message_id = found[1].decode() if found else ""
            digest, files = digest_of(raw), ()
            if len(raw) > LARGE:
                raw, files = raw[:LARGE], tuple(map(digest_of, files_of(raw)))
            taken = Taken(recipient, message_id, digest, raw, files, session.source, time.monotonic(), trouble is None)
            with self._lock:
                self.taken.append(taken)
        return "250 2.0.0 caught" if trouble is None else self._reply(server, trouble)

    def _say(self, server, verb: str, recipient: str, raw: bytes) -> str | None:
        trouble = self.trouble(verb, recipient, raw)
        return None if trouble is None else self._reply(server, trouble)

    @staticmethod
    def _reply(server, trouble: str) -> str:
        if trouble in (CLOSE, TAKE_AND_CLOSE):
            server.transport.abort()
            return "421 4.3.2 going"
        return trouble
