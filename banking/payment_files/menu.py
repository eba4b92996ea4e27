"""The menu entry of the page of payment files."""

from ledger.web.menu import register

register("Payment files", "transactions:files", order=60, part="send", pages="transactions:file")
