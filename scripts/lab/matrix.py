"""The client-server API as any client uses it, over urllib: requests, and what a `/sync` loop has shown."""

import itertools
import json
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import quote, urlencode

_numbers = itertools.count(1)
_RUN = secrets.token_hex(4)
# A room of ours is short: one sync shows all of it.
FILTER = json.dumps({"room": {"timeline": {"limit": 200}}})


class MatrixError(Exception):
    """The homeserver's answer when it was not 2xx."""

    def __init__(self, method: str, path: str, status: int, body: bytes):
        super().__init__(f"{method} {path}: {status} {body[:500].decode(errors='replace')}")
        self.status = status


class Client:
    """One access token. With `masquerade`, an application service acts as that user."""

    def __init__(self, url: str, token: str | None = None, user: str = "", masquerade: bool = False):
        self.url = url
        self.user = user
        self._token = token
        self._query = {"user_id": user} if masquerade else {}

    def raw(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json",
        query: dict | None = None, seconds: float = 60,
    ) -> tuple[bytes, str]:
        """One request; gives body and content type, or raises `MatrixError`."""
        full = self._query | (query or {})
        url = f"{self.url}{path}" + (f"?{urlencode(full)}" if full else "")
        request = urllib.request.Request(url, data=body, method=method)
        request.add_header("Content-Type", content_type)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return answer.read(), answer.headers.get_content_type()
        except urllib.error.HTTPError as error:
            raise MatrixError(method, path, error.code, error.read()) from None

    def request(self, method: str, path: str, body: dict | None = None, **options) -> dict:
        """One JSON request below `/_matrix/client/v3` (or with a path that names its own prefix)."""
        whole = path if path.startswith("/_") else f"/_matrix/client/v3{path}"
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self.raw(method, whole, data, **options)[0])

    def create_room(self, **content: object) -> str:
        """`POST /createRoom`; gives the room ID."""
        return self.request("POST", "/createRoom", content)["room_id"]

    def send(self, room: str, content: dict, kind: str = "m.room.message") -> str:
        """Sends one event; gives its ID."""
        transaction = f"lab-{_RUN}-{next(_numbers)}"
        path = f"/rooms/{quote(room)}/send/{quote(kind)}/{transaction}"
        return self.request("PUT", path, content)["event_id"]

    def text(self, room: str, body: str, html: str | None = None, **more: object) -> str:
        """Sends an `m.text`."""
        content: dict = {"msgtype": "m.text", "body": body} | more
        if html is not None:
            content |= {"format": "org.matrix.custom.html", "formatted_body": html}
        return self.send(room, content)

    def set_state(self, room: str, kind: str, content: dict, key: str = "") -> str:
        """Sends one state event; gives its ID."""
        return self.request("PUT", f"/rooms/{quote(room)}/state/{quote(kind)}/{quote(key)}", content)["event_id"]

    def act(self, room: str, verb: str, **content: object) -> dict:
        """`invite`, `join`, `leave`, `kick`, `upgrade` and their like: `POST /rooms/{room}/{verb}`."""
        return self.request("POST", f"/rooms/{quote(room)}/{verb}", content)

    def member(self, room: str, user: str) -> dict:
        """The content of a user's membership, `{}` while there is none."""
        for event in self.request("GET", f"/rooms/{quote(room)}/state"):
            if event["type"] == "m.room.member" and event["state_key"] == user:
                return event["content"] | {"sender": event["sender"]}
        return {}

    def account_data(self, kind: str) -> dict:
        """The user's own account data of one type, `{}` while there is none."""
        try:
            return self.request("GET", f"/user/{quote(self.user)}/account_data/{quote(kind)}")
        except MatrixError as error:
            if error.status == 404:
                return {}
            raise

    def upload(self, data: bytes, name: str, kind: str) -> str:
        """Uploads a file; gives its `mxc://` URI."""
        path = "/_matrix/media/v3/upload"
        return json.loads(self.raw("POST", path, data, kind, {"filename": name})[0])["content_uri"]

    def download(self, mxc: str) -> tuple[bytes, str]:
        """Authenticated download: content and content type."""
        return self.raw("GET", f"/_matrix/client/v1/media/download/{mxc.removeprefix('mxc://')}")


class Room:
    """What a client knows of one room from its syncs."""

    def __init__(self, room_id: str):
        self.id = room_id
        self.membership = ""
        self.state: dict[tuple[str, str], dict] = {}
        self.timeline: list[dict] = []

    def apply(self, event: dict, timeline: bool) -> None:
        """Takes in one event of a sync answer."""
        if "state_key" in event:
            self.state[(event["type"], event["state_key"])] = event
        if timeline:
            self.timeline.append(event)

    def content(self, kind: str, key: str = "") -> dict:
        """The content of a state event, `{}` where there is none."""
        return self.state.get((kind, key), {}).get("content", {})

    def messages(self, sender: str) -> list[dict]:
        """The messages of one sender, oldest first."""
        return [event for event in self.timeline if event["type"] == "m.room.message" and event["sender"] == sender]


class Chat:
    """A client that stays online: a thread long-polls `/sync` and keeps rooms as a client would show them."""

    def __init__(self, client: Client, show: Callable[[Room, dict], None] = lambda _room, _event: None):
        self.client = client
        self.rooms: dict[str, Room] = {}
        self._show = show
        self._since: str | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"sync {client.user}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the loop; a poll that is under way is not waited for."""
        self._over.set()

    def room(self, room_id: str) -> Room:
        """The room by its ID; an empty one while no sync has shown it."""
        return self.rooms.get(room_id) or Room(room_id)

    def invites(self) -> list[Room]:
        """The rooms to which there is an open invitation."""
        return [room for room in list(self.rooms.values()) if room.membership == "invite"]

    def _loop(self) -> None:
        while not self._over.is_set():
            query = {"timeout": "10000", "filter": FILTER} | ({"since": self._since} if self._since else {})
            try:
                answer = self.client.request("GET", "/sync", query=query)
            except (OSError, MatrixError, json.JSONDecodeError):
                # Synapse is being restarted: ask again until it is back.
                self._over.wait(0.5)
                continue
            self._take(answer)

    def _take(self, answer: dict) -> None:
        self._since = answer["next_batch"]
        for membership, rooms in answer.get("rooms", {}).items():
            for room_id, part in rooms.items():
                room = self.rooms.setdefault(room_id, Room(room_id))
                room.membership = membership
                stripped = part.get("invite_state", {}).get("events", [])
                for event in stripped + part.get("state", {}).get("events", []):
                    room.apply(event, timeline=False)
                for event in stripped + part.get("timeline", {}).get("events", []):
                    room.apply(event, timeline=event not in stripped)
                    self._show(room, event)
