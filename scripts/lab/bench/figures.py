"""One measurement after another; each gives its figures by name."""

import asyncio
import os
import statistics
import subprocess
import time
from pathlib import Path

from lab import tools
from lab.bench.team import Team
from lab.bench.world import BOB, SERVER_NAME, Pusher, Seen, World, deliver, event, event_with_files, mail, mail_with_file, member
from lab.lab import puppet_of
from lab.processes import Failed, until

# How a picture begins.
PICTURE = b"\x89PNG\r\n\x1a\n"


def disk(directory: Path) -> float:
    """How often a second `fdatasync` brings 4 KiB to this disk, one at a time, now: the pace of everything that is promised one
    at a time, and of what shares a wait the more the slower it is.
    """
    times = []
    with open(directory / "disk", "wb", buffering=0) as file:
        for _ in range(200):
            file.write(b"\0" * 4096)
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
    return 1 / statistics.median(times)


def conversion() -> dict[str, float]:
    """How fast mails become events, without the rest of the program."""
    tools.compiler()
    command = ["cargo", "bench", "--locked", "--quiet", "--bench", "conversion"]
    done = subprocess.run(command, cwd=tools.ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failed(f"`{' '.join(command)}` failed")
    return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines() if line)}


def idle(team: Team, seconds: float) -> dict[str, float]:
    """What a process uses that has nothing to do, in a minute and in a second."""
    used, asked, processes = team.cpu(), team.transactions(), len(team.members)
    time.sleep(seconds)
    return {
        "cpu": (team.cpu() - used) / processes * 1000 * 60 / seconds,
        "transactions": (team.transactions() - asked) / processes / seconds,
    }


class Run:
    """Measurements on one running installation."""

    def __init__(self, world: World, team: Team, chats: int):
        self._world = world
        self._team = team
        self._addresses = [f"chat{n}@example.org" for n in range(chats)]
        self._rooms = [f"!chat{n}:{SERVER_NAME}" for n in range(chats)]
        self._pusher = Pusher(team.ports, team.members[0].tokens()["hs_token"])
        self._next = 0

    def begin_chats(self) -> None:
        """Bob begins a chat with each address, and writes once: what follows is the everyday case."""
        self._world.run(self._pusher.connect())
        # Another store has other addresses for answers.
        self._world.emails.clear()
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
        used, begin = self._used(), time.perf_counter()
        times = self._push(count, size)
        accepted = sum(times)
        self._wait(self._world.mailed)
        ended = max(self._world.mailed.times.values()) - begin
        return {
            "accepted": count / accepted,
            "p99": sorted(times)[int(len(times) * 0.99)] * 1000,
            "through": count / ended,
        } | self._cost(used, count)

    def _used(self) -> tuple[float, float]:
        return self._team.cpu(), self._team.database_cpu()

    def _cost(self, before: tuple[float, float], count: int) -> dict[str, float]:
        """Milliseconds of processor time for each message: Penpal's, and PostgreSQL's."""
        ours, theirs = ((now - then) / count * 1000 for now, then in zip(self._used(), before))
        return {"cpu": ours, "database": theirs, "cost": ours + theirs}

    def drain(self, count: int) -> float:
        """Messages that wait for the relay: how many of them come out in a second, once it is back. It is away all the while
        that they are written, and a moment longer.
        """
        self._world.relay_away = True
        self._push(count, 100)
        time.sleep(2)
        self._world.relay_away = False
        self._wait(self._world.mailed)
        times = self._world.mailed.times.values()
        return count / (max(times) - min(times))

    def handed_over(self, count: int) -> float:
        """Median milliseconds from the end of a process that only takes a mail until another one has brought it to its room."""
        times = []
        for _ in range(count):
            self._world.forget()
            (number,) = self._numbers(1)
            self._pushed = 1
            self._team.deliver(*self._answer(number))
            begin = time.perf_counter()
            self._wait(self._world.chatted)
            times.append(max(0, max(self._world.chatted.times.values()) - begin))
        return statistics.median(times) * 1000

    @property
    def lmtp_ports(self) -> list[int]:
        """Where mail is taken."""
        return self._team.lmtp_ports

    def sent(self) -> int:
        """How many events the puppets have sent."""
        return self._world.sent()

    def quiet(self, events: int) -> None:
        """Waits until the puppets have sent so many."""
        until(lambda: self.sent() >= events, f"{events} events in the rooms", 600)

    def reply_addresses(self, count: int) -> list[tuple[str, str]]:
        """So many people, and for each where answers to their chat go."""
        return [(sender, self._world.emails[sender][0]) for sender in self._addresses[:count]]

    def email_to_matrix(self, count: int, connections: int) -> dict[str, float]:
        """Mails over some LMTP connections, until all are accepted and until all are in their rooms."""
        self._world.forget()
        self._pushed = count
        mails = [self._answer(number) for number in self._numbers(count)]
        used, begin = self._used(), time.perf_counter()
        accepted = self._world.run(deliver(self._team.lmtp_ports, connections, mails))
        self._wait(self._world.chatted)
        ended = max(self._world.chatted.times.values()) - begin
        return {"accepted": count / accepted, "through": count / ended} | self._cost(used, count)

    def files_in(self, size: int, count: int) -> float:
        """Mails with a file each, at the same time; gives the memory that they add, in MiB."""
        self._world.forget()
        self._world.uploads.clear()
        self._pushed = count
        file = os.urandom(size)
        mails = []
        for number in self._numbers(count):
            sender, recipient, _ = self._answer(number)
            mails.append((sender, recipient, mail_with_file(sender, recipient, self._world.emails[sender][1], number, file)))

        async def hand_over() -> None:
            await asyncio.gather(*(deliver(self._team.lmtp_ports[:1], 1, [one]) for one in mails))

        def come_in() -> None:
            self._world.run(hand_over())
            self._wait(self._world.chatted)

        added = self._team.memory_added(come_in)
        if self._world.uploads != [size] * count:
            raise Failed(f"files of {self._world.uploads} bytes were uploaded, not {count} of {size}")
        return added

    def files_out(self, size: int, emails: int, files: int, chunking: bool = True) -> float:
        """Emails with files each, at the same time, to a relay with CHUNKING or without; gives the memory that they add, in MiB."""
        world = self._world
        world.forget()
        world.attached.clear()
        world.chunking = chunking
        world.media = {f"picture{n}": PICTURE + os.urandom(size - len(PICTURE)) for n in range(emails * files)}
        names = list(world.media)
        events = []
        for n, number in enumerate(self._numbers(emails)):
            room = self._rooms[number % len(self._rooms)]
            events.append(event_with_files(room, number, names[n * files : (n + 1) * files]))
        self._pushed = emails

        async def push() -> None:
            await self._pusher.connect()
            await self._pusher.push(events)

        def go_out() -> None:
            world.run(push())
            self._wait(world.mailed)

        added = self._team.memory_added(go_out)
        if sorted(world.attached) != sorted(world.media.values()):
            raise Failed(f"the emails enclose {len(world.attached)} files, and not the {len(names)} that were sent")
        world.media, world.chunking = {}, True
        world.attached.clear()
        return added

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
            self._world.run(deliver(self._team.lmtp_ports, 1, mails))
            self._pushed = 1
            self._wait(self._world.chatted)
            back.append(max(self._world.chatted.times.values()) - begin)
            time.sleep(0.05)
        return statistics.median(there) * 1000, statistics.median(back) * 1000
