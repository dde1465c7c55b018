"""How the homeserver hands over its events: one transaction after another, each again until it is answered with 200."""

import http.client
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

# As Synapse does: <= 100 events in one transaction, which is given up after a minute.
MOST_EVENTS = 100
PATIENCE = 60


class Pusher:
    """The homeserver's queue of events for one application service: each transaction, and each attempt to hand it over,
    goes to the next of its processes.

    Waits between attempts double as Synapse's do, from a much shorter first one up to `longest`; a ping ends them.
    """

    def __init__(self, hs_token: str, ports: list[int], longest: float = 1):
        self.answers: Counter[str] = Counter()
        # The longest that one attempt took, in seconds, answered or not.
        self.slowest = 0.0
        self.longest = longest
        # Chosen by a scenario: whether an answer is lost, and seconds until an attempt is given up.
        self.loses: Callable[[], bool] = lambda: False
        self.patience = PATIENCE
        self._token = hs_token
        self._ports = ports
        self._attempts = 0
        self._events: deque[dict] = deque()
        self._transaction = 0
        self._changed = threading.Condition()
        self._pinged = threading.Event()
        self._stopped = False
        # For each port, the connection that is kept, and when it was last used.
        self._connections: dict[int, tuple[http.client.HTTPConnection, float]] = {}
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def push(self, event: dict) -> None:
        """Queues an event."""
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def waiting(self) -> int:
        """How many events are not handed over."""
        return len(self._events)

    def ping(self) -> tuple[int, dict]:
        """The homeserver is asked to see whether it reaches the application service."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self._ports[self._attempts % len(self._ports)], timeout=10)
        try:
            connection.request("POST", "/_matrix/app/v1/ping", json.dumps({"transaction_id": "ping"}), headers)
            status = connection.getresponse().status
        except OSError:
            return 502, {"errcode": "M_CONNECTION_FAILED", "error": "no connection"}
        finally:
            connection.close()
        if status != 200:
            return 502, {"errcode": "M_BAD_STATUS", "error": "not 200", "status": status}
        self._pinged.set()
        return 200, {"duration_ms": 1}

    def stop(self) -> None:
        """Gives up what is queued."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._pinged.set()
        self._thread.join(PATIENCE)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._events or self._stopped)
                events = [self._events[n] for n in range(min(MOST_EVENTS, len(self._events)))]
            self._transaction += 1
            wait = 0.05
            while not self._stopped and not self._attempt(events):
                self._pinged.clear()
                self._pinged.wait(wait)
                wait = min(wait * 2, self.longest)
            if self._stopped:
                return
            with self._changed:
                for _ in events:
                    self._events.popleft()

    def _attempt(self, events: list[dict]) -> bool:
        begin = time.monotonic()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        path = f"/_matrix/app/v1/transactions/{self._transaction}"
        port = self._ports[self._attempts % len(self._ports)]
        self._attempts += 1
        connection, used = self._connections.pop(port, (None, 0.0))
        # A server may close an idle connection at any time: not an answer, so HTTP clients begin a new one.
        if connection is None or begin - used > 3:
            if connection is not None:
                connection.close()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=self.patience)
        try:
            connection.request("PUT", path, json.dumps({"events": events}), headers)
            said = "lost" if self.loses() else self._answer(connection)
        except (OSError, http.client.HTTPException):
            said = "no answer"
        if said == "200":
            self._connections[port] = (connection, time.monotonic())
        else:
            connection.close()
        self.answers[said] += 1
        self.slowest = max(self.slowest, time.monotonic() - begin)
        return said == "200"

    @staticmethod
    def _answer(connection: http.client.HTTPConnection) -> str:
        answer = connection.getresponse()
        answer.read()
        return str(answer.status)
