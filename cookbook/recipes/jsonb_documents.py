"""Recipes that insert JSON documents, and show which documents the database refuses."""

from typing import Annotated, Any

import psycopg
from django.db import IntegrityError
from django.db import transaction as db_transaction
from django.db.models.fields.json import KT

from accounts.models import Account
from cookbook.models import Voucher
from cookbook.recipes.jsonb import GROUP
from cookbook.runner.parameters import Between
from cookbook.runner.steps import step
from transactions.models import Transaction


@GROUP.recipe(
    "create(design={…}): insert a JSON document",
    asks="How do I insert a JSON document, and find it again by what is in it?",
    shows=("insert JSON", "create", "JSONField", "contains", "KT", "path of keys", "jsonb"),
    notice="A dict is sent as one parameter of type jsonb. Three ways find the row: @> for a part "
    "of the document, -> for a key of a key, and ->> for a text to compare and show. Lists and "
    "numbers keep their type; None inside a document is the JSON null, not NULL.",
    pitfall="Keys keep no order, a key that comes twice keeps its last value, and floats are "
    "not exact: write money as text. Assigning to one key in Python and calling save() writes the "
    "whole document, and undoes what others changed in it.",
    writes=True,
)
def insert_a_document(colour: str = "green") -> dict[str, object]:
    """Inserts a voucher whose design is a nested document, and finds it in three ways."""
    design = {"colour": colour, "card": {"gold": True, "lines": ["For Mara", "from Ana"]}}
    with step("Insert"):
        voucher = Voucher.objects.create(
            code="GIFT-NEW", email="ana@example.com", worth=50, sold_on="2026-06-30", design=design
        )
    with step("Find: a part of it, a key of a key, a text"):
        new = Voucher.objects.filter(code="GIFT-NEW")
        found = {
            "contains": new.filter(design__contains={"card": {"gold": True}}).count(),
            "key of a key": new.filter(design__card__lines__0="For Mara").count(),
            "as text": new.annotate(text=KT("design__colour")).values_list("text", flat=True)[0],
        }
    return {"is stored": voucher.pk is not None, **found}


def constraint_of(error: IntegrityError) -> str | None:
    """Returns the name of the violated constraint, or None if the error does not have it."""
    cause = error.__cause__
    return cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None


@GROUP.recipe(
    "CheckConstraint on a JSONField: an object, and not too large",
    asks="How do I keep a JSONField from holding anything but an object?",
    shows=("jsonb_typeof", "CHECK", "IntegrityError", "constraint on JSON", "constraint_name"),
    notice="A jsonb column takes any JSON: a list, a number, even a bare null. Two CHECKs refuse "
    "what the books cannot use: metadata_is_object asks jsonb_typeof, metadata_within_limit the "
    "length of its text.",
    pitfall="JSONField has no schema and full_clean() checks only that the value can be encoded. "
    "A key that must be there needs another condition, and NULL passes a CHECK: "
    "metadata ->> 'kind' = 'rent' lets a row without the key through.",
    writes=True,
)
def documents_refused(letters: Annotated[int, Between(1, 100_000)] = 20_000) -> dict[str, Any]:
    """Tries to book payments with three documents: a list, a long one, and a valid one."""
    account = Account.objects.filter(user__email="ana@example.com", name="Everyday").get()
    documents: dict[str, Any] = {
        "a list": ["rent"],
        "a long one": {"note": "x" * letters},
        "an object": {"category": "gift", "from": {"name": "Mara"}},
    }
    results = {}
    for name, document in documents.items():
        payment = Transaction(
            to_account=account,
            amount=5,
            currency=account.currency,
            type="deposit",
            status="completed",
            to_balance=account.balance + 5,
            metadata=document,
        )
        with step(name.capitalize()):
            try:
                with db_transaction.atomic():
                    payment.save(force_insert=True)
                results[name] = f"booked, category {payment.category}"
            except IntegrityError as error:
                results[name] = f"refused by {constraint_of(error)}"
    return results
