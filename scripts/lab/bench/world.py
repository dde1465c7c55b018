"""Everything around Penpal, in one event loop and fast enough not to be what is measured.

A homeserver that answers at once, a relay that takes everything, and clients that hand over transactions and
mail. The protocols are written out by hand: a library's convenience costs more than Penpal does.
"""

import asyncio
import base64
import itertools
import json
import re
import threading
import time
from collections.abc import Coroutine
from urllib.parse import unquote

SERVER_NAME = "hs.test"
BOB = f"@bob:{SERVER_NAME}"

# What a message is known by on its way: written into its text.
MARK = re.compile(rb"message number (\d+)\.")

# What is more is not looked through again and again while it comes in.
LARGE = 1024 * 1024

# What an answer to an email goes to, and what it names.
REPLY_TO = re.compile(rb"(?im)^Reply-To:[^@]*?<?([^\s<>]+@[^\s<>]+)")
MESSAGE_ID = re.compile(rb"(?im)^Message-ID:\s*<([^>]+)>")


class Seen:
    """Which numbered messages came out, and when."""

    def __init__(self):
        self.times: dict[int, float] = {}
        self.order: dict[str, list[int]] = {}
        self.doubles = 0
        self._wanted, self._reached = 0, asyncio.Event()

    def add(self, number: int, where: str) -> None:
        """One message came out at a room or address."""
        if number in self.times:
            self.doubles += 1
            return
        self.times[number] = time.perf_counter()
        self.order.setdefault(where, []).append(number)
        if len(self.times) >= self._wanted:
            self._reached.set()

    async def reaches(self, count: int, seconds: float) -> bool:
        """Waits until so many messages came out; false when they did not in time."""
        self._wanted = count
        self._reached.clear()
        if len(self.times) < count:
            try:
                await asyncio.wait_for(self._reached.wait(), seconds)
            except TimeoutError:
                return False
        return True


class Homeserver(asyncio.Protocol):
    """One connection to the homeserver. Sends are made once, by their transaction ID; uploads are counted and thrown away."""

    def __init__(self, world: "World"):
        self._world = world
        self._buffer = b""
        # Bytes of an upload.
        self._to_come = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Called by asyncio."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio: answers each request that is whole."""
        if self._to_come:
            self._to_come -= len(data)
            if self._to_come == 0:
                self._say(b"200 OK", {"content_uri": f"mxc://{SERVER_NAME}/{len(self._world.uploads)}"})
            return
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            length = int(found[1]) if found else 0
            if b"/upload" in head.split(b"\r\n", 1)[0]:
                self._world.uploads.append(length)
                begun, self._buffer, self._to_come = self._buffer[end + 4 :], b"", length
                if begun:
                    self.data_received(begun)
                return
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            method, target, _ = head.split(b"\r\n", 1)[0].split(b" ", 2)
            self._say(*self._world.answer(method, unquote(target.decode()), body))

    def _say(self, status: bytes, answer: object, kind: bytes = b"application/json") -> None:
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self._transport.write(
            b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (status, kind, len(data), data)
        )


