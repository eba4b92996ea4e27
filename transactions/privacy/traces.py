"""Where a person is named in texts: in whose, by which words and addresses, and what replaces them.

The functions find them and change nothing, so that the erasure searches without a lock. They leave
out what is erased already.

Note [Whose texts]: anybody can take any name, such as "groceries", "Select" or somebody else's, so
a name in a text proves nothing. Texts of staff about the person and their accounts are emptied.
Texts about another side too are emptied where they have a word of the name. Texts of people who
paid the person, were paid by them or live with them are emptied where they have the whole name.
Other texts are emptied only where they have an address of the person that was confirmed by mail, or
that the bank entered, and that nobody else has: anybody can sign up with somebody else's address.
What others chose (categories, rules, budgets, reports, names of what is theirs) stays.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.postgres.fields import ArrayField
from django.db.models import F, Func, JSONField, Model, Q, QuerySet, TextField, Value

from accounts.erased import FILE_NAME
from accounts.models import (
    Account,
    ApprovalRequest,
    Change,
    Household,
    User,
)
from transactions.models import (
    Transaction,
)
from transactions.privacy.patterns import (
    WITH_SIGN,
    TextPattern,
    having,
    patterns_of_addresses,
    patterns_of_words,
)

PAID = ("description", "reference")  # of a payment
REPR = "Erased"
REFUSED = "It was refused."


class Erased(NamedTuple):
    """Rows with texts that go, and the new values; without values the rows are deleted."""

    rows: QuerySet[Any]
    values: dict[str, Any] | None


class Logged(NamedTuple):
    """Rows about which staff wrote in the log of the admin: all entries about them go, or those
    that have one of the patterns.
    """

    model: type[Model]
    which: Q
    patterns: list[TextPattern] | None = None


@dataclass(frozen=True, slots=True)
class Traces:
    """Where to look for a person: their accounts, who had to do with them, and patterns of the
    words of their names and of any address, of whole names, and of addresses that are proved to be
    theirs and nobody else's: Note [Whose texts].
    """

    person: User
    accounts: list[UUID]
    others: list[UUID]  # the other accounts of their payments
    known: list[UUID]  # whoever holds one of these, or lives in a household of the person
    words: list[TextPattern]
    names: list[TextPattern]
    addresses: list[TextPattern]


def traces_of(person: User) -> Traces:
    """Read before anything is erased: former names and addresses are in the history alone."""
    names, addresses = {person.name}, {person.email}
    confirmed = EmailAddress.objects.filter(user=person, verified=True)
    proved = set(confirmed.values_list("email", flat=True))
    for row in Change.objects.filter(
        table_name__in=["users", "account_emailaddress"], about=str(person.pk)
    ):
        for side in (row.before or {}, row.after or {}):
            names.add(side.get("name") or "")
            addresses.add(side.get("email") or "")
            if side.get("verified") or (side is row.after and _by_the_bank(row, person)):
                proved.add(side.get("email") or "")
    accounts = list(Account.objects.filter(user=person).values_list("pk", flat=True))
    others = _paid_or_paying(accounts)
    known = User.objects.filter(Q(accounts__in=others) | Q(household__in=households_of(person)))
    return Traces(
        person, accounts, others,
        list(known.exclude(pk=person.pk).values_list("pk", flat=True).distinct()),
        words=patterns_of_words([*addresses, *(word for name in names for word in name.split())]),
        names=patterns_of_words(names),
        addresses=patterns_of_addresses(
            proved - _of_others(person, email__in=proved),
            _of_others(person, email__regex=WITH_SIGN),
        ),
    )  # fmt: skip


def _by_the_bank(row: Change, person: User) -> bool:
    """Whether staff or a command wrote the person's row. A sign-up has a page but no person."""
    if row.table_name != "users" or row.action not in ("insert", "update"):
        return False
    by_command = row.person_id is None and not row.path.startswith("/")
    return by_command or row.person_id not in (None, person.pk)


