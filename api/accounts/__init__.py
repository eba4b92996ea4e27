"""Accounts of the caller: the list, opening an account, its entries, and its balance at any
time.
"""
