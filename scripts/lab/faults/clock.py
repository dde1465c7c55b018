"""A clock that can be set for one program alone, by a library that is loaded before the system's."""

import os
import struct
import subprocess
from pathlib import Path

from lab import tools
from lab.processes import Failed

# Adds the number of seconds at the beginning of a file, which is mapped, to what the system's clock says.
_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static volatile const int64_t *shift;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int file = open(getenv("FAULTS_CLOCK"), O_RDONLY);
    void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) shift = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int said = real(clock, time);
    if (said == 0 && clock == CLOCK_REALTIME && shift) time->tv_sec += *shift;
    return said;
}
"""


class ShiftedClock:
    """A context; `environment` makes a program see this clock."""

    def __init__(self, directory: Path):
        self._file = directory / "clock"
        self._library = directory / "clock.so"
        self._seconds = 0
        self.environment: dict[str, str] = {}

    def __enter__(self) -> "ShiftedClock":
        tools.compiler()
        source = self._library.with_suffix(".c")
        source.write_text(_SOURCE)
        command = ["cc", "-O1", "-shared", "-fPIC", "-o", str(self._library), str(source), "-ldl"]
        made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode != 0:
            raise Failed(f"the library for the clock can't be built:\n{made.stderr}")
        self._write()
        self.environment = {"LD_PRELOAD": str(self._library), "FAULTS_CLOCK": str(self._file)}
        return self

    def __exit__(self, *_failure: object) -> None:
        self.environment = {}

    def step(self, seconds: int) -> None:
        """Sets the clock forward, or back."""
        self._seconds += seconds
        self._write()

    def _write(self) -> None:
        # In place: the file is mapped.
        file = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(file, struct.pack("=q", self._seconds))
        os.close(file)
