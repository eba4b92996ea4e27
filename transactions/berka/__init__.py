"""The import of a real bank's history: the Berka data, see docs/berka.md.

`lines` reads the files line by line, `words` puts their codes into English, `source` gathers
the cleaned rows in booking order, `booking` opens the accounts and books them, `closing`
compares the books with the bank's own balances.
"""
