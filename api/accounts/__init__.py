"""The caller's accounts in the API: the list, opening an account, and the entries, balances and
statements of an account.
"""
