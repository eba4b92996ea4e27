"""Menu item for the page of the person's data."""

from ledger.web.menu import register

register("Your data", "transactions:data", order=100)
