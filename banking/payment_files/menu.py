"""Adds the page of payment files to the menu."""

from ledger.web.menu import register

register("Payment files", "transactions:files", order=60, part="send", pages="transactions:file")
