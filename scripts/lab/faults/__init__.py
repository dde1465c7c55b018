"""The fault test: Penpal between a homeserver and a relay that fail on purpose, and count what comes.

`homeserver`, `appservice` and `relay` are the two other sides, `traffic` the people who chat and mail, `ledger` what was
promised and what came of it, `stand` all of it around one Penpal. The modules below `scenarios` say what goes wrong;
`command` plays them and prints the table.
"""
