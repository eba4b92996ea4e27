"""Accounts and people in the admin; Django finds the registrations here."""

from accounts.admin.accounts import AccountAdmin
from accounts.admin.currencies import CurrencyAdmin
from accounts.admin.people import GroupAdmin, UserAdmin

__all__ = ["AccountAdmin", "CurrencyAdmin", "GroupAdmin", "UserAdmin"]
