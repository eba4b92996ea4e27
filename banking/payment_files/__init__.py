"""Payment files: a person uploads many payments in one CSV file. Ledger parses the file, stores its
lines, checks them without booking, and then books them.

`parser` reads the format, `storage` stores the lines, `preview` checks all lines by a booking that
it rolls back, `booking` books the lines, and `results` returns the result of each line as a table.
"""
