"""A clock that can be set for one program alone."""

import os
import struct
import time

from lab.faults.preload import Preload


class ShiftedClock(Preload):
    """A context; `environment` makes a program see this clock."""

    # Adds the number of seconds at the beginning of a file, which is mapped, to what the system's clock says.
    source = r"""
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
    int file = open(getenv("FAULTS_FILE"), O_RDONLY);
    void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) shift = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int said = real(clock, time);
    if (said == 0 && clock == CLOCK_REALTIME && shift) time->tv_sec += *shift;
    return said;
}
"""

    def __enter__(self) -> "ShiftedClock":
        super().__enter__()
        self._seconds = 0
        self.step(0)
        return self

    def now(self) -> float:
        """What time it is on it, in seconds since 1970."""
        return time.time() + self._seconds

    def step(self, seconds: int) -> None:
        """Sets the clock forward, or back."""
        self._seconds += seconds
        # In place: the file is mapped.
        file = os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(file, struct.pack("=q", self._seconds))
        os.close(file)
