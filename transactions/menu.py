"""The menu item for the page "Your data"."""

from ledger.web.menu import register

register("Your data", "transactions:data", order=100)
