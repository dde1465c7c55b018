"""`scripts/bench`: installs, measures, prints the table."""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from lab import penpal, postgres
from lab.bench import figures, postfix
from lab.bench.team import Team
from lab.bench.world import World
from lab.postgres import Postgres
from lab.processes import Failed, stop_on_signals
from lab.tools import Missing

# Over which mail comes in at the same time.
CONNECTIONS = 20


@dataclass(frozen=True)
class Promise:
    """What a figure must be: at least, or at most, where it is promised at all."""

    text: str
    unit: str
    least: float | None = None
    most: float | None = None
    # Whether it waits for the disk.
    waits: bool = False

    def held(self, value: float) -> bool:
        """Whether the figure is as promised."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def bound(self) -> str:
        """The promise in words."""
        if self.least is not None:
            return f"at least {self.least:g}"
        return f"at most {self.most:g}" if self.most is not None else ""


PROMISES = {
    "disk": Promise("fdatasync of this disk, one at a time", "/s"),
    "convert_reply": Promise("conversion of an HTML reply of 30 KB, processor time", "ms", most=1),
    "convert_files": Promise("conversion of a mail of 10 MB with files", "MB/s", least=200),
    "start": Promise("start, empty store", "s", most=1),
    "memory_idle": Promise("memory when idle", "MiB", most=40),
    "idle_cpu": Promise("processor time of a process when idle, a minute", "ms", most=300),
    "idle_transactions": Promise("  its transactions at PostgreSQL meanwhile", "/s", most=4),
    "accepted_100": Promise("transactions of 100 events, accepted", "events/s", least=10_000, waits=True),
    "accepted_1": Promise("transactions of 1 event one at a time, accepted", "events/s", least=1_500, waits=True),
    "accepted_1_p99": Promise("  of these, the slowest in a hundred", "ms", most=10),
    "to_email": Promise("Matrix to email, end to end", "messages/s", least=1_500, waits=True),
    "to_email_cpu": Promise("  processor time of each", "ms", most=0.7),
    "to_email_database": Promise("  besides, of PostgreSQL", "ms"),
    "lmtp": Promise("email to Matrix, accepted by LMTP over 20 connections", "mails/s", least=3_000, waits=True),
    "lmtp_source": Promise("  the same, from smtp-source", "mails/s", waits=True),
    "lmtp_postfix": Promise("  against Postfix's smtpd, from smtp-source", "times", least=1),
    "to_matrix": Promise("email to Matrix, end to end", "messages/s", least=1_500, waits=True),
    "to_matrix_cpu": Promise("  processor time of each", "ms", most=0.7),
    "to_matrix_database": Promise("  besides, of PostgreSQL", "ms"),
    "latency_to_email": Promise("one message alone, transaction to relay, median", "ms", most=5),
    "latency_to_matrix": Promise("one mail alone, connection to homeserver, median", "ms", most=5),
    "handed_over": Promise("end of `penpal deliver` to homeserver, median", "ms"),
    "drain": Promise("drain of what waits for the relay", "messages/s", waits=True),
    "drain_against": Promise("  against the rate from end to end", "times", least=1),
    "start_large": Promise("start, large store", "s", most=2),
    "memory_large": Promise("memory with the large store, under load", "MiB", most=128),
    "file_in": Promise("memory added by a 100 MB attachment, in", "MiB", most=32),
    "files_in": Promise("  by four at the same time", "MiB", most=32),
    "file_out": Promise("memory added by a 100 MB attachment, out", "MiB", most=32),
    "files_of_one_out": Promise("  by four of 25 MB in one email", "MiB", most=32),
    "files_out": Promise("  by four at the same time", "MiB", most=32),
    "file_out_by_data": Promise("  by one, to a relay without CHUNKING", "MiB", most=32),
    "files_out_by_data": Promise("  by four at the same time, to such a relay", "MiB", most=32),
    "large_to_email": Promise("processor time there against the small store, to email", "times", most=1.25),
    "large_to_matrix": Promise("processor time there against the small store, to Matrix", "times", most=1.25),
}

# Bytes of a large attachment.
FILE = 100_000_000

# Portals in the small store, against which the large one is held.
SMALL = 1000


class Bench:
    """The figures so far, and what they are measured on."""

    def __init__(self, binary: Path, directory: Path, size: int, server: Postgres | None, earlier: dict[str, float]):
        self._binary, self.directory, self._size, self.server, self._earlier = binary, directory, size, server, earlier
        self.world = World()
        self.installed: list[Team] = []
        self.figures: dict[str, float] = {}

    def install(self, name: str) -> Team:
        """A fresh installation that sends every message at once."""
        team = Team(self._binary, self.directory / name, self.world, self._size, self.server)
        self.installed.append(team)
        return team

    def note(self, name: str, value: float) -> None:
        """Takes a figure down and prints its line, with the disk's own pace now where that bounds it."""
        self.figures[name] = value
        promise = PROMISES[name]
        missed = "MISSED" if not promise.held(value) else ""
        before = self._earlier.get(name)
        compared = f"  {value / before:6.2f} times {before:.2f}" if before else ""
        paced = f"  the disk: {figures.disk(self.directory):.0f}/s" if promise.waits else ""
        line = f"{promise.text:<58} {value:10.2f} {promise.unit:<10} {promise.bound():<14} {missed:<6}{paced}{compared}"
        print(line.rstrip(), flush=True)

    def good(self) -> bool:
        """Whether everything is as promised."""
        return all(PROMISES[name].held(value) for name, value in self.figures.items())


