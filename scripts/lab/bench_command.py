"""`scripts/bench`: the figures that are promised, measured on the release binary."""

import argparse
import http.client
import re
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

from lab import penpal
from lab.lab import MAIL_DOMAIN, puppet_of
from lab.penpal import Penpal
from lab.processes import Failed, answers, stop_on_signals
from lab.relay import Relay
from lab.stub_homeserver import SERVER_NAME, StubHomeserver, member

BOB = f"@bob:{SERVER_NAME}"


class Bench:
    """One store after another, in one directory."""

    def __init__(self, binary: Path, directory: Path):
        self._binary = binary
        self._directory = directory
        self.homeserver = StubHomeserver()
        self.relay = Relay(directory / "mail", keep=False)
        self.relay.start()

    def install(self, name: str) -> Penpal:
        """A fresh installation that sends every message at once."""
        installed = Penpal(self._binary, self._directory / name)
        installed.init(SERVER_NAME, self.homeserver.url, MAIL_DOMAIN, self.relay.port)
        installed.configure({"chats": {"settle": "0s"}, "mail": installed.listen(), "logging": {"level": "warn"}})
        return installed

    def stop(self) -> None:
        """Stops the other side."""
        self.homeserver.stop()
        self.relay.stop()


def start_time(installed: Penpal) -> float:
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


def fill(installed: Penpal, portals: int) -> None:
    """Puts portals with two members each into the stopped installation's store."""
    with sqlite3.connect(installed.directory / "penpal.db") as store:
        rows = range(portals)
        store.executemany(
            "INSERT INTO portals (user_id, address, puppet_id, room_id, state, token, contacted, introduced, encrypted,"
            " created_at, touched_at) VALUES (?, ?, ?, ?, 'active', ?, 1, 1, 0, 0, 0)",
            ((BOB, f"p{n}@example.org", puppet_of(f"p{n}@example.org"), f"!p{n}:{SERVER_NAME}", f"t{n}") for n in rows),
        )
        store.executemany(
            "INSERT INTO members (room_id, user_id, membership) VALUES (?, ?, 'join')",
            ((f"!p{n}:{SERVER_NAME}", user) for n in rows for user in (BOB, puppet_of(f"p{n}@example.org"))),
        )
    store.close()


def throughput(bench: Bench, installed: Penpal, messages: int, chats: int) -> tuple[float, float]:
    """Seconds until all transactions were answered, and until all emails were at the relay, in order."""
    token = installed.tokens()["hs_token"]
    connection = http.client.HTTPConnection("127.0.0.1", installed.port, timeout=60)
    addresses = [f"chat{n}@example.org" for n in range(chats)]
    for n, address in enumerate(addresses):
        room, puppet = f"!chat{n}:{SERVER_NAME}", puppet_of(address)
        bench.homeserver.rooms[room] = [
            member(room, BOB, BOB, "join", n),
            member(room, puppet, puppet, "join", n),
        ]
        bench.homeserver.push(connection, token, [member(room, puppet, BOB, "invite", n, is_direct=True)])
    begin = time.monotonic()
    for n in range(messages):
        event = {
            "type": "m.room.message",
            "room_id": f"!chat{n % chats}:{SERVER_NAME}",
            "sender": BOB,
            "event_id": f"$message-{n}",
            "origin_server_ts": 1_700_000_100_000 + n,
            "content": {"msgtype": "m.text", "body": f"message number {n}"},
        }
        bench.homeserver.push(connection, token, [event])
    pushed = time.monotonic() - begin
    end = time.monotonic() + 600
    while len(bench.relay.caught) < messages:
        installed.service.check()
        if time.monotonic() > end:
            raise Failed(f"only {len(bench.relay.caught)} of {messages} emails came within ten minutes")
        time.sleep(0.05)
    mailed = time.monotonic() - begin
    for n, address in enumerate(addresses):
        found = [re.findall(rb"message number (\d+)", mail.raw) for mail in bench.relay.to(address)]
        numbers = [int(number) for line in found for number in line]
        if numbers != list(range(n, messages, chats)):
            raise Failed(f"the emails to {address} are not each message once, in order")
    return pushed, mailed


def main(arguments: argparse.Namespace) -> int:
    """The command; gives its exit code: 1 when a figure is beyond its limit."""
    stop_on_signals()
    binary = arguments.binary.resolve() if arguments.binary else penpal.build(release=True)
    directory = Path(tempfile.mkdtemp(prefix="penpal-bench-"))
    bench, good = Bench(binary, directory), True
    installed = []

    def figure(name: str, value: float, unit: str, limit: float | None = None) -> None:
        nonlocal good
        held = limit is None or value < limit
        good &= held
        bound = "" if limit is None else f"  (limit {limit:g}{'' if held else ', EXCEEDED'})"
        print(f"{name:<52} {value:9.2f} {unit}{bound}", flush=True)

    try:
        installed.append(empty := bench.install("empty"))
        figure("start, empty store", start_time(empty), "s", 1)
        time.sleep(2)
        figure("memory when idle", memory(empty), "MiB", 40)
        pushed, mailed = throughput(bench, empty, arguments.messages, arguments.chats)
        figure(f"{arguments.messages} transactions answered", pushed, "s")
        figure("the emails of these at the relay, each once, in order", mailed, "s")
        figure("emails per second", arguments.messages / mailed, "/s")
        figure("memory afterwards", memory(empty), "MiB")
        empty.service.stop()
        installed.append(large := bench.install("large"))
        start_time(large)
        large.service.stop()
        fill(large, arguments.portals)
        figure(f"start, store of {arguments.portals} portals", start_time(large), "s", 2)
        figure("memory with these", memory(large), "MiB")
        return 0 if good else 1
    except KeyboardInterrupt:
        return 130
    except (Failed, OSError) as failure:
        print(f"{failure}\n" + "\n".join(each.service.tail() for each in installed))
        return 1
    finally:
        for each in installed:
            each.service.stop()
        bench.stop()
        shutil.rmtree(directory, ignore_errors=True)
