"""The menu entry of the page of outside accounts."""

from ledger.web.menu import register

register("Outside accounts", "transactions:outside", order=50)
