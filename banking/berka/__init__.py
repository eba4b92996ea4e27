"""Imports the history of a real bank, the Berka data. See docs/berka.md.

`lines` reads the files line by line, `codes` translates their codes into English, and `source`
collects the cleaned rows in booking order. `booking` opens the accounts and books the rows.
`closing` and `comparison` compare the books with the balances in the bank's files.
"""
