"""A homeserver that agrees to everything, at once, so that a measurement is Penpal's own time.

It answers what Penpal asks for direct chats of one user and one puppet each, and hands it transactions
as Synapse does: one after another, over one connection.
"""

import http.client
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

SERVER_NAME = "hs.test"


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


class StubHomeserver:
    """Listens on a free port of 127.0.0.1 from the beginning."""

    def __init__(self):
        self.rooms: dict[str, list[dict]] = {}
        self._account_data: dict[str, dict] = {}
        self._transactions = 0
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}") if length else {}
                status, content = stub.reply(self.command, unquote(urlsplit(self.path).path), body)
                data = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = answer

            def log_message(self, *_arguments: object) -> None:
                """Says nothing: this is in the way of the measurement."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def reply(self, method: str, path: str, body: dict) -> tuple[int, dict]:
        """Status and content of the answer to one request."""
        if found := re.search(r"/rooms/([^/]+)/(\w+)", path):
            room, what = found.groups()
            state = self.rooms.get(room, [])
            match what:
                case "state":
                    return 200, state  # type: ignore[return-value]
                case "members":
                    return 200, {"chunk": [event for event in state if event["type"] == "m.room.member"]}
                case "messages":
                    return 200, {"start": "start", "chunk": []}
                case "send":
                    return 200, {"event_id": f"${path.rsplit('/', 1)[-1]}"}
            return 200, {"room_id": room}
        if "/account_data/" in path:
            if method == "PUT":
                self._account_data[path] = body
                return 200, {}
            known = self._account_data.get(path)
            return (200, known) if known is not None else (404, {"errcode": "M_NOT_FOUND", "error": "none"})
        return 200, {"duration_ms": 1} if path.endswith("/ping") else {}

    def push(self, connection: http.client.HTTPConnection, hs_token: str, events: list[dict]) -> None:
        """Hands over one transaction; anything but 200 is an error here."""
        self._transactions += 1
        headers = {"Authorization": f"Bearer {hs_token}", "Content-Type": "application/json"}
        path = f"/_matrix/app/v1/transactions/{self._transactions}"
        connection.request("PUT", path, json.dumps({"events": events}), headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise OSError(f"transaction {self._transactions} was answered {answer.status}: {said[:300]!r}")
