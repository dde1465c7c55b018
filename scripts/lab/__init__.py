"""The lab: real programs around Penpal (Synapse, a catching relay, PostgreSQL, Postfix, Dovecot), on loopback.

`scripts/try`, `scripts/test`, `scripts/bench` and `scripts/faults` are thin commands on top of these modules. Everything
listens on free ports of 127.0.0.1, keeps its files in one directory, and is stopped by process id.

`tools` and `processes` need the standard library alone; the others run in the virtual environment
that `tools` makes from `requirements.txt`.
"""
