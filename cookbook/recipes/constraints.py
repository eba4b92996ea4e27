"""What the database refuses, whoever asks: rules of one row, and of one row beside all others."""

from decimal import Decimal
from typing import Any

import psycopg
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db import transaction as db_transaction

from accounts.models import Account
from cookbook.models import Favourite, Jar
from cookbook.recipe import RecipeGroup
from cookbook.runner.steps import step
from transactions.models import Transaction

GROUP = RecipeGroup("constraints", "Constraints", "What the database refuses, whoever asks.")


def refusal(error: IntegrityError) -> dict[str, Any]:
    """What Postgres said: psycopg keeps the parts of its answer apart."""
    cause = error.__cause__
    if not isinstance(cause, psycopg.Error):
        raise error
    return {
        "constraint": cause.diag.constraint_name,
        "SQLSTATE": cause.diag.sqlstate,
        "message": cause.diag.message_primary,
    }


@GROUP.recipe(
    "Which CHECK refused, by its name",
    asks="How do I find out which constraint raised an IntegrityError?",
    shows=("CHECK", "IntegrityError", "constraint_name", "check constraint", "SQLSTATE"),
    notice="The UPDATE stands between SAVEPOINT and ROLLBACK TO SAVEPOINT: atomic() round the one "
    "statement lets the transaction go on. The name is in error.__cause__.diag, as is SQLSTATE "
    "23514.",
    pitfall="Without that inner atomic() every later query of the transaction fails with "
    "TransactionManagementError. And the text of the message is for people: it is translated by "
    "the server's lc_messages, so never match it.",
    writes=True,
)
def check_by_name(transfer_limit: Decimal = Decimal(-1)) -> dict[str, Any]:
    """What refuses a limit below zero, and what stands in the row after that."""
    everyday = Account.objects.get(user__email="ana@example.com", name="Everyday")
    everyday.transfer_limit = transfer_limit
    found: dict[str, Any] = {"constraint": None}
    try:
        with db_transaction.atomic():
            everyday.save(update_fields=["transfer_limit"])
    except IntegrityError as error:
        found = refusal(error)
    everyday.refresh_from_db()
    return {**found, "limit afterwards": everyday.transfer_limit}


@GROUP.recipe(
    "A refusal as a sentence",
    asks="How do I turn an IntegrityError into a message that a person can read?",
    shows=("IntegrityError", "violation_error_message", "CHECK", "error message of a constraint"),
    notice="Each constraint of the model carries its sentence in violation_error_message; its "
    "name in the database is the key to it, and diag has that name.",
    pitfall="The default message is Constraint “…” is violated. Write a better one with the "
    "constraint, or every form must.",
    writes=True,
)
def sentence_by_name() -> list[dict[str, Any]]:
    """What four wrong values of an account come to: the rule that each broke, and its sentence."""
    sentences = {rule.name: rule.violation_error_message for rule in Account._meta.constraints}
    everyday = Account.objects.filter(user__email="ana@example.com", name="Everyday")
    found = []
    for wrong in (
        {"currency": "XXX"},
        {"status": "vip"},
        {"overdraft_limit": -1},
        {"daily_limit": 0},
    ):
        try:
            with db_transaction.atomic():
                everyday.update(**wrong)
        except IntegrityError as error:
            name = refusal(error)["constraint"]
            found.append({"wrong": wrong, "constraint": name, "sentence": sentences.get(name)})
    return found


@GROUP.recipe(
    "Asked before, and refused after",
    asks="What is the difference between full_clean() or validate_constraints() and the database?",
    shows=("validate_constraints", "full_clean()", "ValidationError", "IntegrityError"),
    notice="validate_constraints() asks Postgres too: one SELECT for each CHECK, with the row's "
    "values in it, but for rules about what is in exclude, as a form does with fields it has not. "
    "It tells every broken rule at once; the UPDATE tells the first by alphabet.",
    pitfall="save() calls none of this, nor do update() and bulk_create(). And between question "
    "and save another may come first: the question is for the person at the form, the "
    "constraint is what holds. Triggers it does not know at all.",
    writes=True,
)
def asked_and_refused() -> dict[str, list[Any]]:
    """What is said of a wrong status and a wrong limit, when asked about and when saved."""
    account = Account.objects.get(user__email="ana@example.com", name="Everyday")
    account.status, account.overdraft_limit = "vip", Decimal(-20_000)
    answers: dict[str, list[Any]] = {}
    with step("Asked with validate_constraints()"):
        try:
            account.validate_constraints(exclude={"currency"})
        except ValidationError as error:
            answers["asked"] = error.messages
    with step("Refused by the UPDATE"):
        try:
            with db_transaction.atomic():
                account.save(update_fields=["status", "overdraft_limit"])
        except IntegrityError as error:
            answers["refused"] = [refusal(error)["constraint"]]
    return answers


