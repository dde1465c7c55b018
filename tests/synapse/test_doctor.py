"""`penpal doctor` beside a running bridge."""

import json
import os
import subprocess

from lab.scenario import Scenario


class Doctor(Scenario):
    def test_where_all_is_well_every_check_says_so(self):
        command = [os.environ["PENPAL_BINARY"], "doctor", "--json", "--config", self.lab.penpal.config]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([f for f in findings if f["outcome"] != "ok"], [], done.stderr)
        self.assertEqual(
            [f["check"] for f in findings],
            ["configuration", "database", "penpal run", "homeserver", "way back", "relay", "mail door", "mail door"],
        )
        self.assertEqual(done.returncode, 0)
