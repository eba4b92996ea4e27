"""What a person leaves in texts of others: reasons of staff, logs, files and their lines.

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

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.db.models import F, Func, JSONField, Model, Q, QuerySet, TextField, Value

from accounts.erased import ACCOUNT_NAME, FILE_NAME, NAME
from accounts.models import (
    Account,
    ApprovalRequest,
    Change,
    Household,
    LimitChange,
    Read,
    StatusChange,
    User,
)
from ledger.text.queries import decodings_of
from transactions.models import (
    Alert,
    Annotation,
    Attachment,
    MonthlyStatement,
    Occurrence,
    OutsideAccount,
    OutsideEntry,
    OutsideImport,
    Payee,
    PaymentFile,
    PaymentLine,
    Reconciliation,
    ReconciliationLine,
    ReconciliationMatch,
    StaffReason,
    StandingOrder,
    Transaction,
)
from transactions.privacy.patterns import (
    WITH_SIGN,
    TextPattern,
    has_any,
    having,
    patterns_of_addresses,
    patterns_of_words,
)

OUTSIDE = ("description", "other", "reference", "outside_id")  # texts of another bank
PAID = ("description", "reference")  # of a payment
REPR = "Erased"
REFUSED = "It was refused."
ORDER = {**dict.fromkeys(PAID, ""), "ended_why": "It was ended.", "refused_why": REFUSED}


class Erased(NamedTuple):
    """Rows with texts that go, and the new values; without values the rows are deleted."""

    rows: QuerySet[Any]
    values: dict[str, Any] | None


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


def all_texts(traces: Traces) -> Iterator[Erased]:
    """What was written about the person and their accounts."""
    yield _in_the_log_of_the_admin(traces)
    yield from _about_accounts(traces)
    yield from _about_others(traces)
    yield from _in_reads(traces)
    yield from _in_files(traces)
    yield from _in_statements(traces)
    yield emptied(Change.objects.filter(person=traces.person), address="")


def _in_the_log_of_the_admin(traces: Traces) -> Erased:
    """What staff changed stays; how the person and what is theirs were called does not."""
    theirs: list[tuple[type[Model], Q]] = [
        (User, Q(pk=traces.person.pk)),
        (Account, Q(user=traces.person)),
        (EmailAddress, Q(user=traces.person)),
        (Authenticator, Q(user=traces.person)),
        (SocialAccount, Q(user=traces.person)),
        (PaymentFile, Q(from_account__user=traces.person)),
        (StatusChange, Q(account__user=traces.person)),
        (LimitChange, Q(account__user=traces.person)),
    ]
    about = Q()
    for field in ("object_repr", "change_message"):
        about |= Q(having(field, traces.addresses))
    for model, which in theirs:
        ids = [str(pk) for pk in model._default_manager.filter(which).values_list("pk", flat=True)]
        about |= Q(content_type=ContentType.objects.get_for_model(model), object_id__in=ids)
    about |= Q(pk__in=_logged_of_two_sides(traces))
    return emptied(LogEntry.objects.filter(about), object_repr=REPR, change_message="")


def _logged_of_two_sides(traces: Traces) -> list[int]:
    """Entries that name the person, about orders, payments and files of theirs with others."""
    paying = PaymentLine.objects.filter(to_account__in=traces.accounts)
    two_sided: tuple[tuple[type[Model], Q, list[TextPattern]], ...] = (
        (StandingOrder, _of(traces), traces.words),
        (Transaction, _of(traces), traces.words),
        (PaymentFile, Q(pk__in=paying.values("file")), traces.words),
        (Reconciliation, Q(pk__in=_matched(traces).values("reconciliation")), traces.names),
    )
    found: list[int] = []
    for model, which, patterns in two_sided:
        entries = LogEntry.objects.filter(
            Q(having("object_repr", patterns)) | Q(having("change_message", patterns)),
            content_type=ContentType.objects.get_for_model(model),
        )
        by_object = entries.values_list("object_id", "pk")
        theirs = model._default_manager.filter(which, pk__in={id for id, _ in by_object})
        ids = {str(pk) for pk in theirs.values_list("pk", flat=True)}
        found += [pk for id, pk in by_object if id in ids]
    return found


def _of(traces: Traces, prefix: str = "") -> Q:
    """What goes from or to an account of the person."""
    sides = (f"{prefix}from_account__in", f"{prefix}to_account__in")
    return Q(**{sides[0]: traces.accounts}) | Q(**{sides[1]: traces.accounts})


def _matched(traces: Traces) -> QuerySet[ReconciliationLine]:
    """The lines of other banks' statements that are payments of the person."""
    matches = ReconciliationMatch.objects.filter(_of(traces, "transaction__"))
    lines: QuerySet[ReconciliationLine] = ReconciliationLine.objects.filter(
        pk__in=matches.values("line")
    )
    return lines


def erase_from_the_log_of_households(households: Iterable[UUID]) -> None:
    """How households were called in which nobody lives any more."""
    kind = ContentType.objects.get_for_model(Household)
    about = LogEntry.objects.filter(content_type=kind, object_id__in=[str(pk) for pk in households])
    about.update(object_repr=REPR, change_message="")


