"""Penpal, in one process or several, between a homeserver and a relay that fail, with people on both sides who go on
writing.
"""

import http.client
import json
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lab.faults.appservice import Pusher
from lab.faults.homeserver import Homeserver
from lab.faults.ledger import Ledger, Outcome, delivered, judge
from lab.faults.relay import FailingRelay, Source
from lab.faults.traffic import BOB, Chat, MailServer, say
from lab.lab import MAIL_DOMAIN, SERVER_NAME
from lab.penpal import Penpal
from lab.processes import Failed, answers, until

# Threads that hand over email at the same time.
POSTMEN = 6

# Waits of seconds become tenths of seconds, so that a run ends before dinner; all else is as in a real installation.
QUEUE = {"first_retry": "100ms", "longest_retry": "1s"}


@dataclass
class Log:
    """What Penpal logged."""

    lines: int
    # Lines of warnings and errors, without those that belong to a start.
    complaints: list[str]


class Stand:
    """A context: inside it the other sides run, after it nothing does.

    `database` is a URL; `queue` changes keys of that section; `settle` is how long messages gather in an email; `team` is how many
    processes share the work.
    """

    def __init__(
        self, binary: Path, directory: Path, database: str, queue: dict | None = None, settle: str = "0s", team: int = 1
    ):
        self.directory = directory
        self.homeserver = Homeserver()
        self.relay = FailingRelay(doors=team)
        self.ledger = Ledger()
        self.violations: list[str] = []
        self.memory = 0.0
        self.penpal = Penpal(binary, directory / "penpal")
        self.penpal.init(SERVER_NAME, self.homeserver.url, MAIL_DOMAIN, self.relay.ports[0])
        sections = {
            "chats": {"settle": settle, "strangers": "anyone"},
            "permissions": {"*": "admin"},
            "mail": self.penpal.listen(),
            "queue": QUEUE | (queue or {}),
            "database": {"url": database},
        }
        self.penpal.configure(sections)
        self.processes = [self.penpal]
        # Those that share the work, the first one among them, and where each brings its mail.
        self.team = [self.penpal, *(self.another() for _ in range(team - 1))]
        self._doors = dict(zip((penpal.port for penpal in self.team), self.relay.ports, strict=True))
        for penpal in self.team[1:]:
            penpal.configure({"mail": {"relay": {"host": "127.0.0.1", "port": self._doors[penpal.port]}}})
        self.pusher = Pusher(self.penpal.tokens()["hs_token"], [penpal.port for penpal in self.team])
        self.mail = MailServer([penpal.lmtp_port for penpal in self.team], self.ledger)
        self.homeserver.push = self.pusher.push
        self.homeserver.ping = self.pusher.ping
        self.chats: list[Chat] = []
        self._reply_to: dict[int, str] = {}
        self._threads: list[threading.Thread] = []
        self._permitted = float("inf")
        self._pace = threading.Condition()
        self.handed_over = 0
        # How many chats a mail has opened.
        self._begun = 0
        # For each chat, the number of the next message; 0 was its first.
        self._next: dict[int, int] = {}

    def __enter__(self) -> "Stand":
        self.homeserver.start()
        self.relay.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self.mail.stopped.set()
        self.permit(float("inf"))
        self.pusher.stop()
        for thread in self._threads:
            thread.join(30)
        for penpal in self.processes:
            penpal.service.stop()
        self.homeserver.stop()
        self.relay.stop()

    # Processes

    # Where `who` is left out, it is the first one.

    def start(self, who: Penpal | None = None) -> None:
        """Starts Penpal and waits until it answers."""
        who = who or self.penpal
        self.begin(who)
        until(lambda: answers(who.port), "Penpal listening", 30, (who.service,))

    def start_all(self) -> None:
        """Starts all processes at once, and waits until they answer."""
        for who in self.team:
            self.begin(who)
        self.expect(lambda: all(answers(who.port) for who in self.team), "Penpal listening")

    def begin(self, who: Penpal | None = None) -> None:
        """Starts Penpal without waiting."""
        who = who or self.penpal
        self.relay.starts[self._doors[who.port]] += 1
        who.service.start()

    def door(self, who: Penpal) -> int:
        """The port to which it brings its mail."""
        return self._doors[who.port]

    def _source(self, who: Penpal) -> Source:
        port = self.door(who)
        return Source(port, self.relay.starts[port])

    @contextmanager
    def frozen(self, who: Penpal) -> Iterator[None]:
        """Inside it one process stands still, and does not know of it."""
        begin, source = time.monotonic(), self._source(who)
        who.service.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.ledger.lapse(source, begin, time.monotonic())
            who.service.signal(signal.SIGCONT)

    def ended(self, seconds: float) -> tuple[int | None, str]:
        """The exit code of Penpal, for which this waits (`None` when it still runs then), and what it said last."""
        code = self.penpal.service.ended(seconds)
        if code is not None:
            self._over(self.penpal)
        return code, self.penpal.service.tail(3)

    def kill(self, who: Penpal | None = None) -> None:
        """Penpal dies."""
        self.measure()
        who = who or self.penpal
        who.service.kill()
        self._over(who)

    def _over(self, who: Penpal) -> None:
        """A process has ended, and not in order."""
        now = time.monotonic()
        self.ledger.lapse(self._source(who), now, now)

    def another(self) -> Penpal:
        """A second installation with the same configuration but for its ports; not started."""
        first = self.penpal
        other = first.beside(self.directory / f"penpal{len(self.processes) + 1}")
        self.processes.append(other)
        return other

    def measure(self) -> None:
        """Notes the most memory that Penpal has had, in MiB."""
        for penpal in self.processes:
            try:
                status = Path(f"/proc/{penpal.service.pid}/status").read_text()
            except OSError:
                continue
            if found := re.search(r"VmHWM:\s+(\d+)", status):
                self.memory = max(self.memory, int(found[1]) / 1024)

    # People

    def open_chats(self, count: int) -> None:
        """Bob opens chats, says a first message in each, and it arrives."""
        fresh = [Chat(len(self.chats) + number) for number in range(count)]
        self.chats += fresh
        for chat in fresh:
            self.homeserver.add_member(chat.room, BOB, BOB, "join")
            self.homeserver.add_member(chat.room, chat.puppet, BOB, "invite", is_direct=True)
        rooms = self.homeserver.rooms
        self.expect(lambda: all(rooms[chat.room].joined(chat.puppet) for chat in fresh), "the puppets join", 120)
        for chat in fresh:
            say(self.pusher, self.ledger, chat, 0)
        numbers = {chat.address: chat.number for chat in fresh}

        def answered() -> bool:
            for taken in list(self.relay.taken):
                if taken.recipient in numbers:
                    self._reply_to.setdefault(numbers[taken.recipient], taken.reply_to())
            return all(chat.number in self._reply_to for chat in fresh)

        self.expect(answered, "the first emails at the relay", 120)

    def write(self, out: int, into: int, mail_chats: int = 0) -> int:
        """Begins to write in the background: so many messages in each chat, each way; and so many chats that a mail
        opens, with `into` mails each. Gives how many messages that will be.
        """
        first = {chat.number: self._next.get(chat.number, 1) for chat in self.chats}
        for chat in self.chats:
            self._next[chat.number] = first[chat.number] + max(out, into)
        beginners = [Chat(100_000 + self._begun + number) for number in range(mail_chats)]
        self._begun += mail_chats

        def speak() -> None:
            for number in range(out):
                for chat in self.chats:
                    if not self._may_go_on():
                        return
                    say(self.pusher, self.ledger, chat, first[chat.number] + number)

        def post(mine: list[Chat], theirs: list[Chat]) -> None:
            for number in range(into):
                for chat in mine:
                    if not self._may_go_on():
                        return
                    place = first[chat.number] + number
                    if not self.mail.deliver(chat, place, self._reply_to[chat.number]):
                        self.refused(f"in {chat.number} {place}")
                for chat in theirs:
                    if not self._may_go_on():
                        return
                    answered = {"References": f"<{chat.number}.0@mail.example.org>"} if number else {}
                    if not self.mail.deliver(chat, number, f"bob@{MAIL_DOMAIN}", answered):
                        self.refused(f"in {chat.number} {number}")

        work = [(speak, ())] if out else []
        if into:
            work += [(post, (self.chats[n::POSTMEN], beginners[n::POSTMEN])) for n in range(POSTMEN)]
        for target, arguments in work:
            thread = threading.Thread(target=target, args=arguments, daemon=True)
            self._threads.append(thread)
            thread.start()
        return len(self.chats) * (out + into) + mail_chats * into

    def write_through(self, times: int, out: int, into: int, mail_chats: int = 0) -> Iterator[int]:
        """`write`, while something happens so many times: each time is given, and the writers are allowed so much that they write
        until the last one.
        """
        self.permit(0)
        before = self.handed_over
        messages = self.write(out, into, mail_chats)
        for step in range(times):
            self.permit(before + messages * (step + 1) // (times + 1))
            yield step
        self.permit(float("inf"))

    def reply_to(self, chat: Chat) -> str:
        """Where somebody's answers go."""
        return self._reply_to[chat.number]

    def refused(self, what: str) -> None:
        """A mail was refused for good, or never taken."""
        if not self.mail.stopped.is_set():
            self.violations.append(f"{what}: refused, {self.mail.put_off}")

    def permit(self, messages: float) -> None:
        """Writers stop after so many messages in all."""
        with self._pace:
            self._permitted = messages
            self._pace.notify_all()

    def _may_go_on(self) -> bool:
        with self._pace:
            self._pace.wait_for(lambda: self.handed_over < self._permitted or self.mail.stopped.is_set())
            self.handed_over += 1
        while self.pusher.waiting() > 1000 and not self.mail.stopped.is_set():
            time.sleep(0.05)
        return not self.mail.stopped.is_set()

    # What is seen

    def done(self) -> int:
        """How many messages have come to their end."""
        return delivered(self.ledger, self.homeserver, self.relay)

    def written(self) -> bool:
        """Whether everybody has handed over everything."""
        return not any(thread.is_alive() for thread in self._threads) and not self.pusher.waiting()

    def expect(self, see: Callable[[], object], what: str, seconds: float = 30) -> None:
        """Waits for something that must happen while Penpal runs."""
        until(see, what, seconds, tuple(penpal.service for penpal in self.team))

    def wait_for(self, event: threading.Event, seconds: float = 30) -> None:
        """Waits for what another thread does."""
        if not event.wait(seconds):
            raise Failed(f"not seen within {seconds:g} s")

    def finish(self, patience: float = 60) -> None:
        """Waits until all is delivered; gives up when nothing more comes for `patience` seconds."""
        best, since = -1, time.monotonic()
        while not (self.written() and self.done() >= self.ledger.messages()):
            for penpal in self.team:
                penpal.service.check()
            if (now := self.done()) > best:
                best, since = now, time.monotonic()
            elif time.monotonic() - since > patience:
                break
            time.sleep(0.2)
        if not self.written():
            self.violations.append("not everything could be handed over")
        # What is sent a second time comes a moment later.
        time.sleep(1)
        self.measure()

    def ready(self) -> int:
        """What `/ready` answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.penpal.port, timeout=30)
        with closing(connection):
            connection.request("GET", "/ready")
            return connection.getresponse().status

    def check(self, held: object, what: str) -> None:
        """Notes a promise that was broken."""
        if not held:
            self.violations.append(what)

    def judge(self) -> Outcome:
        """Holds what came against what was promised, rooms included."""
        outcome = judge(self.ledger, self.homeserver, self.relay)
        used: dict[str, int] = {}
        for room in self.homeserver.rooms.values():
            for user in room.members:
                if user != BOB and room.joined(user):
                    used[user] = used.get(user, 0) + 1
        twice = sorted(user for user, rooms in used.items() if rooms > 1)
        if twice:
            self.violations.append(f"{len(twice)} puppets have two rooms for one chat, as {twice[0]}")
        outcome.violations = self.violations + outcome.violations
        return outcome

    def clock(self) -> float:
        """What time it was for Penpal, in seconds since 1970, when it logged its last line."""
        last = self.penpal.service.log.read_text(errors="replace").splitlines()[-1]
        return datetime.fromisoformat(json.loads(last)["timestamp"]).timestamp()

    def log(self) -> Log:
        """What Penpal logged."""
        lines, complaints = 0, []
        for penpal in self.processes:
            if not penpal.service.log.exists():
                continue
            for line in penpal.service.log.read_text(errors="replace").splitlines():
                lines += 1
                try:
                    level = json.loads(line).get("level")
                except ValueError:
                    level = "ERROR"
                if level in ("WARN", "ERROR"):
                    complaints.append(line)
        return Log(lines, complaints)
