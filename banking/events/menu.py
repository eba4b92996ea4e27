"""Adds the page of webhooks to the menu."""

from ledger.web.menu import register

register("Webhooks", "transactions:webhooks", order=80)