@GROUP.recipe(
    "One row for each name",
    asks="How do I create a row unless there is one, when two may try at once?",
    shows=("unique", "unique constraint", "get_or_create", "IntegrityError"),
    notice="create() is refused with 23505 by jars_name_key. get_or_create() looks first, and "
    "here that one SELECT is all; when somebody else was faster in between, it meets the same "
    "refusal inside a savepoint of its own and looks again.",
    pitfall="exists() followed by create() is a race that every test passes. Only a unique rule "
    "in the database makes get_or_create() safe: without one it makes two rows.",
    writes=True,
)
def one_row_for_each_name(name: str = "rent") -> dict[str, Any]:
    """What create() and get_or_create() say to a name, where there is one jar called rent."""
    Jar.objects.create(name="rent", coins=5)
    found: dict[str, Any] = {"constraint": None}
    with step("create()"):
        try:
            with db_transaction.atomic():
                Jar.objects.create(name=name, coins=7)
        except IntegrityError as error:
            found = refusal(error)
    with step("get_or_create()"):
        jar, was_made = Jar.objects.get_or_create(name=name, defaults={"coins": 9})
    return {**found, "coins in it": jar.coins, "made by get_or_create()": was_made}


@GROUP.recipe(
    "Unique among some of the rows",
    asks="How do I allow only one row with a flag set, for each owner?",
    shows=(
        "conditional unique",
        "partial unique index",
        "UniqueConstraint(condition=…)",
        "IntegrityError",
    ),
    notice="The model says UniqueConstraint(fields=['owner'], condition=Q(is_main=True)), which is "
    "a unique index WHERE is_main: two rows of Ana "
    "that are not main lie beside each other, a second main one is refused by "
    "one_main_favourite. Ben's own is no matter.",
    pitfall="A unique rule over (owner, is_main) would refuse Ana's second row that is not main. "
    "And to move the flag, clear the old one first: the index is asked at each row, and a "
    "condition cannot be deferrable.",
    writes=True,
)
def one_main_favourite() -> list[dict[str, Any]]:
    """What is refused of five favourites, of which three would be the main one."""
    outcomes = []
    for position, (owner, payee, is_main) in enumerate(
        [
            ("Ana", "Mara", True),
            ("Ana", "Northwind", False),
            ("Ana", "Jonas", False),
            ("Ana", "Leila", True),
            ("Ben", "Mara", True),
        ]
    ):
        outcome = "saved"
        try:
            with db_transaction.atomic():
                Favourite.objects.create(
                    owner=owner, payee=payee, is_main=is_main, position=position
                )
        except IntegrityError as error:
            outcome = refusal(error)["constraint"]
        outcomes.append({"owner": owner, "payee": payee, "main": is_main, "outcome": outcome})
    return outcomes


@GROUP.recipe(
    "A posted row is final",
    asks="How do I make rows that nobody can change or delete?",
    shows=("trigger", "append-only rows", "immutable rows", "IntegrityError"),
    notice="A CHECK sees one row as it is to be; a trigger sees the row as it was, too. These "
    "raise with ERRCODE check_violation and CONSTRAINT set, so a trigger's refusal has a name in "
    "diag as a constraint's has, and arrives as IntegrityError. Before its DELETE, delete() "
    "asks for rows behind each of the four foreign keys with PROTECT, two of which are the table's "
    "own.",
    pitfall="A row trigger does not see TRUNCATE; that takes one FOR EACH STATEMENT. And the owner "
    "of the table can disable both, so web processes should not be the owner.",
    writes=True,
)
def posted_row_is_final() -> list[dict[str, Any]]:
    """What save(), update() and delete() of Leila's last payment come to."""
    hers = Transaction.objects.filter(from_account__user__email="leila.benslimane@example.com")
    last = hers.latest("created_at")
    last.amount = 1
    same = Transaction.objects.filter(pk=last.pk)
    outcomes = []
    for name, change in (
        ("save()", last.save),
        ("update()", lambda: same.update(amount=1)),
        ("delete()", last.delete),
    ):
        try:
            with step(name), db_transaction.atomic():
                change()
        except IntegrityError as error:
            outcomes.append({"tried": name, **refusal(error)})
    return outcomes
