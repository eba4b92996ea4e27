"""Imports the history of a real bank, the Berka data. See docs/berka.md.

`lines` reads the files line by line, `codes` translates the bank's codes into English, and `source`
collects the cleaned rows in booking order. `booking` opens the accounts and books the rows.
`closing` and `comparison` compare the booked balances with the balances in the files.
"""
