"""The menu item for the page of payees."""

from ledger.web.menu import register

register("Payees", "transactions:payees", order=10, part="send", pages="transactions:payee")
