"""Events of accounts, and webhooks. A webhook is the URL of a program of an account holder. Ledger
sends the events of the holder's accounts to this URL.
"""
