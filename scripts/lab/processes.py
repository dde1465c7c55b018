"""Child processes, ports and waiting: started in groups of their own, ended by id, never by name."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Seen = TypeVar("Seen")


class Failed(Exception):
    """Something that had to happen did not; the text is for the person in front of the terminal."""


# Below where Linux takes the ports of outgoing connections from: one of those would have it before the server starts.
_PORTS = range(20_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now; each time another one."""
    while True:
        port = random.choice([port for port in _PORTS if port not in _given])
        _given.add(port)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def stop_on_signals() -> None:
    """Ctrl-C, a closed terminal and `kill` all unwind the stack once; later ones wait for the clean-up."""
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def unwind(_number: int, _frame: object) -> None:
        for number in wanted:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in wanted:
        signal.signal(number, unwind)


def end_group(child: subprocess.Popen, patience: float) -> None:
    """Asks the child's process group to end, and after `patience` seconds makes it."""
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10)):
        if child.poll() is not None:
            return
        os.killpg(child.pid, number)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


def run(command: list, patience: float = 60, **options) -> int:
    """Runs a command with its output visible and no input; ends it when this process is told to end."""
    child = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, start_new_session=True, **options)
    try:
        return child.wait()
    finally:
        end_group(child, patience)


class Service:
    """A program that stays up while the lab stands; what it prints goes to a log file."""

    def __init__(self, name: str, command: list, log: Path, **options):
        self.name = name
        self.log = log
        # For the next start.
        self.environment: dict[str, str] = dict(options.pop("env", os.environ))
        self._command = list(map(str, command))
        self._options = options
        self._child: subprocess.Popen | None = None

    def start(self) -> None:
        """Starts it, or starts it again; the log is continued."""
        with open(self.log, "ab") as log:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self.environment,
                **self._options,
            )

    def stop(self, patience: float = 15) -> None:
        """Ends it if it runs."""
        if self._child is not None:
            end_group(self._child, patience)
            self._child = None

    def kill(self) -> None:
        """Ends it as a crash does: at once, and it learns nothing of it."""
        if self._child is not None and self._child.poll() is None:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        self._child = None

    def signal(self, number: int) -> None:
        """Sends it a signal."""
        if self._child is not None:
            os.kill(self._child.pid, number)

    def ended(self, seconds: float) -> int | None:
        """Its exit code, for which this waits; `None` when it still runs then."""
        if self._child is None:
            return None
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    @property
    def pid(self) -> int | None:
        """The process id, once it was started."""
        return self._child.pid if self._child is not None else None

    def check(self) -> None:
        """Fails when the program has ended by itself."""
        code = self._child.poll() if self._child is not None else None
        if code is not None:
            raise Failed(f"{self.name} ended with status {code}; what it said last:\n{self.tail()}")

    def tail(self, lines: int = 25) -> str:
        """The end of what it printed, long lines cut."""
        if not self.log.exists():
            return ""
        return "\n".join(line[:300] for line in self.log.read_text(errors="replace").splitlines()[-lines:])


def until(see: Callable[[], Seen], what: str, seconds: float = 30, services: tuple[Service, ...] = ()) -> Seen:
    """Looks again and again until `see` gives something true, for at most `seconds`.

    A service that dies meanwhile ends the wait at once: what it should have done will not come.
    """
    end = time.monotonic() + seconds
    while True:
        if seen := see():
            return seen
        for service in services:
            service.check()
        if time.monotonic() > end:
            raise Failed(f"not seen within {seconds:g} s: {what}")
        time.sleep(0.1)


def answers(port: int) -> bool:
    """Whether somebody accepts connections on this port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
