"""The parts of `scripts/test`: each is a function that fails or returns."""

import os
from collections.abc import Callable

from lab import postgres, tools
from lab.processes import Failed, run


def _cargo(*arguments: str, environment: dict[str, str] | None = None) -> None:
    command = ["cargo", *arguments]
    print(f"$ {' '.join(command)}", flush=True)
    if code := run(command, cwd=tools.ROOT, env=environment):
        raise Failed(f"`{' '.join(command)}` ended with status {code}")


def fmt() -> None:
    """rustfmt."""
    _cargo("fmt", "--check")


def clippy() -> None:
    """Lints, of tests and benches too."""
    tools.compiler()
    _cargo("clippy", "--locked", "--all-targets", "--", "-D", "warnings")


def doc() -> None:
    """rustdoc without a warning, so that no link in it is dead."""
    tools.compiler()
    _cargo("doc", "--locked", "--no-deps", environment=os.environ | {"RUSTDOCFLAGS": "-D warnings"})


def deny() -> None:
    """Licences, sources and banned crates; not advisories, which need a download. The fuzzer's lock file, which nothing else here reads."""
    environment = tools.cargo_tool("deny")
    _cargo("deny", "--log-level", "error", "check", "bans", "licenses", "sources", environment=environment)
    _cargo("tree", "--locked", "--depth", "0", "--manifest-path", str(tools.ROOT / "fuzz" / "Cargo.toml"))


def tests() -> None:
    """Unit, snapshot, property and integration tests, on SQLite and on PostgreSQL."""
    tools.compiler()
    environment = tools.cargo_tool("nextest")
    with postgres.server() as url:
        # The same random cases at every run: a check of a change is about the change. Others are tried by hand.
        environment = {"PROPTEST_RNG_SEED": "1"} | environment | {"PENPAL_TEST_POSTGRES": url}
        _cargo("nextest", "run", "--locked", "--lib", "--bins", "--tests", "--no-fail-fast", environment=environment)
        _cargo("test", "--locked", "--doc", environment=environment)


def _python(*arguments: object) -> None:
    """Runs Python in the virtual environment, with the debug binary, which the tests have built already."""
    python = tools.venv_python()
    tools.compiler()
    # With all targets, dependencies have the same features as in the tests: nothing is built a second time.
    _cargo("build", "--locked", "--all-targets")
    binary = tools.TARGET / "debug" / "penpal"
    environment = os.environ | {"PYTHONPATH": str(tools.ROOT / "scripts"), "PENPAL_BINARY": str(binary)}
    command = [python, "-B", "-u", *arguments]
    print(f"$ {' '.join(map(str, command))}", flush=True)
    if code := run(command, cwd=tools.ROOT, env=environment):
        raise Failed(f"`{' '.join(map(str, command[2:]))}` ended with status {code}")


def conversation() -> None:
    """The conversation of scripts/try, against real Synapse."""
    _python(tools.ROOT / "scripts" / "try", "--once", "--binary", tools.TARGET / "debug" / "penpal")


def synapse() -> None:
    """The rules of direct chats, against real Synapse."""
    _python("-m", "unittest", "discover", "-v", "-s", tools.ROOT / "tests" / "synapse")


def postfix() -> None:
    """Mail in and out through a real Postfix; what leaves, judged by SpamAssassin, dkimpy and notmuch."""
    tools.postfix_programs()
    tools.mail_judges()
    _python("-m", "unittest", "discover", "-v", "-s", tools.ROOT / "tests" / "postfix")


def dovecot() -> None:
    """Mail fetched from a real Dovecot, over IMAP."""
    tools.dovecot_programs()
    _python("-m", "unittest", "discover", "-v", "-s", tools.ROOT / "tests" / "dovecot")


def faults() -> None:
    """Crashes, stops and doubles while messages flow: a part of scripts/faults, which takes long as a whole."""
    scenarios = ["kill", "stop-in-silence", "relay-closes", "told-once", "two-processes-one-sqlite"]
    scenarios += ["disk-fails", "disk-hangs", "power-cut"]
    short = [tools.ROOT / "scripts" / "faults", "--short", "--binary", tools.TARGET / "debug" / "penpal"]
    _python(*short, *scenarios)
    _python(*short, "--postgres", "several-frozen", "several-rolling-restart")


PARTS: dict[str, Callable[[], None]] = {
    part.__name__: part for part in (fmt, clippy, doc, deny, tests, conversation, synapse, postfix, dovecot, faults)
}

