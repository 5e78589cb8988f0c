"""How a row of a table becomes an event: rules that the command line, the library and the desk's scripts share.

`tests/contracts/rows/cases/rows.json` holds inputs and right results; Python, the command line and the
browser scripts run it.
"""
