"""Adds the page of standing orders to the menu."""

from ledger.web.menu import register

register(
    "Standing orders",
    "transactions:standing_orders",
    order=40,
    part="send",
    pages="transactions:standing_order",
)
