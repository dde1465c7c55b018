"""`scripts/bench`: installs, measures, prints the table."""

import argparse
import json
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from lab import penpal
from lab.bench import figures
from lab.bench.world import SERVER_NAME, World
from lab.lab import MAIL_DOMAIN
from lab.penpal import Penpal
from lab.processes import Failed, stop_on_signals


@dataclass(frozen=True)
class Promise:
    """What a figure must be: at least, or at most, where it is promised at all."""

    text: str
    unit: str
    least: float | None = None
    most: float | None = None

    def held(self, value: float) -> bool:
        """Whether the figure is as promised."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def bound(self) -> str:
        """The promise in words."""
        if self.least is not None:
            return f"at least {self.least:g}"
        return f"at most {self.most:g}" if self.most is not None else ""


PROMISES = {
    "disk": Promise("fdatasync of this disk, median", "ms"),
    "convert_reply": Promise("conversion of an HTML reply of 30 KB, processor time", "ms", most=1),
    "convert_files": Promise("conversion of a mail of 10 MB with files", "MB/s", least=200),
    "start": Promise("start, empty store", "s", most=1),
    "memory_idle": Promise("memory when idle", "MiB", most=40),
    "accepted_100": Promise("transactions of 100 events, accepted", "events/s", least=10_000),
    "accepted_1": Promise("transactions of 1 event one at a time, accepted", "events/s", least=1_500),
    "accepted_1_p99": Promise("  of these, the slowest in a hundred", "ms", most=10),
    "to_email": Promise("Matrix to email, end to end", "messages/s", least=1_500),
    "to_email_cpu": Promise("  processor time of each", "ms", most=0.7),
    "lmtp": Promise("email to Matrix, accepted by LMTP over 20 connections", "mails/s", least=3_000),
    "to_matrix": Promise("email to Matrix, end to end", "messages/s", least=1_500),
    "to_matrix_cpu": Promise("  processor time of each", "ms", most=0.7),
    "latency_to_email": Promise("one message alone, transaction to relay, median", "ms", most=5),
    "latency_to_matrix": Promise("one mail alone, connection to homeserver, median", "ms", most=5),
    "start_large": Promise("start, large store", "s", most=2),
    "memory_large": Promise("memory with the large store, after load", "MiB", most=128),
    "large_to_email": Promise("processor time there against the small store, to email", "times", most=1.25),
    "large_to_matrix": Promise("processor time there against the small store, to Matrix", "times", most=1.25),
}


class Bench:
    """The figures so far, and what they are measured on."""

    def __init__(self, binary: Path, directory: Path, earlier: dict[str, float]):
        self._binary, self.directory, self._earlier = binary, directory, earlier
        self.world = World()
        self.installed: list[Penpal] = []
        self.figures: dict[str, float] = {}

    def install(self, name: str) -> Penpal:
        """A fresh installation that sends every message at once."""
        installed = Penpal(self._binary, self.directory / name)
        installed.init(SERVER_NAME, f"http://127.0.0.1:{self.world.homeserver_port}", MAIL_DOMAIN, self.world.relay_port)
        sections = {"chats": {"settle": "0s"}, "permissions": {"*": "admin"}, "mail": installed.listen(), "logging": {"level": "warn"}}
        installed.configure(sections)
        self.installed.append(installed)
        return installed

    def note(self, name: str, value: float) -> None:
        """Takes a figure down and prints its line."""
        self.figures[name] = value
        promise = PROMISES[name]
        missed = "" if promise.held(value) else "  MISSED"
        before = self._earlier.get(name)
        compared = f"  {value / before:6.2f} times {before:.2f}" if before else ""
        print(f"{promise.text:<58} {value:10.2f} {promise.unit:<10} {promise.bound():<14}{missed}{compared}", flush=True)

    def good(self) -> bool:
        """Whether everything is as promised."""
        return all(PROMISES[name].held(value) for name, value in self.figures.items())


def measure(bench: Bench, messages: int, chats: int, portals: int) -> None:
    """All figures, one after another."""
    bench.note("disk", figures.disk(bench.directory))
    for name, value in figures.conversion().items():
        bench.note(name, value)
    small = bench.install("small")
    bench.note("start", figures.start(small))
    time.sleep(2)
    bench.note("memory_idle", figures.memory(small))
    run = figures.Run(bench.world, small, chats)
    run.begin_chats()
    to_email = run.matrix_to_email(messages, 100)
    bench.note("accepted_100", to_email["accepted"])
    single = run.matrix_to_email(messages, 1)
    bench.note("accepted_1", single["accepted"])
    bench.note("accepted_1_p99", single["p99"])
    bench.note("to_email", to_email["through"])
    bench.note("to_email_cpu", to_email["cpu"])
    to_matrix = run.email_to_matrix(messages, 20)
    bench.note("lmtp", to_matrix["accepted"])
    bench.note("to_matrix", to_matrix["through"])
    bench.note("to_matrix_cpu", to_matrix["cpu"])
    there, back = run.latency(50)
    bench.note("latency_to_email", there)
    bench.note("latency_to_matrix", back)
    small.service.stop()
    large = bench.install("large")
    figures.start(large)
    large.service.stop()
    figures.fill(large, portals)
    bench.note("start_large", figures.start(large))
    run = figures.Run(bench.world, large, chats)
    run.begin_chats()
    large_to_email = run.matrix_to_email(messages, 100)
    large_to_matrix = run.email_to_matrix(messages, 20)
    bench.note("memory_large", figures.memory(large))
    bench.note("large_to_email", large_to_email["cpu"] / to_email["cpu"])
    bench.note("large_to_matrix", large_to_matrix["cpu"] / to_matrix["cpu"])


def main(arguments: argparse.Namespace) -> int:
    """The command; gives its exit code: 1 when a figure is not as promised."""
    stop_on_signals()
    binary = arguments.binary.resolve() if arguments.binary else penpal.build(release=True)
    earlier = json.loads(arguments.compare.read_text()) if arguments.compare else {}
    directory = Path(tempfile.mkdtemp(prefix="penpal-bench-"))
    bench = Bench(binary, directory, earlier)
    try:
        measure(bench, arguments.messages, arguments.chats, arguments.portals)
        return 0 if bench.good() else 1
    except KeyboardInterrupt:
        return 130
    except (Failed, OSError) as failure:
        print(f"{failure}\n" + "\n".join(each.service.tail() for each in bench.installed))
        return 1
    finally:
        if arguments.json:
            arguments.json.write_text(json.dumps(bench.figures, indent=2) + "\n")
        for each in bench.installed:
            each.service.stop()
        bench.world.stop()
        shutil.rmtree(directory, ignore_errors=True)
