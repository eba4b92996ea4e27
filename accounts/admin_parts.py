"""What the admin pages share: columns and links."""

from decimal import Decimal
from typing import cast

from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts.models import User
from accounts.templatetags.money import figure

STYLES = "admin_staff.css"


def amount_cell(amount: Decimal | None, currency: str) -> str:
    """A figure for a column: to the right, and marked when below zero."""
    below = " amount--below" if amount is not None and amount < 0 else ""
    return format_html('<span class="amount{}">{}</span>', below, figure(amount, currency))


def link_to(thing: models.Model | None, text: str = "") -> str:
    """The thing by its name, linked to its admin page."""
    if thing is None:
        return ""
    label, model = thing._meta.app_label, thing._meta.model_name
    url = reverse(f"admin:{label}_{model}_change", args=[thing.pk])
    return format_html('<a href="{}">{}</a>', url, text or str(thing))


def person_of(request: HttpRequest) -> User:
    """Who asks. Behind the admin's own check that is always a person."""
    return cast("User", request.user)