def _paid_or_paying(accounts: Collection[UUID]) -> list[UUID]:
    """The other accounts of all payments of these."""
    found: set[UUID | None] = set()
    for mine, other in (("from_account", "to_account"), ("to_account", "from_account")):
        payments = Transaction.objects.filter(**{f"{mine}__in": accounts}).order_by()
        found |= set(payments.values_list(other, flat=True).distinct())
    return [pk for pk in found if pk and pk not in accounts]


def households_of(person: User) -> list[UUID]:
    """The households in which the person is or was, by their ids: names are not unique."""
    ids: set[Any] = {person.household_id}
    for row in Change.objects.filter(table_name="users", about=str(person.pk)):
        ids |= {side.get("household_id") for side in (row.before or {}, row.after or {})}
    return list(Household.objects.filter(pk__in=ids - {None}).values_list("pk", flat=True))


def _of_others(person: User, **condition: Any) -> set[str]:
    """The addresses that somebody else has now and that meet the condition."""
    rows = (
        User.objects.exclude(pk=person.pk).filter(**condition),
        EmailAddress.objects.exclude(user=person).filter(**condition),
    )
    return {email for each in rows for email in each.values_list("email", flat=True)}


def emptied(rows: QuerySet[Any], **values: Any) -> Erased:
    """The rows that do not have these values yet."""
    return Erased(rows.exclude(**values), values)


def with_key(rows: QuerySet[Any], field: str, key: str, value: Any) -> Erased:
    """The rows whose document has the key with another value."""
    document = Func(
        F(field), Value([key], ArrayField(TextField())), Value(value, JSONField()),
        function="jsonb_set", output_field=JSONField(),
    )  # fmt: skip
    having = rows.filter(**{f"{field}__has_key": key}).exclude(**{f"{field}__{key}": value})
    return Erased(having, {field: document})


def with_address(traces: Traces, rows: QuerySet[Any], **values: Any) -> Iterator[Erased]:
    """Each of the columns where it has an address of the person, whoever it is about."""
    for field, value in values.items():
        yield emptied(rows.filter(having(field, traces.addresses)), **{field: value})


def naming(
    traces: Traces, model: type[Model], of_known: Q, values: dict[str, Any]
) -> Iterator[Erased]:
    """Each of the columns where it has the whole name, of people who had to do with the person, or
    an address, of anybody: Note [Whose texts].
    """
    for field, value in values.items():
        named = of_known & Q(having(field, traces.names))
        addressed = Q(having(field, traces.addresses))
        yield emptied(model._default_manager.filter(named | addressed), **{field: value})


def on_either_side(traces: Traces, prefix: str = "") -> Q:
    """What goes from or to an account of the person."""
    sides = (f"{prefix}from_account__in", f"{prefix}to_account__in")
    return Q(**{sides[0]: traces.accounts}) | Q(**{sides[1]: traces.accounts})


def in_parameters(
    requests: QuerySet[ApprovalRequest], patterns: list[TextPattern]
) -> Iterator[Erased]:
    """The message to the customer, the name of a file, and what was not booked. The audit compares
    the texts of what was booked with the payment.
    """
    yield with_key(requests, "parameters", "message", "")
    files = requests.filter(kind=ApprovalRequest.Kind.PAYMENT_FILE)
    yield with_key(files, "parameters", "description", FILE_NAME)
    yield from in_undone(requests, patterns)


def in_undone(requests: QuerySet[ApprovalRequest], patterns: list[TextPattern]) -> Iterator[Erased]:
    """Texts of the payments that the requests ask for, unless it was booked, where they have one of
    the patterns.
    """
    undone = requests.exclude(status=ApprovalRequest.Status.DONE)
    undone = undone.exclude(kind=ApprovalRequest.Kind.PAYMENT_FILE)
    for key, value in {**dict.fromkeys(PAID, ""), "metadata": {}}.items():
        rows = undone.filter(having(f"parameters__{key}", patterns))
        yield with_key(rows, "parameters", key, value)
