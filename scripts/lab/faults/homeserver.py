"""A homeserver that fails on purpose: late, refusing, cutting connections, losing its own answers.

What it must never do, it does not: like Synapse it makes one event of all requests with the same transaction ID, keeps
the order of a room, and hands its events to the application service until they are answered with 200.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from lab.bench.world import member
from lab.faults.relay import digest_of
from lab.processes import free_port
from lab.lab import SERVER_NAME


@dataclass(frozen=True)
class Request:
    """What Penpal asks."""

    method: str
    path: str
    user: str
    body: dict


@dataclass(frozen=True)
class Trouble:
    """What becomes of a request instead of, or besides, its answer."""

    status: int = 0
    content: bytes = b""
    type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    # Seconds before anything is answered.
    late: float = 0
    # The request is carried out, and its answer lost.
    lost: bool = False


# What may become of a transfer in place of an answer: the connection breaks off.
CUT = 0

# Bytes of a transfer after which a scenario is asked again.
BLOCK = 64 * 1024


@dataclass(frozen=True)
class Sent:
    """An event that a puppet has sent."""

    event_id: str
    type: str
    content: dict


@dataclass
class Room:
    """A room: who is in it, what was said by puppets, and under which transaction ID."""

    id: str
    name: str = ""
    members: dict[str, dict] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    transactions: dict[str, str] = field(default_factory=dict)

    def joined(self, user: str) -> bool:
        """Whether somebody is in it."""
        event = self.members.get(user)
        return event is not None and event["content"]["membership"] == "join"


def refusal(status: int, errcode: str) -> tuple[int, dict]:
    """An error as the specification has it."""
    return status, {"errcode": errcode, "error": "no"}


class Homeserver:
    """Listens on one port from `start` to `stop`, as often as wanted; its rooms stay."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.rooms: dict[str, Room] = {}
        # Chosen by a scenario: what becomes of a request.
        self.trouble: Callable[[Request], Trouble | None] = lambda _request: None
        # The files to download, by media ID; the digests of those that were uploaded, by URI.
        self.files: dict[str, bytes] = {}
        self.uploaded: dict[str, str] = {}
        # Chosen by a scenario: what becomes of a `download` or `upload` of which such a share was transferred. CUT, a status that
        # an upload is answered with there and then, or None to go on.
        self.midway: Callable[[str, float], int | None] = lambda _what, _share: None
        # Told of events that the homeserver pushes of its own accord, and of pings.
        self.push: Callable[[dict], None] = lambda _event: None
        self.ping: Callable[[], tuple[int, dict]] = lambda: (200, {"duration_ms": 1})
        self.requests = 0
        self._account_data: dict[str, dict] = {}
        self._lock = threading.RLock()
        self._events = 0
        self._server: ThreadingHTTPServer | None = None
        self._running = 0

    def start(self) -> None:
        """Begins to listen."""
        homeserver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            generation = self._running

            def answer(self) -> None:
                homeserver._answer(self)

            do_GET = do_PUT = do_POST = answer

            def log_message(self, *_arguments: object) -> None:
                """Says nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_arguments: object) -> None:
                """A client that was killed has hung up."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stops listening, and hangs up on whoever asks on a connection that is open."""
        if self._server is not None:
            self._running += 1
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def said(self) -> int:
        """How many events the puppets have sent."""
        with self._lock:
            return sum(len(room.sent) for room in self.rooms.values())

    def add_member(self, room: str, user: str, sender: str, membership: str, **more: object) -> dict:
        """Somebody's membership changes, and the application service is told."""
        with self._lock:
            self._events += 1
            event = member(room, user, sender, membership, self._events, **more)
            self.rooms.setdefault(room, Room(room)).members[user] = event
            self.push(event)
            return event

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        url = urlsplit(handler.path)
        user = parse_qs(url.query).get("user_id", [""])[0]
        content = {}
        if "/media/v3/upload" in url.path:
            content = self._upload(handler, length)
            if content is None:
                return
        elif length and (body := handler.rfile.read(length))[:1] == b"{":
            content = json.loads(body)
        request = Request(handler.command, unquote(url.path), user, content)
        trouble = self.trouble(request)
        if trouble is not None and trouble.late:
            time.sleep(trouble.late)
        if handler.generation != self._running:
            handler.close_connection = True
            return
        self.requests += 1
        file = self.files.get(request.path.rpartition("/")[2]) if "/media/download/" in request.path else None
        if trouble is None and file is not None:
            self._download(handler, file)
            return
        if trouble is None or trouble.lost or not trouble.status:
            status, answer = self._reply(request)
            data, kind, headers = json.dumps(answer).encode(), "application/json", {}
        else:
            status, data, kind, headers = trouble.status, trouble.content, trouble.type, trouble.headers
        if trouble is not None and trouble.lost:
            handler.close_connection = True
            return
        handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)
        # An answer that promises more than there is breaks off here.
        handler.close_connection = "Content-Length" in headers

    def _upload(self, handler: BaseHTTPRequestHandler, length: int) -> dict | None:
        """Takes a file; None when that is broken off."""
        file = b""
        while len(file) < length:
            part = handler.rfile.read(min(BLOCK, length - len(file)))
            file += part
            outcome = self.midway("upload", len(file) / length) if part else CUT
            if outcome is None:
                continue
            handler.close_connection = True
            if outcome != CUT:
                handler.send_response(outcome)
                handler.send_header("Content-Length", "0")
                handler.end_headers()
            return None
        return {"digest": digest_of(file)}

    def _download(self, handler: BaseHTTPRequestHandler, file: bytes) -> None:
        """Gives a file out, as far as it gets."""
        handler.send_response(200)
        handler.send_header("Content-Type", "application/octet-stream")
        handler.send_header("Content-Length", str(len(file)))
        handler.end_headers()
        for at in range(0, len(file), BLOCK):
            handler.wfile.write(file[at : at + BLOCK])
            if self.midway("download", (at + BLOCK) / len(file)) == CUT:
                handler.close_connection = True
                return

    def _reply(self, request: Request) -> tuple[int, object]:
        parts = request.path.strip("/").split("/")
        with self._lock:
            if "account_data" in parts:
                if request.method == "PUT":
                    self._account_data[request.path] = request.body
                    return 200, {}
                known = self._account_data.get(request.path)
                return (200, known) if known is not None else refusal(404, "M_NOT_FOUND")
            if parts[-1] == "createRoom":
                return 200, {"room_id": self._create(request)}
            if parts[-1] == "joined_rooms":
                return 200, {"joined_rooms": [room.id for room in self.rooms.values() if room.joined(request.user)]}
            if "rooms" in parts:
                return self._in_room(request, *parts[parts.index("rooms") + 1 :])
            if parts[-2:] == ["v1", "create"]:
                self._events += 1
                return 200, {"content_uri": f"mxc://{SERVER_NAME}/{self._events}"}
            if "upload" in parts:
                return self._store(parts[-1], request.body["digest"])
        if parts[-1] == "ping":
            return self.ping()
        return 200, {}

    def _store(self, media_id: str, digest: str) -> tuple[int, object]:
        """Keeps what was uploaded to the URI that was made for it."""
        uri = f"mxc://{SERVER_NAME}/{media_id}"
        if uri in self.uploaded:
            return refusal(409, "M_CANNOT_OVERWRITE_MEDIA")
        self.uploaded[uri] = digest
        return 200, {}

    def _create(self, request: Request) -> str:
        room = f"!made{len(self.rooms)}:{SERVER_NAME}"
        self.rooms[room] = Room(room, request.body.get("name", ""))
        self.add_member(room, request.user, request.user, "join")
        for user in request.body.get("invite", []):
            self.add_member(room, user, request.user, "invite", is_direct=True)
        return room

    def _in_room(self, request: Request, room_id: str, what: str, *more: str) -> tuple[int, object]:
        room = self.rooms.get(room_id)
        if room is None:
            return refusal(404, "M_NOT_FOUND")
        members = list(room.members.values())
        match what:
            case "join":
                if not room.joined(request.user):
                    self.add_member(room_id, request.user, request.user, "join")
                return 200, {"room_id": room_id}
            case "leave":
                self.add_member(room_id, request.user, request.user, "leave")
                return 200, {}
            case "state":
                name = {"type": "m.room.name", "state_key": "", "content": {"name": room.name}}
                return 200, [*members, *([name] if room.name else [])]
            case "members":
                return 200, {"chunk": members}
            case "messages":
                return 200, {"start": "start", "chunk": []}
            case "send":
                if not room.joined(request.user):
                    return refusal(403, "M_FORBIDDEN")
                if request.path not in room.transactions:
                    self._events += 1
                    event_id = f"$sent-{self._events}"
                    room.transactions[request.path] = event_id
                    room.sent.append(Sent(event_id, more[0], request.body))
                return 200, {"event_id": room.transactions[request.path]}
        return 200, {}
