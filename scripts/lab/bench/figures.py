"""One measurement after another; each gives its figures by name."""

import os
import re
import sqlite3
import statistics
import subprocess
import time
from pathlib import Path

from lab import tools
from lab.bench.world import BOB, SERVER_NAME, Pusher, Seen, World, deliver, event, mail, member
from lab.lab import MAIL_DOMAIN, puppet_of
from lab.penpal import Penpal
from lab.processes import Failed, answers


def disk(directory: Path) -> float:
    """Milliseconds that `fdatasync` takes after 4 KiB on this disk, now: the pace of everything that is promised."""
    times = []
    with open(directory / "disk", "wb", buffering=0) as file:
        for _ in range(100):
            file.write(b"\0" * 4096)
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


def conversion() -> dict[str, float]:
    """How fast mails become events, without the rest of the program."""
    tools.compiler()
    command = ["cargo", "bench", "--locked", "--quiet", "--bench", "conversion"]
    done = subprocess.run(command, cwd=tools.ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failed(f"`{' '.join(command)}` failed")
    return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines() if line)}


def start(installed: Penpal) -> float:
    """Seconds from the start of the process until it answers the homeserver."""
    begin = time.monotonic()
    installed.service.start()
    while not answers(installed.port):
        installed.service.check()
        if time.monotonic() - begin > 60:
            raise Failed("Penpal does not listen after 60 s")
        time.sleep(0.005)
    return time.monotonic() - begin


def memory(installed: Penpal) -> float:
    """Resident memory, in MiB."""
    status = Path(f"/proc/{installed.service.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def cpu(installed: Penpal) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{installed.service.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fill(installed: Penpal, portals: int) -> None:
    """Puts portals with two members and one email each into the stopped installation's store."""
    with sqlite3.connect(installed.directory / "penpal.db") as store:
        rows = range(portals)
        store.executemany(
            "INSERT INTO portals (user_id, address, puppet_id, room_id, state, token, subject, contacted, introduced,"
            " encrypted, created_at, touched_at) VALUES (?, ?, ?, ?, 'active', ?, 'Old', 1, 1, 0, 0, 0)",
            ((BOB, f"p{n}@example.org", puppet_of(f"p{n}@example.org"), f"!p{n}:{SERVER_NAME}", f"t{n}") for n in rows),
        )
        store.executemany(
            "INSERT INTO members (room_id, user_id, membership) VALUES (?, ?, 'join')",
            ((f"!p{n}:{SERVER_NAME}", user) for n in rows for user in (BOB, puppet_of(f"p{n}@example.org"))),
        )
        store.executemany(
            "INSERT INTO emails (message_id, portal_id, outgoing, subject, chain, created_at) VALUES (?, ?, 1, 'Old', '', 0)",
            ((f"{n}.old@{MAIL_DOMAIN}", n + 1) for n in rows),
        )
    store.close()


class Run:
    """Measurements on one running installation."""

    def __init__(self, world: World, installed: Penpal, chats: int):
        self._world = world
        self._installed = installed
        self._addresses = [f"chat{n}@example.org" for n in range(chats)]
        self._rooms = [f"!chat{n}:{SERVER_NAME}" for n in range(chats)]
        self._pusher = Pusher(installed.port, installed.tokens()["hs_token"])
        self._next = 0

    def begin_chats(self) -> None:
        """Bob begins a chat with each address, and writes once: what follows is the everyday case."""
        self._world.run(self._pusher.connect())
        for n, (room, address) in enumerate(zip(self._rooms, self._addresses)):
            puppet = puppet_of(address)
            self._world.rooms[room] = [member(room, BOB, BOB, "join", n), member(room, puppet, puppet, "join", n)]
            invite = member(room, puppet, BOB, "invite", n, is_direct=True)
            self._world.run(self._pusher.push([invite]))
        self._push(len(self._rooms), 100)
        self._wait(self._world.mailed)

    def _numbers(self, count: int) -> range:
        numbers = range(self._next, self._next + count)
        self._next += count
        return numbers

    def _push(self, count: int, size: int) -> list[float]:
        """Pushes messages in transactions of some size; gives the seconds that each took."""
        numbers = self._numbers(count)
        self._world.forget()
        events = [event(self._rooms[number % len(self._rooms)], number) for number in numbers]

        async def push() -> list[float]:
            await self._pusher.connect()
            return [await self._pusher.push(events[at : at + size]) for at in range(0, count, size)]

        self._pushed = count
        return self._world.run(push())

    def _wait(self, seen: Seen) -> None:
        if not self._world.run(seen.reaches(self._pushed, 600)):
            raise Failed(f"only {len(seen.times)} of {self._pushed} messages came out within ten minutes")
        wrong = [where for where, numbers in seen.order.items() if numbers != sorted(numbers)]
        if wrong or seen.doubles:
            raise Failed(f"{seen.doubles} doubles, and out of order: {wrong[:3]}")

    def _answer(self, number: int) -> tuple[str, str, bytes]:
        """What one of the people answers to the first email that they got."""
        sender = self._addresses[number % len(self._addresses)]
        recipient, answered = self._world.emails[sender]
        return sender, recipient, mail(sender, recipient, answered, number)

    def matrix_to_email(self, count: int, size: int) -> dict[str, float]:
        """Transactions of `size` events, until all is accepted and until all is at the relay."""
        used, begin = cpu(self._installed), time.perf_counter()
        times = self._push(count, size)
        accepted = sum(times)
        self._wait(self._world.mailed)
        ended = max(self._world.mailed.times.values()) - begin
        return {
            "accepted": count / accepted,
            "p99": sorted(times)[int(len(times) * 0.99)] * 1000,
            "through": count / ended,
            "cpu": (cpu(self._installed) - used) / count * 1000,
        }

    def email_to_matrix(self, count: int, connections: int) -> dict[str, float]:
        """Mails over some LMTP connections, until all are accepted and until all are in their rooms."""
        self._world.forget()
        self._pushed = count
        mails = [self._answer(number) for number in self._numbers(count)]
        used, begin = cpu(self._installed), time.perf_counter()
        accepted = self._world.run(deliver(self._installed.lmtp_port, connections, mails))
        self._wait(self._world.chatted)
        ended = max(self._world.chatted.times.values()) - begin
        return {
            "accepted": count / accepted,
            "through": count / ended,
            "cpu": (cpu(self._installed) - used) / count * 1000,
        }

    def latency(self, count: int) -> tuple[float, float]:
        """Median milliseconds of one message alone: to the relay, and to the homeserver."""
        there, back = [], []
        for _ in range(count):
            begin = time.perf_counter()
            self._push(1, 1)
            self._wait(self._world.mailed)
            there.append(max(self._world.mailed.times.values()) - begin)
            time.sleep(0.05)
            self._world.forget()
            (number,) = self._numbers(1)
            mails = [self._answer(number)]
            begin = time.perf_counter()
            self._world.run(deliver(self._installed.lmtp_port, 1, mails))
            self._pushed = 1
            self._wait(self._world.chatted)
            back.append(max(self._world.chatted.times.values()) - begin)
            time.sleep(0.05)
        return statistics.median(there) * 1000, statistics.median(back) * 1000
