"""What `scripts/fuzz` does: builds the programs, runs one after another, and adds up what they say."""

import os
import re
import shutil
import subprocess
import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from lab import tools
from lab.fuzz import seeds
from lab.processes import end_group, run, stop_on_signals

FUZZ = tools.ROOT / "fuzz"
WORK = tools.TARGET / "fuzz"
# What one input may cost: processor time, and memory.
SECONDS = 10
MEGABYTES = 1024
# When the fuzzer gives an input up, by the clock: on a busy machine any input takes long, so what took long is measured again.
PATIENCE = 120
# How much longer than wanted a program may run: it reads its seeds before it looks at the clock.
MARGIN = 600
# Of what a run learned, this goes into the repository for each target.
KEPT_FILES = 12
KEPT_BYTES = 1500


@dataclass
class Outcome:
    """What came of a target."""

    executions: int
    coverage: int
    slowest: int
    memory: int
    found: list[Path]
    # Why the program ended before its time, where nothing was found.
    failure: str = ""

    @property
    def bad(self) -> bool:
        """Whether something was found, or not looked for."""
        return bool(self.found or self.failure)


def targets() -> list[str]:
    """The names of all targets."""
    return sorted(path.stem for path in (FUZZ / "fuzz_targets").glob("*.rs"))


def _build() -> Path:
    """Builds the programs, Penpal's part of them with counters for the fuzzer; gives their folder."""
    tools.compiler()
    if not shutil.which("c++"):
        tools.debian(["g++"], "there is no C++ compiler, in which libFuzzer is written")
    environment = os.environ | {"CARGO_TARGET_DIR": str(tools.TARGET), "RUSTC_WRAPPER": str(FUZZ / "instrument")}
    command = ["cargo", "build", "--locked", "--release", "--bins", "--manifest-path", str(FUZZ / "Cargo.toml")]
    print(f"$ {' '.join(command)}", flush=True)
    if subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, cwd=tools.ROOT).returncode != 0:
        raise tools.Missing("the fuzzer could not be built")
    return tools.TARGET / "release"


def _run(program: Path, arguments: Namespace) -> Outcome:
    name = program.name
    folder = WORK / name
    learned, found = folder / "corpus", folder / "found"
    for path in (learned, found):
        path.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    seeds.write(name, folder / "seeds")
    begin = [path for path in (FUZZ / "corpus" / name, FUZZ / "regressions" / name, folder / "seeds") if path.exists()]
    command = [
        program, learned, *begin, f"-max_total_time={max(1, round(arguments.minutes * 60))}", f"-max_len={arguments.longest}",
        f"-timeout={PATIENCE}", f"-rss_limit_mb={MEGABYTES}", f"-report_slow_units={SECONDS}", "-print_final_stats=1",
        f"-artifact_prefix={found}/",
    ]
    dictionary = FUZZ / "dictionaries" / f"{name}.dict"
    if dictionary.exists():
        command.append(f"-dict={dictionary}")
    print(f"\n=== {name}", flush=True)
    log = folder / "log"
    with open(log, "wb") as out:
        child = subprocess.Popen(
            list(map(str, command)), cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
        try:
            child.wait(arguments.minutes * 60 + MARGIN)
        except subprocess.TimeoutExpired:
            pass
        finally:
            end_group(child, 5)
    text = log.read_text(errors="replace")
    new = [path for path in sorted(set(found.iterdir()) - before) if _counts(program, path)]
    if child.returncode != 0:
        print("\n".join(line for line in text.splitlines() if not line.startswith("#"))[-3000:])
    for path in new:
        print(f"found {path} ({path.stat().st_size} bytes); again with: {program} {path}")

    def last(pattern: str) -> int:
        numbers = re.findall(pattern, text)
        return int(numbers[-1]) if numbers else 0

    tried = last(r"stat::number_of_executed_units:\s+(\d+)") or last(r"#(\d+)\s")
    coverage = last(r" cov: (\d+)")
    failure = ""
    if child.returncode != 0 and not new:
        failure = f"ended with {child.returncode}, see {log}"
    elif not tried or not coverage:
        failure = f"nothing was tried, see {log}"
    return Outcome(
        tried, coverage, last(r"stat::slowest_unit_time_sec:\s+(\d+)"), last(r"stat::peak_rss_mb:\s+(\d+)"), new, failure
    )


def _counts(program: Path, path: Path) -> bool:
    """Whether what was found is a defect. What took long by the clock is tried alone, and goes if only the machine was busy."""
    if not path.name.startswith(("slow-unit-", "timeout-")):
        return True
    before = os.times()
    command = [program, f"-timeout={10 * PATIENCE}", f"-rss_limit_mb={MEGABYTES}", f"-artifact_prefix={path.parent}/", path]
    failed = run(command, cwd=path.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) != 0
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    if failed or spent >= SECONDS:
        return True
    print(f"{path.name} took long because the machine was busy: alone it takes {spent:.1f} s")
    path.unlink()
    return False


def _distil(program: Path) -> None:
    """Adds the smallest inputs that together reach most to the corpus in the repository."""
    folder = WORK / program.name
    chosen = folder / "distilled"
    shutil.rmtree(chosen, ignore_errors=True)
    chosen.mkdir()
    command = [program, "-set_cover_merge=1", f"-max_len={KEPT_BYTES}", chosen, FUZZ / "corpus" / program.name, folder / "corpus"]
    if run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) != 0:
        print(f"{program.name}: nothing was distilled, the inputs could not be merged")
        return
    known = {path.read_bytes() for path in (FUZZ / "corpus" / program.name).iterdir()}
    new = [path for path in chosen.iterdir() if path.read_bytes() not in known]
    new.sort(key=lambda path: (path.stat().st_size, path.name))
    for path in new[-KEPT_FILES:]:
        shutil.copy(path, FUZZ / "corpus" / program.name / path.name[:12])


def main(arguments: Namespace) -> int:
    """Runs the targets that are named, and prints a table."""
    stop_on_signals()
    try:
        programs = _build()
    except tools.Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    outcomes: dict[str, Outcome] = {}
    code = 0
    try:
        for name in arguments.targets or targets():
            outcomes[name] = _run(programs / name, arguments)
            if arguments.distil:
                _distil(programs / name)
    except KeyboardInterrupt:
        print("\nstopped")
        code = 130
    print(f"\n{'target':<16} {'executions':>12} {'coverage':>9} {'slowest':>8} {'memory':>8}  found")
    for name, seen in outcomes.items():
        print(f"{name:<16} {seen.executions:>12} {seen.coverage:>9} {seen.slowest:>6} s {seen.memory:>5} MB  {seen.failure or len(seen.found)}")
    return 1 if any(seen.bad for seen in outcomes.values()) else code
