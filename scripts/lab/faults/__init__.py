"""The fault test: Penpal between a homeserver and a relay that fail on purpose, and count what comes.

`homeserver`, `appservice` and `relay` are the two other sides, `traffic` the people who chat and mail, `ledger` what
was promised and what came of it, `stand` all of it around one Penpal, or several. `disk`, `forgetful` and `clock` are what a machine
does to it. `crashes`, `outages`, `large`, `storage` and `several` say what goes wrong: each of their public functions is a scenario.
`command` plays them and prints the table.
"""
