"""A PostgreSQL server of our own: fresh data, one free port, gone afterwards."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from lab import tools
from lab.processes import Failed, Service, free_port, until


def _account() -> dict:
    """PostgreSQL refuses to run as root: root becomes `postgres`, or `nobody`. Others stay what they are."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise Failed("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`")


class Postgres:
    """A running server."""

    def __init__(self, service: Service, port: int, programs: Path):
        self._service = service
        self._ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        self._psql = [programs / "psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "penpal", "-d", "postgres"]
        self._port = port
        self._databases = 0
        self.url = self._url("postgres")

    def _url(self, database: str) -> str:
        return f"postgres://penpal@127.0.0.1:{self._port}/{database}"

    def create(self) -> str:
        """Makes an empty database and gives its URL."""
        self._databases += 1
        name = f"penpal{self._databases}"
        command = [*self._psql, "-c", f"CREATE DATABASE {name}"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise Failed(f"the database {name} could not be made: {done.stderr}")
        return self._url(name)

    def run(self, url: str, sql: str) -> str:
        """Runs SQL in the database of this URL, all or nothing, and gives the answer."""
        command = [*self._psql[:-1], url, "-A", "-t", "-1", "-v", "ON_ERROR_STOP=1", "-c", sql]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise Failed(f"PostgreSQL says: {done.stderr}")
        return done.stdout.strip()

    def only_reads(self, url: str, whether: bool) -> None:
        """Whether the database of this URL may only be read: who is connected to it is cut off, and finds it so."""
        name = url.rpartition("/")[2]
        self.run(self.url, f"ALTER DATABASE {name} SET default_transaction_read_only = {'on' if whether else 'off'}")
        self.run(self.url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    @property
    def pid(self) -> int | None:
        """The process id of its first process."""
        return self._service.pid

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        self._service.start()
        until(lambda: subprocess.run(self._ready).returncode == 0, "PostgreSQL ready", 60, (self._service,))

    def crash(self) -> None:
        """Ends it as a crash does."""
        self._service.signal(signal.SIGQUIT)
        if self._service.ended(30) is None:
            raise Failed("PostgreSQL does not end")


@contextmanager
def running(durable: bool = False):
    """Yields a running `Postgres`; the server and its files are gone afterwards. What is committed is on the disk only when it
    is `durable`.
    """
    programs = tools.postgres_programs()
    account = _account()
    directory = Path(tempfile.mkdtemp(prefix="penpal-postgres-"))
    if account:
        os.chown(directory, account["user"], account["group"])
    data, log = directory / "data", directory / "log"
    options = {"cwd": directory, **account}
    initdb = [programs / "initdb", "-D", data, "-U", "penpal", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    made = subprocess.run(list(map(str, initdb)), capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    if made.returncode != 0:
        raise Failed(f"initdb failed:\n{made.stdout}{made.stderr}")
    port = free_port()
    # The data are thrown away: mostly nothing needs to reach the disk. What is committed outlives a crash of the server all
    # the same, because the machine does not crash with it. Every test has its own connections.
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": directory,
        "max_connections": 400,
    } | ({} if durable else {"fsync": "off", "full_page_writes": "off"})
    command = [programs / "postgres", "-D", data]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    service = Service("PostgreSQL", command, log, **options)
    try:
        postgres = Postgres(service, port, programs)
        postgres.start()
        yield postgres
    finally:
        service.stop()
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def server():
    """Yields the URL of an empty database; the server and its files are gone afterwards."""
    with running() as postgres:
        yield postgres.url
