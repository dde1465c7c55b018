"""Libraries that are loaded before the system's, and change for one program alone what the system says to it."""

import subprocess
from pathlib import Path

from lab import tools
from lab.processes import Failed


class Preload:
    """A context: inside it a program that is started with `environment` uses the library that is made of `source` (C).

    The library finds the path of `file` in the environment, as `FAULTS_FILE`.
    """

    source = ""

    def __init__(self, directory: Path):
        self.file = directory / "preloaded"
        self._library = directory / "preload.so"
        self.environment: dict[str, str] = {}

    def __enter__(self):
        tools.compiler()
        text = self._library.with_suffix(".c")
        text.write_text(self.source)
        command = ["cc", "-O1", "-shared", "-fPIC", "-o", str(self._library), str(text), "-ldl"]
        made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode != 0:
            raise Failed(f"the library that is to be loaded first can't be built:\n{made.stderr}")
        self.environment = {"LD_PRELOAD": str(self._library), "FAULTS_FILE": str(self.file)}
        return self

    def __exit__(self, *_failure: object) -> None:
        self.environment = {}
