"""The menu entry of the page of webhooks."""

from ledger.web.menu import register

register("Webhooks", "transactions:webhooks", order=80)
