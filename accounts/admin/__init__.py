"""Admin pages for accounts and people. Importing this package registers the pages at Django's
admin.
"""

from django.contrib import admin

from accounts.admin.accounts import AccountAdmin
from accounts.admin.completions import autocomplete
from accounts.admin.currencies import CurrencyAdmin
from accounts.admin.history import ChangeAdmin
from accounts.admin.households import HouseholdAdmin
from accounts.admin.people import GroupAdmin, UserAdmin
from accounts.admin.reads import ReadAdmin

__all__ = [
    "AccountAdmin",
    "ChangeAdmin",
    "CurrencyAdmin",
    "GroupAdmin",
    "HouseholdAdmin",
    "ReadAdmin",
    "UserAdmin",
]

admin.site.autocomplete_view = autocomplete  # type: ignore[method-assign]
