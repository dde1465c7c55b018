"""An installation of one process or several, and what it takes of the machine."""

import os
import re
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lab.bench.world import BOB, SERVER_NAME, World
from lab.lab import MAIL_DOMAIN
from lab.penpal import Penpal
from lab.postgres import Postgres
from lab.processes import Failed, answers

# Each portal has two members and one email. Both databases understand this.
FILL = f"""
WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < :portals)
INSERT INTO portals (user_id, address, puppet_id, room_id, state, token, subject, contacted, introduced, encrypted, created_at,
 touched_at) SELECT '{BOB}', 'p' || CAST(n AS TEXT) || '@example.org', '@_email_p' || CAST(n AS TEXT) || '=40example.org:{SERVER_NAME}',
 '!p' || CAST(n AS TEXT) || ':{SERVER_NAME}', 'active', 't' || CAST(n AS TEXT), 'Old', 1, 1, 0, 0, 0 FROM n;
INSERT INTO members (room_id, user_id, membership) SELECT room_id, user_id, 'join' FROM portals
 UNION ALL SELECT room_id, puppet_id, 'join' FROM portals;
INSERT INTO emails (message_id, portal_id, outgoing, subject, chain, created_at)
 SELECT token || '.old@{MAIL_DOMAIN}', id, 1, 'Old', '', 0 FROM portals;
"""


def processor_time(pid: int, with_ended_children: bool = False) -> float:
    """Seconds of processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    wanted = fields[11:15] if with_ended_children else fields[11:13]
    return sum(map(int, wanted)) / os.sysconf("SC_CLK_TCK")


class Team:
    """Processes that share one store: a SQLite file for one of them, or a database of `server` for any number."""

    def __init__(self, binary: Path, directory: Path, world: World, size: int, server: Postgres | None):
        self._server = server
        self._file = directory / "penpal.db"
        self.url = server.create() if server else f"sqlite:{self._file}"
        first = Penpal(binary, directory / "penpal1")
        first.init(SERVER_NAME, f"http://127.0.0.1:{world.homeserver_port}", MAIL_DOMAIN, world.relay_port)
        first.configure(
            {
                "database": {"url": self.url},
                "chats": {"settle": "0s"},
                "permissions": {"*": "admin"},
                "mail": first.listen() | {"max_size": "150 MB"},
                # An outage is over as soon as it is over: what is measured is the work, not the waiting.
                "queue": {"first_retry": "1s", "longest_retry": "1s"},
                "logging": {"level": "warn"},
            }
        )
        self.members = [first, *(first.beside(directory / f"penpal{n}") for n in range(2, size + 1))]

    @property
    def ports(self) -> list[int]:
        """Where each takes transactions."""
        return [member.port for member in self.members]

    @property
    def lmtp_ports(self) -> list[int]:
        """Where each takes mail."""
        return [member.lmtp_port for member in self.members]

    def start(self) -> float:
        """Seconds from the start of the processes until all answer the homeserver."""
        begin = time.monotonic()
        for member in self.members:
            member.service.start()
        for member in self.members:
            while not answers(member.port):
                member.service.check()
                if time.monotonic() - begin > 60:
                    raise Failed("Penpal does not listen after 60 s")
                time.sleep(0.005)
        return time.monotonic() - begin

    def stop(self) -> None:
        """Stops those that run."""
        for member in self.members:
            member.service.stop()

    def memory(self) -> float:
        """Resident memory of the process that has the most, in MiB."""
        return self._most("VmRSS")

    def forget_peak(self) -> None:
        """From here on `peak` is counted (proc_pid_clear_refs(5))."""
        for member in self.members:
            Path(f"/proc/{member.service.pid}/clear_refs").write_text("5")

    def peak(self) -> float:
        """The most resident memory that one of the processes has had at any moment, in MiB."""
        return self._most("VmHWM")

    def _most(self, name: str) -> float:
        statuses = [Path(f"/proc/{member.service.pid}/status").read_text() for member in self.members]
        return max(int(re.search(rf"{name}:\s+(\d+)", status)[1]) for status in statuses) / 1024

    def memory_added(self, work: Callable[[], None]) -> float:
        """MiB by which the resident memory is higher than before, at the most, while something is done."""
        before = self.memory()
        self.forget_peak()
        work()
        return self.peak() - before

    def cpu(self) -> float:
        """Seconds of processor time of all processes so far."""
        return sum(processor_time(member.service.pid) for member in self.members)

    def database_cpu(self) -> float:
        """The same of PostgreSQL; SQLite is a part of Penpal."""
        if self._server is None:
            return 0
        parent = self._server.pid
        used = processor_time(parent, with_ended_children=True)
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            # It may just have ended, and then belongs to its parent's.
            with suppress(FileNotFoundError, ProcessLookupError):
                used += processor_time(int(child))
        return used

    def transactions(self) -> int:
        """How many transactions PostgreSQL has carried out so far in this database."""
        if self._server is None:
            return 0
        sql = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        return int(self._server.run(self.url, sql))

    def fill(self, portals: int) -> None:
        """Puts portals into the store, while nothing runs."""
        script = FILL.replace(":portals", str(portals))
        if self._server:
            self._server.run(self.url, f"{script} ANALYZE;")
            return
        database = sqlite3.connect(self._file)
        database.executescript(f"BEGIN; {script} COMMIT;")
        database.close()

    def deliver(self, sender: str, recipient: str, message: bytes) -> None:
        """Hands a mail to `penpal deliver`, a process that takes it and ends."""
        member = self.members[0]
        command = [member.binary, "deliver", "--config", member.config, "--from", sender, "--", recipient]
        done = subprocess.run(command, input=message, capture_output=True, cwd=member.directory)
        if done.returncode != 0:
            raise Failed(f"`penpal deliver` ended with {done.returncode}: {done.stderr.decode()[:300]}")

    def tails(self) -> str:
        """The ends of the logs."""
        return "\n".join(member.service.tail() for member in self.members)
