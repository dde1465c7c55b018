"""Disks that fill up, and one that fails."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.faults.preload import Preload
from lab.faults.run import LeftOut, Run


class FailingDisk(Preload):
    """A context; programs with its `environment` can't bring a file to the disk from `fail` to `recover`."""

    source = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int file) {
    if (access(getenv("FAULTS_FILE"), F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return real(file);
}
"""

    def fail(self) -> None:
        """From here on it fails."""
        self.file.touch()

    def recover(self) -> None:
        """It works again."""
        self.file.unlink()


@contextmanager
def small_disk(run: Run, megabytes: int) -> Iterator[Path]:
    """A disk of its own for the database, gone afterwards."""
    run.needs_sqlite("PostgreSQL's disk is its own matter")
    if os.geteuid() != 0:
        raise LeftOut("only root may mount a small disk")
    disk = run.directory / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", disk], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        raise LeftOut(f"a small disk can't be mounted: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        # Lazily: a file may still be open in a process that is just ending.
        subprocess.run(["umount", "-l", disk], check=False)


def fill(disk: Path) -> Path:
    """Leaves no room on a disk; the file that does gives it back."""
    ballast = disk / "ballast"
    with open(ballast, "ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return ballast
