"""Registers the menu entries of the pages about signing in."""

from ledger.web.menu import register

register("Security", "security:page", order=70)
register("Email addresses", "account_email", order=90)
register("Change password", "account_change_password", order=110)
