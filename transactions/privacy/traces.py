"""Finds the texts in which a person can be recognised by name or address, and sets the replacements
for these texts.

The functions only search, so the erasure can call them without a lock. Texts that are already
erased are left out.

Note [Whose texts]: anybody can choose any name, such as "groceries", "Select" or the name of
another person. So a name in a text does not prove that the text is about a person. These texts are
emptied:

- texts of staff about the person and the person's accounts: all of them;
- texts of staff about a payment that also has another payer or payee: if the text contains a word
  of the person's name;
- texts of people who paid the person, were paid by the person, or lived in the same household: if
  the text contains the whole name;
- all other texts: if the text contains an email address that belongs only to this person, and that
  was confirmed by mail or entered by the bank. Other addresses do not count, because anybody can
  sign up with the address of another person.

Names that other people chose for their categories, rules, budgets and reports are kept.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.postgres.fields import ArrayField
from django.db.models import F, Func, JSONField, Model, Q, QuerySet, TextField, Value

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

PAID = ("description", "reference")  # text columns of a payment
# The kinds of requests whose parameters contain these columns.
OF_ONE_PAYMENT = (
    ApprovalRequest.Kind.DEPOSIT, ApprovalRequest.Kind.WITHDRAWAL, ApprovalRequest.Kind.REFUND,
    ApprovalRequest.Kind.HOLD, ApprovalRequest.Kind.CAPTURE,
)  # fmt: skip
REPR = "Erased"
REFUSED = "It was refused."


class Erased(NamedTuple):
    """Rows with texts to erase. `values` are the new values of the columns. If `values` is None,
    the erasure deletes the rows.
    """

    rows: QuerySet[Any]
    values: dict[str, Any] | None


class Logged(NamedTuple):
    """Objects whose entries in the admin log may contain the person's name. Only the entries that
    match a pattern are erased, or all entries if `patterns` is None.
    """

    model: type[Model]
    which: Q
    patterns: list[TextPattern] | None = None


@dataclass(frozen=True, slots=True)
class Traces:
    """The search terms for a person's data: accounts, related people, and patterns for names and
    addresses.

    `words` matches each word of the current and earlier names, and all addresses. `names` matches
    whole names. `addresses` matches email addresses that belong only to this person, see Note
    [Whose texts].
    """

    person: User
    accounts: list[UUID]
    others: list[UUID]  # the accounts on the other side of the person's payments
    known: list[UUID]  # holders of `others`, and members of the person's households
    words: list[TextPattern]
    names: list[TextPattern]
    addresses: list[TextPattern]


def traces_of(person: User) -> Traces:
    """Returns the search terms for a person's data. Call this function before anything is erased,
    because only the history contains earlier names and addresses.
    """
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
    """Returns whether staff or a command changed the person's row. Returns False for a sign-up,
    although its recorded change has no user: the change contains the path of a page, and a change
    by a command does not.
    """
    if row.table_name != "users" or row.action not in ("insert", "update"):
        return False
    by_command = row.person_id is None and not row.path.startswith("/")
    return by_command or row.person_id not in (None, person.pk)


def _paid_or_paying(accounts: Collection[UUID]) -> list[UUID]:
    """Returns the ids of all accounts that have paid one of these accounts, or have been paid by
    one of them.
    """
    found: set[UUID | None] = set()
    for mine, other in (("from_account", "to_account"), ("to_account", "from_account")):
        payments = Transaction.objects.filter(**{f"{mine}__in": accounts}).order_by()
        found |= set(payments.values_list(other, flat=True).distinct())
    return [pk for pk in found if pk and pk not in accounts]


def households_of(person: User) -> list[UUID]:
    """Returns the ids of the households to which the person belongs or belonged. Returns ids and
    not names, because names are not unique.
    """
    ids: set[Any] = {person.household_id}
    for row in Change.objects.filter(table_name="users", about=str(person.pk)):
        ids |= {side.get("household_id") for side in (row.before or {}, row.after or {})}
    return list(Household.objects.filter(pk__in=ids - {None}).values_list("pk", flat=True))


def _of_others(person: User, **condition: Any) -> set[str]:
    """Returns the current email addresses of other people. `condition` contains lookups for the
    field `email`.
    """
    rows = (
        User.objects.exclude(pk=person.pk).filter(**condition),
        EmailAddress.objects.exclude(user=person).filter(**condition),
    )
    return {email for each in rows for email in each.values_list("email", flat=True)}


def emptied(rows: QuerySet[Any], **values: Any) -> Erased:
    """Returns the rows whose columns do not have these values yet, with `values` as the
    replacements.
    """
    return Erased(rows.exclude(**values), values)


def with_key(rows: QuerySet[Any], field: str, key: str, value: Any) -> Erased:
    """Returns the rows whose JSON column has this key with another value. The replacement is the
    JSON document with `value` under this key.
    """
    document = Func(
        F(field), Value([key], ArrayField(TextField())), Value(value, JSONField()),
        function="jsonb_set", output_field=JSONField(),
    )  # fmt: skip
    different = rows.filter(**{f"{field}__has_key": key}).exclude(**{f"{field}__{key}": value})
    return Erased(different, {field: document})


def with_address(traces: Traces, rows: QuerySet[Any], **values: Any) -> Iterator[Erased]:
    """Yields, for each column, the rows in which this column contains an address of the person.
    `values` contains the replacements.
    """
    for field, value in values.items():
        yield emptied(rows.filter(having(field, traces.addresses)), **{field: value})


def naming(
    traces: Traces, model: type[Model], of_known: Q, values: dict[str, Any]
) -> Iterator[Erased]:
    """Yields, for each column, the rows in which the person can be recognised. These are the rows
    that contain an address of the person, and the rows of `of_known` that contain the person's
    whole name, see Note [Whose texts]. `values` contains the replacements.
    """
    for field, value in values.items():
        named = of_known & Q(having(field, traces.names))
        addressed = Q(having(field, traces.addresses))
        yield emptied(model._default_manager.filter(named | addressed), **{field: value})


def on_either_side(traces: Traces, prefix: str = "") -> Q:
    """Returns the condition that the payer's or the payee's account belongs to the person."""
    sides = (f"{prefix}from_account__in", f"{prefix}to_account__in")
    return Q(**{sides[0]: traces.accounts}) | Q(**{sides[1]: traces.accounts})


def in_parameters(
    requests: QuerySet[ApprovalRequest], patterns: list[TextPattern]
) -> Iterator[Erased]:
    """Yields the texts to erase in the parameters of approval requests: the message to the
    customer, and the texts of payments that were not booked.

    Texts of booked payments are left out, because the audit compares these texts with the payment.
    """
    yield with_key(requests, "parameters", "message", "")
    yield from in_undone(requests, patterns)


def in_undone(requests: QuerySet[ApprovalRequest], patterns: list[TextPattern]) -> Iterator[Erased]:
    """Yields the texts of requested payments that were not booked and that match a pattern."""
    undone = requests.filter(kind__in=OF_ONE_PAYMENT).exclude(status=ApprovalRequest.Status.DONE)
    for key, value in {**dict.fromkeys(PAID, ""), "metadata": {}}.items():
        rows = undone.filter(having(f"parameters__{key}", patterns))
        yield with_key(rows, "parameters", key, value)