class Relay(asyncio.Protocol):
    """One connection to the relay, which takes everything, by DATA or in chunks (RFC 3030)."""

    def __init__(self, world: "World"):
        self._world = world
        self._buffer = b""
        # The message so far, where it is large or comes in chunks.
        self._begun: list[bytes] = []
        self._data = False
        # Bytes of a chunk that are to come, and whether it is the last one.
        self._to_come: int | None = None
        self._last = False
        self._recipient = ""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Called by asyncio."""
        self._transport = transport
        transport.write(b"421 4.3.2 away\r\n" if self._world.relay_away else b"220 relay.test ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Called by asyncio: answers each command and each message that is whole."""
        self._buffer += data
        while True:
            if self._data:
                end = self._buffer.find(b"\r\n.\r\n")
                if end < 0:
                    if len(self._buffer) > LARGE:
                        self._begun.append(self._buffer[:-4])
                        self._buffer = self._buffer[-4:]
                    return
                self._take(self._buffer[:end])
                self._buffer, self._data = self._buffer[end + 5 :], False
                self._transport.write(b"250 2.0.0 taken\r\n")
                continue
            if self._to_come is not None:
                part = self._buffer[: self._to_come]
                self._buffer = self._buffer[len(part) :]
                self._to_come -= len(part)
                if self._to_come:
                    self._begun.append(part)
                    return
                self._to_come = None
                self._take(part) if self._last else self._begun.append(part)
                self._transport.write(b"250 2.0.0 taken\r\n")
                continue
            line, found, rest = self._buffer.partition(b"\r\n")
            if not found:
                return
            self._buffer = rest
            self._transport.write(self._reply(line))

    def _take(self, end: bytes) -> None:
        self._world.take(self._recipient, b"".join([*self._begun, end]))
        self._begun = []

    def _reply(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if self._world.relay_away:
            self._transport.close()
            return b"421 4.3.2 away\r\n"
        if verb == b"EHLO":
            chunking = b"250-CHUNKING\r\n" if self._world.chunking else b""
            return b"250-relay.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n%s250 SMTPUTF8\r\n" % chunking
        if verb == b"RCPT":
            self._recipient = line.partition(b"<")[2].partition(b">")[0].decode()
        if verb == b"DATA":
            self._data = True
            return b"354 go on\r\n"
        if verb == b"BDAT":
            words = line.split()
            self._to_come, self._last = int(words[1]), len(words) > 2
            return b""
        if verb == b"QUIT":
            return b"221 2.0.0 bye\r\n"
        return b"250 2.0.0 ok\r\n"


class World:
    """A thread with an event loop, in which all of this runs."""

    def __init__(self):
        # Whether the relay is down, and whether it takes messages in chunks.
        self.relay_away = False
        self.chunking = True
        self.rooms: dict[str, list[dict]] = {}
        self.account_data: dict[str, bytes] = {}
        # The first email to each address: where an answer to it goes, and its Message-ID.
        self.emails: dict[str, tuple[str, str]] = {}
        # The sizes of all files that were uploaded; those to be downloaded, by media ID; what came of them at the relay.
        self.uploads: list[int] = []
        self.media: dict[str, bytes] = {}
        self.attached: list[bytes] = []
        self._sent: dict[str, bytes] = {}
        self._rooms_made = 0
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.forget()
        self._servers = []
        self.homeserver_port = self._listen(Homeserver)
        self.relay_port = self._listen(Relay)

    def _listen(self, protocol: type) -> int:
        async def start() -> asyncio.Server:
            return await self._loop.create_server(lambda: protocol(self), "127.0.0.1", 0)

        self._servers.append(server := self.run(start()))
        return server.sockets[0].getsockname()[1]

    def run(self, work: Coroutine, seconds: float = 900) -> object:
        """Runs something in the loop and gives its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def stop(self) -> None:
        """Ends the loop."""
        for server in self._servers:
            self._loop.call_soon_threadsafe(server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def forget(self) -> None:
        """Begins to count again."""

        async def begin() -> tuple[Seen, Seen]:
            return Seen(), Seen()

        self.mailed, self.chatted = self.run(begin())

    def sent(self) -> int:
        """How many events the puppets have sent."""
        return len(self._sent)

    def take(self, recipient: str, message: bytes) -> None:
        """An email came to the relay."""
        if len(message) > LARGE:
            self.attached += files_of(message)
            message = message[:LARGE]
        # Each number once as text and once as HTML.
        for number in set(MARK.findall(message)):
            self.mailed.add(int(number), recipient)
        if recipient not in self.emails:
            reply, message_id = REPLY_TO.search(message), MESSAGE_ID.search(message)
            self.emails[recipient] = (reply[1].decode(), message_id[1].decode())

    def answer(self, method: bytes, path: str, body: bytes) -> tuple:
        """Status and content of the homeserver's answer, and its type where it is not JSON."""
        path = path.partition("?")[0]
        if (at := path.find("/rooms/")) >= 0:
            room, _, what = path[at + 7 :].partition("/")
            if what.startswith("send/"):
                if path not in self._sent:
                    for number in set(MARK.findall(body)):
                        self.chatted.add(int(number), room)
                    self._sent[path] = b'{"event_id":"$sent-%d"}' % len(self._sent)
                return b"200 OK", self._sent[path]
            state = self.rooms.get(room, [])
            if what == "state":
                return b"200 OK", state
            if what == "members":
                return b"200 OK", {"chunk": [event for event in state if event["type"] == "m.room.member"]}
            if what == "messages":
                return b"200 OK", {"start": "start", "chunk": []}
            return b"200 OK", {"room_id": room}
        if path.endswith("/createRoom"):
            self._rooms_made += 1
            return b"200 OK", {"room_id": f"!made{self._rooms_made}:{SERVER_NAME}"}
        if "/media/download/" in path:
            return b"200 OK", self.media[path.rpartition("/")[2]], b"image/png"
        if "/account_data/" in path:
            if method == b"PUT":
                self.account_data[path] = body
                return b"200 OK", b"{}"
            known = self.account_data.get(path)
            return (b"200 OK", known) if known else (b"404 Not Found", {"errcode": "M_NOT_FOUND", "error": "none"})
        return b"200 OK", {"duration_ms": 1} if path.endswith("/ping") else {}


class Pusher:
    """Hands transactions to Penpal as Synapse does: one after another, over one connection to each process in turn."""

    def __init__(self, ports: list[int], token: str):
        self._ports, self._token = ports, token
        self._count = 0
        self._connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def connect(self) -> None:
        """Opens the connections anew: Penpal closes those that were idle."""
        for _, writer in self._connections:
            writer.close()
        self._connections = [await asyncio.open_connection("127.0.0.1", port) for port in self._ports]

    async def push(self, events: list[dict]) -> float:
        """One transaction; gives the seconds until it was answered with 200."""
        self._count += 1
        body = json.dumps({"events": events}).encode()
        reader, writer = self._connections[self._count % len(self._connections)]
        begin = time.perf_counter()
        writer.write(
            b"PUT /_matrix/app/v1/transactions/%d HTTP/1.1\r\nHost: penpal\r\nAuthorization: Bearer %s\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (self._count, self._token.encode(), len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
        said = await reader.readexactly(length)
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise OSError(f"transaction {self._count} was answered {head[:60]!r} {said[:300]!r}")
        return time.perf_counter() - begin


async def deliver(ports: list[int], connections: int, mails: list[tuple[str, str, bytes]]) -> float:
    """Hands over (sender, recipient, message) by LMTP, and gives the seconds until all were accepted. The connections go to
    these ports in turn.

    The mails of one sender go over one connection, in order.
    """
    shares: dict[int, list[tuple[str, str, bytes]]] = {}
    senders: dict[str, int] = {}
    for mail in mails:
        shares.setdefault(senders.setdefault(mail[0], len(senders)) % connections, []).append(mail)

    async def one(port: int, share: list[tuple[str, str, bytes]]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def expect(code: bytes) -> None:
            while True:
                line = await reader.readline()
                if not line.startswith(code):
                    raise OSError(f"the listener answered {line!r}")
                if line[3:4] == b" ":
                    return

        await expect(b"220")
        writer.write(b"LHLO bench.test\r\n")
        await expect(b"250")
        for sender, recipient, message in share:
            writer.write(b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (sender.encode(), recipient.encode()))
            await expect(b"250")
            await expect(b"250")
            await expect(b"354")
            writer.write(message + b"\r\n.\r\n")
            await expect(b"250")
        writer.write(b"QUIT\r\n")
        await expect(b"221")
        writer.close()

    begin = time.perf_counter()
    await asyncio.gather(*map(one, itertools.cycle(ports), shares.values()))
    return time.perf_counter() - begin


def member(room: str, user: str, sender: str, membership: str, number: int, **more: object) -> dict:
    """A membership event."""
    content = {"membership": membership, "displayname": user[1:].partition(":")[0]} | more
    return {
        "type": "m.room.member",
        "room_id": room,
        "state_key": user,
        "sender": sender,
        "event_id": f"$member-{number}-{membership}-{user[1:9]}",
        "origin_server_ts": 1_700_000_000_000 + number,
        "content": content,
    }


def event(room: str, number: int) -> dict:
    """A message of Bob's, known by its number."""
    return {
        "type": "m.room.message",
        "room_id": room,
        "sender": BOB,
        "event_id": f"$message-{number}",
        "origin_server_ts": 1_700_000_100_000 + number,
        "content": {"msgtype": "m.text", "body": f"This is message number {number}. It says nothing more."},
    }


def event_with_files(room: str, number: int, names: list[str]) -> dict:
    """The same with files: pictures within the text, so that all are in one email."""
    shown = "".join(f'<img src="mxc://{SERVER_NAME}/{name}" alt="{name}">' for name in names)
    message = event(room, number)
    message["content"] |= {"format": "org.matrix.custom.html", "formatted_body": f"{message['content']['body']} {shown}"}
    return message


def files_of(message: bytes) -> list[bytes]:
    """The files in an email, decoded; faster than a parser that looks at each line."""
    parts = (part.partition(b"\r\n\r\n") for part in message.split(b"\r\n--"))
    return [base64.b64decode(body) for head, _, body in parts if b"name" in head and b"base64" in head]


def mail(sender: str, recipient: str, answered: str, number: int) -> bytes:
    """An email known by its number, which answers another one."""
    return _fields(sender, recipient, answered, number) + _text(number)


def mail_with_file(sender: str, recipient: str, answered: str, number: int, file: bytes) -> bytes:
    """The same with an attachment."""
    encoded = base64.encodebytes(file).replace(b"\n", b"\r\n")
    return (
        _fields(sender, recipient, answered, number)
        + b"Content-Type: multipart/mixed; boundary=files\r\n\r\n--files\r\n"
        + _text(number)
        + b"\r\n--files\r\nContent-Type: application/zip; name=film.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + encoded
        + b"--files--"
    )


def _text(number: int) -> bytes:
    return f"Content-Type: text/plain; charset=utf-8\r\n\r\nThis is message number {number}. It says nothing more.".encode()


def _fields(sender: str, recipient: str, answered: str, number: int) -> bytes:
    return (
        f"From: Alice <{sender}>\r\nTo: <{recipient}>\r\nSubject: Re: Bench\r\n"
        f"In-Reply-To: <{answered}>\r\nReferences: <{answered}>\r\n"
        f"Message-ID: <{number}.bench@example.org>\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
        f"MIME-Version: 1.0\r\n"
    ).encode()
