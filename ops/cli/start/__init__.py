"""``darkroom start``: a folder of photos through the deployed service to finished variants and a contact sheet.

Read in this order: command, run, photos, parallel, variants, log, report, sheet; and `ops.cli.follow`,
`ops.cli.results`, `ops.cli.interruption`.
"""
