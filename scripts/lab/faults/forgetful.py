"""A disk that forgets what it has not confirmed."""

import shutil
from pathlib import Path

from lab.faults.preload import Preload


class ForgetfulDisk(Preload):
    """A context; for programs with its `environment` the databases in `directory` are on a disk of which `cut_power` takes back all
    that was not confirmed, and which confirms nothing from `hold` to `release`.
    """

    # Beside each database and its write-ahead log lies what of them is confirmed, in a folder of copies: what was written since is copied
    # there when the disk is asked to confirm it. SQLite writes nothing else that has to outlive a power cut.
    source = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) dlsym(RTLD_NEXT, name)
#define SLOW 5000 /* microseconds, as a disk that turns */

static const char *const endings[] = {".db", ".db-wal"};
static struct { off_t from, to; } unconfirmed[] = {{LLONG_MAX, 0}, {LLONG_MAX, 0}};
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* Which of the two it is, or -1; and its name. */
static int kind_of(int file, char name[NAME_MAX + 1]) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return -1;
    path[length] = 0;
    const char *last = strrchr(path, '/');
    if (last == NULL) return -1;
    strcpy(name, last + 1);
    for (int kind = 0; kind < 2; kind++) {
        size_t ending = strlen(endings[kind]), all = strlen(name);
        if (all > ending && strcmp(name + all - ending, endings[kind]) == 0) return kind;
    }
    return -1;
}

static void written(int kind, off_t from, off_t to) {
    if (from < unconfirmed[kind].from) unconfirmed[kind].from = from;
    if (to > unconfirmed[kind].to) unconfirmed[kind].to = to;
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t at) {
    ssize_t (*real)(int, const void *, size_t, off_t) = REAL("pwrite64");
    char name[NAME_MAX + 1];
    int kind = kind_of(file, name);
    if (kind < 0) return real(file, bytes, count, at);
    pthread_mutex_lock(&turn);
    ssize_t done = real(file, bytes, count, at);
    if (done > 0) written(kind, at, at + done);
    pthread_mutex_unlock(&turn);
    return done;
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { return pwrite64(file, bytes, count, at); }

int ftruncate64(int file, off_t length) {
    int (*real)(int, off_t) = REAL("ftruncate64");
    char name[NAME_MAX + 1];
    int kind = kind_of(file, name);
    if (kind < 0) return real(file, length);
    pthread_mutex_lock(&turn);
    struct stat before;
    fstat(file, &before);
    int done = real(file, length);
    if (done == 0) written(kind, length < before.st_size ? length : before.st_size, length);
    pthread_mutex_unlock(&turn);
    return done;
}

int ftruncate(int file, off_t length) { return ftruncate64(file, length); }

static void copy(int file, int kind, const char *name) {
    static char block[1 << 20];
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", getenv("FAULTS_FILE"), name);
    int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct stat now;
    if (to < 0 || fstat(file, &now) != 0) abort();
    off_t at = unconfirmed[kind].from, end = unconfirmed[kind].to < now.st_size ? unconfirmed[kind].to : now.st_size;
    ssize_t (*write_at)(int, const void *, size_t, off_t) = REAL("pwrite64");
    int (*truncate_to)(int, off_t) = REAL("ftruncate64");
    if (truncate_to(to, now.st_size) != 0) abort();
    while (at < end) {
        ssize_t some = pread(file, block, end - at < (off_t)sizeof block ? (size_t)(end - at) : sizeof block, at);
        if (some <= 0 || write_at(to, block, some, at) != some) abort();
        at += some;
    }
    close(to);
    unconfirmed[kind].from = LLONG_MAX;
    unconfirmed[kind].to = 0;
}

static int confirm(int file, const char *call) {
    char name[NAME_MAX + 1], held[PATH_MAX];
    int kind = kind_of(file, name);
    int (*real)(int) = REAL(call);
    if (kind < 0) return real(file);
    snprintf(held, sizeof held, "%s/held", getenv("FAULTS_FILE"));
    do usleep(SLOW); while (access(held, F_OK) == 0);
    pthread_mutex_lock(&turn);
    copy(file, kind, name);
    pthread_mutex_unlock(&turn);
    return 0;
}

int fdatasync(int file) { return confirm(file, "fdatasync"); }
int fsync(int file) { return confirm(file, "fsync"); }
"""

    def __init__(self, directory: Path):
        super().__init__(directory)
        self._directory = directory

    def __enter__(self) -> "ForgetfulDisk":
        super().__enter__()
        self.file.mkdir()
        return self

    def hold(self) -> None:
        """From here on it confirms nothing."""
        (self.file / "held").touch()

    def release(self) -> None:
        """It confirms again, also what was asked meanwhile."""
        (self.file / "held").unlink(missing_ok=True)

    def cut_power(self) -> None:
        """What was not confirmed is gone; to be called while no program runs."""
        self.release()
        for file in self._directory.glob("*.db*"):
            file.unlink()
        for confirmed in self.file.iterdir():
            shutil.copy(confirmed, self._directory)
