"""Registers the admin pages of this app. Django's autodiscovery imports this module."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest

from transactions.staff.audit import AuditRunAdmin
from transactions.staff.transactions import TransactionAdmin

__all__ = ["AuditRunAdmin", "TransactionAdmin"]

_sections_of_django = admin.site.get_app_list


def _sections(request: HttpRequest, app_label: str | None = None) -> list[Any]:
    """Returns the sections of the admin's start page. All models of transactions are in one
    section.
    """
    found: list[Any] = _sections_of_django(request, None)
    own = [each for each in found if _is_of_transactions(each["app_label"])]
    if own:
        models = [model for section in own for model in section["models"]]
        own[0]["models"] = sorted(models, key=lambda model: str(model["name"]).lower())
        found = [each for each in found if each not in own[1:]]
    if app_label and _is_of_transactions(app_label):
        return own[:1]
    return [each for each in found if app_label in (None, each["app_label"])]


def _is_of_transactions(app_label: str) -> bool:
    return apps.get_app_config(app_label).name.startswith(("transactions", "banking."))


admin.site.get_app_list = _sections  # type: ignore[method-assign]
