"""Admin pages that add currencies, and close them for new accounts."""

import re
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core import validators
from django.http import HttpRequest

from accounts.admin.forms import ReasonedForm
from accounts.admin.history import LockedChanges, ObjectHistory
from accounts.admin.list_files import ListFiles
from accounts.admin.parts import ReasonField
from accounts.models import Currency

MAX_DECIMALS = 4  # amounts are numeric(19,4)
HOW_MANY_DECIMALS = f"A currency has 0 to {MAX_DECIMALS} decimals."


class CurrencyForm(ReasonedForm):
    """A form for a currency. Errors appear at their fields. The code may be entered in lowercase
    letters.
    """

    reason = ReasonField(required=False, help_text="Required. The history keeps this reason.")

    class Meta:
        model = Currency
        fields = ("code", "name", "minor_units", "is_open")
        labels: ClassVar[dict[str, str]] = {"is_open": "Open for new accounts"}
        help_texts: ClassVar[dict[str, str]] = {
            "is_open": "If you close the currency, existing accounts stay open."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "minor_units" in self.fields:  # code and decimals of an existing row are read-only
            self.fields["minor_units"].validators = [
                validators.MinValueValidator(0, HOW_MANY_DECIMALS),
                validators.MaxValueValidator(MAX_DECIMALS, HOW_MANY_DECIMALS),
            ]

    def clean_code(self) -> str:
        """Returns the code in capital letters."""
        code = str(self.cleaned_data["code"])
        if not re.fullmatch("[A-Za-z]{3}", code):
            raise forms.ValidationError("A currency code is three letters, like EUR.")
        return code.upper()


@admin.register(Currency)
class CurrencyAdmin(ListFiles, ObjectHistory, LockedChanges):
    """The admin pages of currencies. Staff can add, rename, open and close currencies. Staff cannot
    change the code or the decimals of a currency, and cannot delete a currency.
    """

    form = CurrencyForm
    history_subject = "currency"
    list_display = ("code", "name", "minor_units", "is_open")
    list_filter = ("is_open",)
    search_fields = ("code", "name__unaccent__icontains")
    search_help_text = "A code or a name, or a part of one."

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code", "minor_units") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
