"""Recipes about rules that depend on other rows, or on the row before its change."""

from datetime import date
from typing import Annotated, Any

from django.db import IntegrityError, connection
from django.db import transaction as db_transaction
from django.db.models import F

from accounts.models import Account
from cookbook.models import BoxRental, Favourite
from cookbook.recipes.constraints import GROUP
from cookbook.runner.parameters import Between
from cookbook.runner.steps import step
from ledger.db.ids import uuid7
from transactions.models import Entry, Transaction


@GROUP.recipe(
    "ExclusionConstraint: no overlapping bookings",
    asks="How do I keep bookings of the same thing from overlapping?",
    shows=(
        "exclusion",
        "exclusion on ranges",
        "exclude constraint",
        "ExclusionConstraint()",
        "exclusion constraint",
        "overlap",
        "booking",
        "DateRangeField",
        "DateTimeRangeField",
        "RangeOperators",
    ),
    notice="The model has ExclusionConstraint(expressions=[('box', '='), ('during', '&&')]), "
    "whose operators RangeOperators names: a row is refused if another row has the same box and "
    "overlaps in the days. Mara begins on the day that Ana ends: a range includes its first day "
    "but not its last, so the two do not overlap. For moments in place of days there is "
    "DateTimeRangeField.",
    pitfall="A query for overlaps before the INSERT lets two people book at the same time. And "
    "box WITH = needs the extension btree_gist, for which Django has the migration operation "
    "BtreeGistExtension; core Postgres has GiST for ranges, not for plain numbers.",
    writes=True,
    teaches_model=True,
)
def box_rented_once_at_a_time(
    box: Annotated[int, Between(1, 99)] = 7,
) -> list[dict[str, Any]]:
    """Books a safe-deposit box for four people in turn, and returns which bookings fail."""
    outcomes = []
    for holder, number, starts, ends in (
        ("Ana", 7, date(2026, 1, 1), date(2026, 7, 1)),
        ("Mara", box, date(2026, 7, 1), date(2026, 9, 1)),
        ("Jonas", box, date(2026, 6, 30), date(2026, 7, 2)),
        ("Leila", box + 1, date(2026, 6, 30), date(2026, 7, 2)),
    ):
        outcome = "rented"
        try:
            with db_transaction.atomic():
                BoxRental.objects.create(box=number, holder=holder, during=(starts, ends))
        except IntegrityError as error:
            outcome = type(error.__cause__).__name__
        outcomes.append(
            {"holder": holder, "box": number, "from": starts, "until": ends, "outcome": outcome}
        )
    return outcomes


@GROUP.recipe(
    "UniqueConstraint(deferrable=…): swap two values",
    asks="How do I swap two values of a unique column?",
    shows=("deferrable", "deferrable unique", "SET CONSTRAINTS", "check_constraints", "swap"),
    notice="The model has UniqueConstraint(fields=['owner', 'position'], "
    "deferrable=Deferrable.DEFERRED). After the first UPDATE two rows have position 1, which is "
    "allowed: the constraint is checked at COMMIT. SET CONSTRAINTS ALL IMMEDIATE checks it now: "
    "the full swap passes, the half swap is refused with 23505.",
    pitfall="A refusal at COMMIT belongs to no statement, so the error is raised by atomic() and "
    "not by the wrong line. And ON CONFLICT, which bulk_create(ignore_conflicts=True) and "
    "upserts use, does not work with a deferrable constraint.",
    writes=True,
    teaches_model=True,
)
def change_places() -> dict[str, Any]:
    """Swaps Ana's first and second favourite. Then tries only one half of a swap."""
    for position, payee in enumerate(["Mara", "Jonas"], start=1):
        Favourite.objects.create(owner="Ana", payee=payee, position=position)
    with step("Full swap"):
        Favourite.objects.filter(owner="Ana", payee="Jonas").update(position=1)
        Favourite.objects.filter(owner="Ana", payee="Mara").update(position=2)
        connection.check_constraints()
    order = list(Favourite.objects.order_by("position").values_list("payee", flat=True))
    with step("Half a swap"):
        try:
            with db_transaction.atomic():
                Favourite.objects.filter(payee="Mara").update(position=1)
                connection.check_constraints()
        except IntegrityError as error:
            return {"order": order, "half a swap": type(error.__cause__).__name__}
    return {"order": order}


@GROUP.recipe(
    "Deferred foreign keys: checked at COMMIT",
    asks="Why does my foreign key error come at COMMIT and not where I wrote the row?",
    shows=("foreign key", "check_constraints", "IntegrityError", "ForeignKeyViolation at COMMIT"),
    notice="Django makes its foreign keys DEFERRABLE INITIALLY DEFERRED: the UPDATE to an owner "
    "who does not exist succeeds, and SET CONSTRAINTS ALL IMMEDIATE refuses it, as COMMIT would. "
    "The foreign keys from transactions to accounts were made by a migration, are not deferrable, "
    "and have two columns, account and currency: they immediately refuse to change the currency of "
    "an account that has transactions.",
    pitfall="A TestCase never commits, so Django runs check_constraints() at the end of each "
    "test. PROTECT and CASCADE are Python code for delete(); raw SQL only meets rules in the "
    "database.",
    writes=True,
)
def foreign_key_at_commit() -> list[dict[str, Any]]:
    """Breaks a deferred and a non-deferrable foreign key, and returns when each is checked."""
    everyday = Account.objects.filter(user__email="ana@example.com", name="Everyday")
    outcomes: list[dict[str, Any]] = []
    with step("Deferred, as Django makes it"):
        try:
            with db_transaction.atomic():
                changed = everyday.update(user=uuid7())
                outcomes.append({"done": "another owner", "outcome": f"{changed} row changed"})
                connection.check_constraints()
        except IntegrityError as error:
            outcome = type(error.__cause__).__name__
            outcomes.append({"done": "check_constraints()", "outcome": outcome})
    with step("Not deferrable, of two columns"):
        try:
            with db_transaction.atomic():
                everyday.update(currency="EUR")
        except IntegrityError as error:
            outcomes.append({"done": "another currency", "outcome": type(error.__cause__).__name__})
    return outcomes


@GROUP.recipe(
    "CompositePrimaryKey: a key of two columns",
    asks="How do I use a composite primary key in Django?",
    shows=("composite key", "CompositePrimaryKey()", "pk", "pk__in"),
    notice="The model has pk = CompositePrimaryKey('transaction_id', 'direction'), and pk is a "
    "tuple. get(pk=(id, side)) compares rows: (transaction_id, direction) = (…, debit), which "
    "Postgres splits to use the index transactions_pkey; pk__in is IN with a list of such rows.",
    pitfall="No foreign key can refer to a model with a composite key, and the admin cannot show "
    "it. The order of the tuple is that of CompositePrimaryKey, not of the table.",
)
def both_sides_by_their_keys() -> list[dict[str, Any]]:
    """Returns the two entries of the last payment between two people."""
    last = (
        Transaction.objects.filter(type="transfer", status="completed")
        .exclude(from_account__user=F("to_account__user"))
        .latest("created_at")
    )
    with step("One entry by its key"):
        debit = Entry.objects.get(pk=(last.pk, "debit"))
    with step("Both entries by their keys"):
        sides = Entry.objects.filter(pk__in=[debit.pk, (last.pk, "credit")])
        return [
            {"side": side.pk[1], "whose": side.account.user.name, "amount": side.signed_amount}
            for side in sides.select_related("account__user").order_by("signed_amount")
        ]
