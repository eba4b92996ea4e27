"""Adds the page of outside accounts to the menu."""

from ledger.web.menu import register

register("Outside accounts", "transactions:outside", order=50)
