"""Accounts of the caller: the list, opening one, its entries, its balance now and then."""
