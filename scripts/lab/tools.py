"""What must be on the machine, looked for in one place and installed where that is allowed.

As root, missing Debian packages are installed with apt-get (which is said); anybody else is told the
command. Programs of Cargo and PyPI go below `target/`, never onto the system.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").absolute()
VENV = TARGET / "lab" / "venv"
CARGO_TOOLS = TARGET / "tools"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")

# Versions that are built when the machine has none: (crate, version, extra arguments). Built without
# optimisation, because that takes a quarter of the time and both only wait for others.
CARGO_CRATES = {
    "nextest": ("cargo-nextest", "0.9.151", ["--no-default-features", "--features", "default-no-update"]),
    "deny": ("cargo-deny", "0.20.2", ["--no-default-features"]),
}


class Missing(Exception):
    """Something is not there and may not be installed from here; the text says how to get it."""


def say(text: str) -> None:
    """Tells what is being set up, in step with the output of child processes."""
    print(text, flush=True)


def debian(packages: list[str], why: str) -> None:
    """Installs Debian packages as root; otherwise explains what to run."""
    command = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Missing(f"{why}. On Debian: sudo {command}")
    say(f"{why}: installing with {command}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    for step in (["apt-get", "update", "-q"], install):
        done = subprocess.run(
            step, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        # A stale mirror of some other source may fail the update and not the installation.
        if done.returncode != 0 and step is install:
            raise Missing(f"{why}, and `{command}` failed:\n{done.stdout[-2000:]}")


def compiler() -> None:
    """Cargo and a C compiler (SQLite and ring are C inside)."""
    if not shutil.which("cargo"):
        raise Missing("Rust is not installed (no `cargo`). Install it from https://rustup.rs, as an ordinary user")
    if not shutil.which("cc"):
        debian(["gcc", "libc6-dev"], "there is no C compiler")


@contextmanager
def _only_one(name: str):
    """Two commands started at once must not build the same thing into the same place."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with open(TARGET / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def venv_python() -> Path:
    """The Python of the virtual environment with Synapse and aiosmtpd, made now if need be."""
    if sys.version_info < (3, 11):
        raise Missing(f"Python 3.11 or later is needed; this is {sys.version.split()[0]}")
    python = VENV / "bin" / "python"
    stamp = VENV / "requirements.sha256"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    with _only_one("venv"):
        if python.exists() and stamp.exists() and stamp.read_text() == wanted:
            return python
        if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
            debian(["python3-venv"], "Python cannot make virtual environments")
        say(f"installing Synapse and aiosmtpd from PyPI into {VENV} (about a minute)")
        shutil.rmtree(VENV, ignore_errors=True)
        # Nothing is compiled; dkimpy, which is Python alone, is published as source.
        wheels = ["--only-binary", ":all:", "--no-binary", "dkimpy"]
        install = [python, "-m", "pip", "install", "-q", *wheels, "-r", REQUIREMENTS]
        for step in ([sys.executable, "-m", "venv", VENV], install):
            done = subprocess.run(
                step, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            if done.returncode != 0:
                raise Missing(f"`{' '.join(map(str, step))}` failed:\n{done.stdout[-3000:]}")
        stamp.write_text(wanted)
    return python


def enter_venv() -> None:
    """Goes on in the virtual environment: replaces this process unless it is there already."""
    try:
        python = venv_python()
    except Missing as missing:
        sys.exit(f"{missing}")
    if Path(sys.prefix) != VENV:
        os.execv(python, [str(python), "-B", *sys.argv])


def cargo_tool(name: str) -> dict[str, str]:
    """An environment in which `cargo <name>` works: the installed one, or a pinned one built once."""
    environment = os.environ | {"PATH": f"{CARGO_TOOLS / 'bin'}:{os.environ['PATH']}"}
    crate, version, arguments = CARGO_CRATES[name]
    if shutil.which(crate, path=environment["PATH"]):
        return environment
    with _only_one("tools"):
        if not shutil.which(crate, path=environment["PATH"]):
            say(f"building {crate} {version} into {CARGO_TOOLS} (two to four minutes, once)")
            command = ["cargo", "install", "--locked", "--debug", "--version", version, *arguments]
            command += ["--root", str(CARGO_TOOLS), "--target-dir", str(CARGO_TOOLS / "build"), crate]
            done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL)
            if done.returncode != 0:
                raise Missing(f"`{' '.join(command)}` failed")
            shutil.rmtree(CARGO_TOOLS / "build", ignore_errors=True)
    return environment


def postgres_programs() -> Path:
    """The directory with Debian's newest `postgres` and `initdb`."""
    def found() -> list[Path]:
        servers = Path("/usr/lib/postgresql").glob("*/bin/postgres")
        return sorted((server.parent for server in servers), key=lambda path: float(path.parent.name))

    if not found():
        debian(["postgresql"], "the PostgreSQL server is not installed")
    if not found():
        raise Missing("Debian's `postgresql` is installed, but there is no /usr/lib/postgresql/*/bin/postgres")
    return found()[-1]


def postfix_programs() -> None:
    """Debian's Postfix, installed without a configuration of its own, so that nothing is started."""
    if os.geteuid() != 0:
        raise Missing("Postfix only starts as root: run this part as root, or leave it out with `--skip postfix`")
    if shutil.which("postfix"):
        return
    choice = "postfix postfix/main_mailer_type select No configuration\n"
    if shutil.which("debconf-set-selections"):
        subprocess.run(["debconf-set-selections"], input=choice, text=True, check=True)
    debian(["postfix"], "Postfix is not installed")


def mail_judges() -> None:
    """Debian's SpamAssassin and notmuch, which look at what Penpal sends."""
    missing = [program for program in ("spamassassin", "notmuch") if not shutil.which(program)]
    if missing:
        debian(missing, f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed")


def dovecot_programs() -> None:
    """Debian's Dovecot; where an init system runs, Debian starts it with its own configuration, which does no harm here."""
    if not shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin"):
        debian(["dovecot-core", "dovecot-imapd", "dovecot-lmtpd"], "Dovecot is not installed")
