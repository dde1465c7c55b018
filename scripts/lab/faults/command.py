"""`scripts/faults`: plays the scenarios and prints the table."""

import argparse
import inspect
import random
import shutil
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from lab import penpal, postgres
from lab.faults import crashes, large, outages, several, storage
from lab.faults.run import LeftOut, Row, Run, Scenario, Size
from lab.processes import Failed, stop_on_signals
from lab.tools import Missing


def _scenarios() -> dict[str, Scenario]:
    found = {}
    for module in (crashes, outages, large, storage, several):
        for name, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_"):
                found[name.replace("_", "-")] = value
    return found


SCENARIOS = _scenarios()

# A few minutes: part of `scripts/test`.
SHORT = Size(kills=15, messages=1_500, thorough=False)

# Where the database makes a difference to what is short.
SHORT_ON_POSTGRES = (
    "kill",
    "stop",
    "homeserver-errors",
    "relay-closes",
    "postgres-restart",
    "postgres-read-only",
    "clock-steps",
    "several-killed",
    "several-frozen",
    "several-postgres-restart",
    "several-rolling-restart",
)

COUNTS = ("messages", "lost", "doubled: Matrix", "mail", "disorder", "log lines", "complaints", "MiB", "s")
HEAD = ("scenario", "store", *COUNTS, "promise")


def main(arguments: argparse.Namespace) -> int:
    """The command; gives its exit code: 1 when a promise was broken."""
    stop_on_signals()
    binary = arguments.binary.resolve() if arguments.binary else penpal.build(release=True)
    long = Size(arguments.kills, arguments.messages, True)
    size = SHORT if arguments.short else long
    rows: list[Row] = []
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    try:
        for database in arguments.databases:
            with postgres.running() if database == "postgres" else nullcontext() as server:
                usual = SHORT_ON_POSTGRES if arguments.short and server else SCENARIOS
                for name in arguments.scenarios or usual:
                    row = Row(name, database)
                    rows.append(row)
                    _play(row, binary, size, random.Random(f"{seed} {name} {database}"), server)
                    print(_line(row), flush=True)
    except KeyboardInterrupt:
        return 130
    return _report(rows)


def _play(row: Row, binary: Path, size: Size, chance: random.Random, server: postgres.Postgres | None) -> None:
    directory = Path(tempfile.mkdtemp(prefix="penpal-faults-"))
    begin = time.monotonic()
    try:
        SCENARIOS[row.name](Run(row, binary, directory, size, chance, server))
    except LeftOut as reason:
        row.left_out = str(reason)
    except (Failed, Missing, OSError) as failure:
        row.outcome.violations.append(str(failure))
    finally:
        row.seconds = time.monotonic() - begin
        shutil.rmtree(directory, ignore_errors=True)


def _cells(row: Row) -> list[str]:
    if row.left_out:
        return [row.name, row.database, f"left out: {row.left_out}"]
    outcome = row.outcome
    counts = (row.messages, outcome.lost, outcome.doubled_matrix, outcome.doubled_mail, outcome.out_of_order)
    verdict = "BROKEN" if row.broken else "kept"
    return [
        row.name,
        row.database,
        *map(str, counts),
        str(row.log.lines),
        str(len(row.log.complaints)),
        f"{row.memory:.0f}",
        f"{row.seconds:.0f}",
        verdict,
    ]


def _line(row: Row) -> str:
    text = "  ".join(_cells(row))
    return "\n".join([text, *(f"    {violation[:600]}" for violation in row.outcome.violations[:12])])


def _with(cells: list[str], widths: list[int]) -> enumerate:
    return enumerate(zip(cells, widths, strict=False))


def _report(rows: list[Row]) -> int:
    table = [list(HEAD), *(_cells(row) for row in rows)]
    widths = [max(len(cells[n]) for cells in table if len(cells) == len(HEAD)) for n in range(len(HEAD))]
    widths[0] = max(len(cells[0]) for cells in table)
    print()
    for cells in table:
        print("  ".join(f"{cell:<{width}}" if n < 2 else f"{cell:>{width}}" for n, (cell, width) in _with(cells, widths)))
    for row in rows:
        for note in row.notes:
            print(f"{row.name} ({row.database}): {note}")
    broken = [row for row in rows if row.broken]
    for row in broken:
        print(f"\n{row.name} ({row.database}) broke the promise:")
        for violation in row.outcome.violations[:20]:
            print(f"  {violation[:600]}")
    left_out = sum(bool(row.left_out) for row in rows)
    print(f"\n{len(rows) - len(broken) - left_out} kept, {len(broken)} broken, {left_out} left out")
    if left_out == len(rows):
        print("nothing was tried")
        return 2
    return 1 if broken else 0
