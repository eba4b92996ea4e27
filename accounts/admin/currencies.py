"""Currencies in the admin: add one, or close one for new accounts."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.models import Currency


@admin.register(Currency)
class CurrencyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Staff add currencies, rename them, and open or close them. Nobody can change the code or the
    decimals of one, or delete it.
    """

    list_display = ("code", "name", "minor_units", "is_open")
    list_filter = ("is_open",)
    search_fields = ("code", "name")
    search_help_text = "A code or a name, or a part of one."

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code", "minor_units") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Currency, form: Any, change: bool) -> None:
        """Inserts or updates. The web role may update these two columns alone."""
        if change:
            obj.save(update_fields=["name", "is_open"])
        else:
            obj.save(force_insert=True)
