"""Recipes about constraints on one row, about unique constraints, and about reading their
errors.
"""

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
from ledger.db.triggers import FirmTrigger
from transactions.models import Transaction
from transactions.models.row_triggers import POSTED_ROW_IS_FINAL, POSTED_ROW_STAYS

GROUP = RecipeGroup(
    "constraints", "Constraints", "Rules that the database enforces for every client."
)


def refusal(error: IntegrityError) -> dict[str, Any]:
    """Returns the name of the violated constraint, the SQLSTATE and Postgres's message."""
    cause = error.__cause__
    if not isinstance(cause, psycopg.Error):
        raise error
    return {
        "constraint": cause.diag.constraint_name,
        "SQLSTATE": cause.diag.sqlstate,
        "message": cause.diag.message_primary,
    }


@GROUP.recipe(
    "CheckConstraint: which one refused?",
    asks="How do I find out which constraint raised an IntegrityError?",
    shows=("CHECK", "IntegrityError", "constraint_name", "check constraint", "SQLSTATE"),
    notice="The UPDATE is between SAVEPOINT and ROLLBACK TO SAVEPOINT: atomic() around the one "
    "statement lets the transaction continue. The constraint's name is in error.__cause__.diag, "
    "with the SQLSTATE 23514.",
    pitfall="Without that inner atomic() every later query of the transaction fails with "
    "TransactionManagementError. And never match the text of the message: the server translates "
    "it according to lc_messages.",
    writes=True,
)
def check_by_name(transfer_limit: Decimal = Decimal(-1)) -> dict[str, Any]:
    """Tries to store a limit below zero. Returns the constraint's name and the stored limit."""
    everyday = Account.objects.get(user__email="ana@example.com", name="Everyday")
    everyday.transfer_limit = transfer_limit
    refused: dict[str, Any] = {"constraint": None}
    try:
        with db_transaction.atomic():
            everyday.save(update_fields=["transfer_limit"])
    except IntegrityError as error:
        refused = refusal(error)
    everyday.refresh_from_db()
    return {**refused, "limit afterwards": everyday.transfer_limit}


@GROUP.recipe(
    "violation_error_message: a readable refusal",
    asks="How do I turn an IntegrityError into a message that a person can read?",
    shows=("IntegrityError", "violation_error_message", "CHECK", "error message of a constraint"),
    notice="Each constraint of the model has its sentence in violation_error_message; diag has the "
    "constraint's name, which leads to the sentence.",
    pitfall="The default message is Constraint “…” is violated. Set violation_error_message on the "
    "constraint; otherwise every form has to write its own message.",
    writes=True,
)
def sentence_by_name() -> list[dict[str, Any]]:
    """Tries three wrong values. Returns the constraint that refuses each, and its message."""
    sentences = {rule.name: rule.violation_error_message for rule in Account._meta.constraints}
    everyday = Account.objects.filter(user__email="ana@example.com", name="Everyday")
    refused = []
    for wrong in (
        {"overdraft_limit": -20_000},
        {"overdraft_limit": -1},
        {"daily_limit": 0},
    ):
        try:
            with db_transaction.atomic():
                everyday.update(**wrong)
        except IntegrityError as error:
            name = refusal(error)["constraint"]
            refused.append({"wrong": wrong, "constraint": name, "sentence": sentences.get(name)})
    return refused


@GROUP.recipe(
    "validate_constraints(): before the database",
    asks="How do full_clean() and validate_constraints() differ from the checks of the database?",
    shows=("validate_constraints", "full_clean()", "ValidationError", "IntegrityError"),
    notice="validate_constraints() queries Postgres too: one SELECT for each CHECK, with the "
    "row's values in it, except for constraints on fields in exclude, such as fields that a form "
    "does not have. It reports all violated constraints together; the UPDATE reports the first "
    "in alphabetical order.",
    pitfall="save(), update() and bulk_create() do not call it. And another session may write "
    "between validation and save: validation is for the person at the form, the constraint is "
    "the guarantee. Validation does not know triggers.",
    writes=True,
)
def asked_and_refused() -> dict[str, list[Any]]:
    """Returns the errors of a negative overdraft limit, by validation and by the UPDATE."""
    account = Account.objects.get(user__email="ana@example.com", name="Everyday")
    account.overdraft_limit = Decimal(-20_000)
    answers: dict[str, list[Any]] = {}
    with step("validate_constraints()"):
        try:
            account.validate_constraints(exclude={"currency", "transfer_limit"})
        except ValidationError as error:
            answers["asked"] = error.messages
    with step("UPDATE"):
        try:
            with db_transaction.atomic():
                account.save(update_fields=["overdraft_limit"])
        except IntegrityError as error:
            answers["refused"] = [refusal(error)["constraint"]]
    return answers