def _about_accounts(traces: Traces) -> Iterator[Erased]:
    ids = traces.accounts
    yield emptied(StatusChange.objects.filter(account__in=ids), reason="", message="")
    yield emptied(LimitChange.objects.filter(account__in=ids), reason="")
    sides = Q(from_account__in=ids) | Q(to_account__in=ids)
    requests = ApprovalRequest.objects.filter(sides | Q(person=traces.person))
    yield emptied(requests, reason="", note="")
    yield from _in_parameters(requests, traces.words)
    paid = Q(transaction__from_account__in=ids) | Q(transaction__to_account__in=ids)
    for field in ("reason", "message"):
        notes = StaffReason.objects.filter(paid, having(field, traces.words))
        yield emptied(notes, **{field: ""})


def _in_statements(traces: Traces) -> Iterator[Erased]:
    """The names on the person's own monthly statements, and theirs on those of others whom they
    have paid or been paid by. No digest covers a name.
    """
    own = MonthlyStatement.objects.filter(account__in=traces.accounts)
    yield emptied(own, holder=NAME, account_name=ACCOUNT_NAME)
    others = MonthlyStatement.objects.filter(account__in=traces.others)
    for pk in traces.accounts:
        yield with_key(others, "names", str(pk), NAME)


def _about_others(traces: Traces) -> Iterator[Erased]:
    """Texts of people who had to do with the person, where they have the whole name; and any others
    where they have an address: Note [Whose texts]. Further ones: `transactions.privacy.addresses`.
    """
    theirs = Q(owner__in=traces.known)
    lines = Q(pk__in=_matched(traces).values("pk"))
    files = Q(pk__in=_matched(traces).values("reconciliation"))
    of_account = Q(account__owner__in=traces.known)
    texts: tuple[tuple[type[Model], Q, dict[str, Any]], ...] = (
        (Annotation, theirs, {"text": ""}),
        (Payee, theirs, {"note": ""}),
        (StandingOrder, theirs | _of(traces), ORDER),
        (
            Occurrence,
            Q(order__owner__in=traces.known) | _of(traces, "order__"),
            {"reason": REFUSED},
        ),
        (Alert, theirs, {"detail": ""}),
        (Attachment, theirs | _of(traces, "transaction__"), {"name": ""}),
        (OutsideAccount, theirs, {"name": ACCOUNT_NAME}),
        (OutsideImport, of_account, {"name": FILE_NAME, "doubts": None}),
        (OutsideEntry, of_account, dict.fromkeys(OUTSIDE, "")),
        # Without any reason the line would be open again, even of what is frozen.
        (ReconciliationLine, lines, {**dict.fromkeys(OUTSIDE, ""), "leftover": REPR}),
        (Reconciliation, files, {"name": FILE_NAME}),
    )
    for model, of_known, values in texts:
        for field, value in values.items():
            named = of_known & Q(having(field, traces.names))
            addressed = Q(having(field, traces.addresses))
            yield emptied(model._default_manager.filter(named | addressed), **{field: value})


def _in_reads(traces: Traces) -> Iterator[Erased]:
    """What staff searched for, of the person's data, or with an address; and from which address the
    person read, if they worked here. Pages send an address percent-encoded, in any of several ways,
    and the admin encodes the search of a list once more in the address of the page after it, so
    each query with a percent sign is decoded here, as often as it was encoded.
    """
    reads = Read.objects.exclude(query="")
    of_them = Q(people__contains=[traces.person.pk]) | Q(having("query", traces.addresses))
    yield emptied(reads.filter(of_them), query="")
    encoded = reads.filter(query__contains="%").values_list("pk", "query")
    naming = [
        pk
        for pk, query in encoded.iterator()
        if any(has_any(plain, traces.addresses) for plain in decodings_of(query))
    ]
    yield emptied(reads.filter(pk__in=naming), query="")
    yield emptied(Read.objects.filter(reader=traces.person), address="")


def _in_files(traces: Traces) -> Iterator[Erased]:
    """The names in files, and of files: of the person's own, and of others' that pay them."""
    own = Q(file__from_account__in=traces.accounts)
    lines = PaymentLine.objects.filter(own | Q(to_account__in=traces.accounts))
    yield emptied(lines, typed_name="")
    unpaid = lines.filter(booked=False)
    for name in PAID:
        yield emptied(unpaid.filter(having(name, traces.words)), **{name: ""})
    refused = PaymentLine.objects.filter(own).refused()
    yield emptied(refused, verdict=REFUSED)  # the sentences name the account
    paying = PaymentLine.objects.filter(to_account__in=traces.accounts).values("file")
    own_files = PaymentFile.objects.filter(from_account__in=traces.accounts)
    files = PaymentFile.objects.filter(having("name", traces.words), pk__in=paying)
    for each in (own_files, files):
        ids = list(each.values_list("pk", flat=True))
        requests = ApprovalRequest.objects.filter(transaction_id__in=ids)
        yield from _in_parameters(requests, traces.words)
        yield emptied(each, name=FILE_NAME)


def _in_parameters(
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
