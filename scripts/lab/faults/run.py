"""One run of one scenario: its numbers, its stand, its row in the table."""

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab import postgres
from lab.faults.ledger import Outcome
from lab.faults.stand import Log, Stand


# MiB that a process needs for chats and mails of ordinary size, however many there are: what is promised for a large store.
MEMORY = 128


class LeftOut(Exception):
    """The scenario can't be played here; the text says why."""


@dataclass(frozen=True)
class Size:
    """How much happens."""

    kills: int
    messages: int
    # True: times as in real life, such as answers that take ten seconds. False: as short as they show the same.
    thorough: bool


@dataclass
class Row:
    """What is printed of a run."""

    name: str
    database: str
    messages: int = 0
    outcome: Outcome = field(default_factory=Outcome)
    log: Log = field(default_factory=lambda: Log(0, []))
    memory: float = 0
    seconds: float = 0
    left_out: str = ""
    # What else there is to say.
    notes: list[str] = field(default_factory=list)

    @property
    def broken(self) -> bool:
        """Whether a promise was broken."""
        return bool(self.outcome.violations)


@dataclass
class Run:
    """What a scenario is given."""

    row: Row
    binary: Path
    directory: Path
    size: Size
    random: random.Random
    server: postgres.Postgres | None

    @property
    def on_postgres(self) -> bool:
        """Which of the two databases it runs on."""
        return self.server is not None

    def needs_sqlite(self, why: str) -> None:
        """Leaves the scenario out on PostgreSQL."""
        if self.on_postgres:
            raise LeftOut(why)

    def share(self, ways: int, least: int = 2) -> int:
        """Messages for each of so many ways, so that all of them together are not fewer than wanted."""
        return max(least, math.ceil(self.size.messages / ways))

    @contextmanager
    def stand(
        self,
        database: str | None = None,
        complaints: int = 30,
        memory: float = MEMORY,
        environment: dict[str, str] | None = None,
        **options: object,
    ) -> Iterator[Stand]:
        """The stand around a fresh store. At its end everything is held against what was promised: `complaints` is how
        many warnings and errors the log may hold, `memory` how many MiB each process may have had. `environment` is added to
        Penpal's.
        """
        url = database or (self.server.create() if self.server else f"sqlite:{self.directory}/penpal.db")
        stand = Stand(self.binary, self.directory, url, **options)  # type: ignore[arg-type]
        for penpal in stand.team:
            penpal.service.environment |= environment or {}
        try:
            with stand:
                yield stand
                stand.measure()
        except BaseException:
            for penpal in stand.team:
                print("\n".join(line[:400] for line in penpal.service.tail(30).splitlines()), flush=True)
            raise
        finally:
            row = self.row
            row.log, row.memory, row.messages = stand.log(), stand.memory, stand.ledger.messages()
        if len(row.log.complaints) > complaints:
            stand.violations.append(f"{len(row.log.complaints)} lines of complaint in the log, {complaints} expected")
        if row.memory > memory:
            stand.violations.append(f"{row.memory:.0f} MiB of memory, at most {memory:g} expected")
        row.outcome = stand.judge()

    @contextmanager
    def chats(self, count: int, **about: object) -> Iterator[Stand]:
        """`stand`, with Penpal running and so many chats open."""
        with self.stand(**about) as stand:  # type: ignore[arg-type]
            stand.start_all()
            stand.open_chats(count)
            yield stand

    def note(self, text: str) -> None:
        """Something worth a line below the table."""
        self.row.notes.append(text)


Scenario = Callable[[Run], None]
