"""A PostgreSQL server of our own: fresh data, one free port, gone afterwards."""

import os
import pwd
import shutil
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


@contextmanager
def server():
    """Yields the URL of an empty database; the server and its files are gone afterwards."""
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
    # The data are thrown away: nothing needs to reach the disk. Every test has its own connections.
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": directory,
        "max_connections": 400,
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
    }
    command = [programs / "postgres", "-D", data]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    service = Service("PostgreSQL", command, log, **options)
    try:
        service.start()
        try:
            until(lambda: subprocess.run(ready).returncode == 0, "PostgreSQL ready", 60, (service,))
        except Failed as failure:
            raise Failed(f"{failure}\n{service.tail()}") from failure
        yield f"postgres://penpal@127.0.0.1:{port}/postgres"
    finally:
        service.stop()
        shutil.rmtree(directory, ignore_errors=True)