@GROUP.recipe(
    "unique=True: create() and get_or_create()",
    asks="How do I create a row unless there is one, when two may try in parallel?",
    shows=("unique", "unique constraint", "get_or_create", "IntegrityError"),
    notice="create() is refused with 23505 by jars_name_key. get_or_create() looks first, and "
    "here that one SELECT is enough; if another session inserts in between, it gets the same "
    "refusal inside a savepoint and looks again.",
    pitfall="exists() followed by create() is a race that every test passes. Only a unique "
    "constraint makes get_or_create() safe: without one it makes two rows.",
    writes=True,
)
def one_row_for_each_name(name: str = "rent") -> dict[str, Any]:
    """Calls create() and get_or_create() with this name while a jar named rent exists."""
    Jar.objects.create(name="rent", coins=5)
    refused: dict[str, Any] = {"constraint": None}
    with step("create()"):
        try:
            with db_transaction.atomic():
                Jar.objects.create(name=name, coins=7)
        except IntegrityError as error:
            refused = refusal(error)
    with step("get_or_create()"):
        jar, was_made = Jar.objects.get_or_create(name=name, defaults={"coins": 9})
    return {**refused, "coins in it": jar.coins, "made by get_or_create()": was_made}


@GROUP.recipe(
    "UniqueConstraint(condition=…): one flag per owner",
    asks="How do I allow only one row with a flag set, for each owner?",
    shows=(
        "conditional unique",
        "partial unique index",
        "UniqueConstraint(condition=…)",
        "unique_together",
        "IntegrityError",
    ),
    notice="The model has UniqueConstraint(fields=['owner'], condition=Q(is_main=True)), which "
    "is a unique index WHERE is_main: Ana may have two rows that are not main, but her second "
    "main one is refused by one_main_favourite. Ben's main one is allowed. Without the condition "
    "it does what unique_together does, which Django's documentation no longer recommends.",
    pitfall="A unique constraint on (owner, is_main) would refuse Ana's second row that is not "
    "main. And to move the flag, clear the old one first: the index is checked for each row, and "
    "a unique constraint with a condition cannot be deferrable.",
    writes=True,
    teaches_model=True,
)
def one_main_favourite() -> list[dict[str, Any]]:
    """Inserts five favourites, three of them as the main one, and returns each result."""
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


def sql_of(trigger: FirmTrigger) -> str:
    """Returns the SQL of a trigger on transactions, without the indentation of its template."""
    sql: str = trigger.compile(Transaction).install_sql  # type: ignore[arg-type]
    return sql.replace("\n" + 12 * " ", "\n")


@GROUP.recipe(
    "Triggers: rows that nobody can change",
    asks="How do I make rows that nobody can change or delete?",
    shows=("trigger", "triggers", "append-only rows", "immutable rows", "IntegrityError"),
    notice="A CHECK sees only the new row; a trigger sees the old row too. These triggers raise "
    "with ERRCODE check_violation and CONSTRAINT set, so their refusals arrive as IntegrityError "
    "with a constraint name in diag. Before its DELETE, delete() sends a SELECT for each of the "
    "four PROTECT foreign keys that refer to transactions, two of them in transactions itself.",
    pitfall="A row trigger does not see TRUNCATE; that needs a trigger FOR EACH STATEMENT. And "
    "the owner of the table can disable both, so web processes should not connect as the owner.",
    writes=True,
    created_by="\n".join(map(sql_of, (POSTED_ROW_IS_FINAL, POSTED_ROW_STAYS))),
)
def posted_row_is_final() -> list[dict[str, Any]]:
    """Tries save(), update() and delete() of Leila's last payment, and returns the errors."""
    payments = Transaction.objects.filter(from_account__user__email="leila.benslimane@example.com")
    last = payments.latest("created_at")
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