def _median(runs: int, measured: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Measures again and again; the median of each figure."""
    found = [measured() for _ in range(runs)]
    return {name: statistics.median(each[name] for each in found) for name in found[0]}


def measure(bench: Bench, wanted: argparse.Namespace) -> None:
    """All figures, one after another."""
    bench.note("disk", figures.disk(bench.directory))
    # The conversion is built from the source, and the same on each database.
    if bench.server is None and wanted.binary is None:
        for name, value in figures.conversion().items():
            bench.note(name, value)
    small = bench.install("small")
    bench.note("start", small.start())
    time.sleep(2)
    bench.note("memory_idle", small.memory())
    idle = figures.idle(small, wanted.idle)
    bench.note("idle_cpu", idle["cpu"])
    if bench.server:
        bench.note("idle_transactions", idle["transactions"])
    small.stop()
    small.fill(SMALL)
    small.start()
    run = figures.Run(bench.world, small, wanted.chats)
    run.begin_chats()
    there, back = _rates(bench, run, wanted)
    to_email, to_matrix = run.latency(50)
    bench.note("latency_to_email", to_email)
    bench.note("latency_to_matrix", to_matrix)
    bench.note("handed_over", run.handed_over(10))
    bench.note("drain", run.drain(wanted.waiting))
    bench.note("drain_against", bench.figures["drain"] / bench.figures["to_email"])
    if len(small.members) == 1:
        bench.note("file_in", run.files_in(FILE, 1))
        bench.note("files_in", run.files_in(FILE, 4))
        bench.note("file_out", run.files_out(FILE, 1, 1))
        bench.note("files_of_one_out", run.files_out(FILE // 4, 1, 4))
        bench.note("files_out", run.files_out(FILE, 4, 1))
        bench.note("file_out_by_data", run.files_out(FILE, 1, 1, chunking=False))
        bench.note("files_out_by_data", run.files_out(FILE, 4, 1, chunking=False))
    small.stop()
    large = bench.install("large")
    large.start()
    large.stop()
    large.fill(wanted.portals)
    bench.note("start_large", large.start())
    run = figures.Run(bench.world, large, wanted.chats)
    run.begin_chats()
    large.forget_peak()
    large_there = _median(wanted.runs, lambda: run.matrix_to_email(wanted.messages, 100))
    large_back = _median(wanted.runs, lambda: run.email_to_matrix(wanted.messages, CONNECTIONS))
    bench.note("memory_large", large.peak())
    bench.note("large_to_email", large_there["cost"] / there["cost"])
    bench.note("large_to_matrix", large_back["cost"] / back["cost"])


def _rates(bench: Bench, run: figures.Run, wanted: argparse.Namespace) -> tuple[dict[str, float], dict[str, float]]:
    """What goes through in a second, and what a message costs: to email, and to Matrix."""
    there = _median(wanted.runs, lambda: run.matrix_to_email(wanted.messages, 100))
    bench.note("accepted_100", there["accepted"])
    single = _median(wanted.runs, lambda: run.matrix_to_email(wanted.messages, 1))
    bench.note("accepted_1", single["accepted"])
    bench.note("accepted_1_p99", single["p99"])
    bench.note("to_email", there["through"])
    bench.note("to_email_cpu", there["cpu"])
    if bench.server:
        bench.note("to_email_database", there["database"])
    back = _median(wanted.runs, lambda: run.email_to_matrix(wanted.messages, CONNECTIONS))
    bench.note("lmtp", back["accepted"])
    if os.geteuid() == 0:
        people = run.reply_addresses(CONNECTIONS)
        beside = _median(wanted.runs, lambda: postfix.side_by_side(run, people, wanted.messages))
        bench.note("lmtp_source", beside["penpal"])
        bench.note("lmtp_postfix", beside["penpal"] / beside["postfix"])
    else:
        print("the comparison with Postfix is left out: it only starts as root")
    bench.note("to_matrix", back["through"])
    bench.note("to_matrix_cpu", back["cpu"])
    if bench.server:
        bench.note("to_matrix_database", back["database"])
    return there, back


def main(arguments: argparse.Namespace) -> int:
    """The command; gives its exit code: 1 when a figure is not as promised."""
    stop_on_signals()
    binary = arguments.binary.resolve() if arguments.binary else penpal.build(release=True)
    earlier = json.loads(arguments.compare.read_text()) if arguments.compare else {}
    directory = Path(tempfile.mkdtemp(prefix="penpal-bench-"))
    processes = arguments.postgres
    try:
        with postgres.running(durable=True) if processes else nullcontext() as server:
            return _run(Bench(binary, directory, processes or 1, server, earlier), arguments)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _run(bench: Bench, arguments: argparse.Namespace) -> int:
    try:
        measure(bench, arguments)
        return 0 if bench.good() else 1
    except (Failed, Missing, OSError) as failure:
        print(f"{failure}\n" + "\n".join(each.tails() for each in bench.installed))
        return 1
    finally:
        if arguments.json:
            arguments.json.write_text(json.dumps(bench.figures, indent=2) + "\n")
        for each in bench.installed:
            each.stop()
        bench.world.stop()
