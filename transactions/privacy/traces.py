"""What a person leaves in texts of others: reasons of staff, logs, files and their lines.

The functions find them and change nothing, so that the erasure searches without a lock. They leave
out what is erased already. Texts about the person's accounts are emptied. Texts that are about
another side too are emptied where they have a word of the person's name, or an address of theirs;
reasons about others, the log of the admin and what staff searched for, where they have the whole
name.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
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
    Attachment,
    Budget,
    CategoryRule,
    MonthlyStatement,
    OutsideAccount,
    OutsideEntry,
    OutsideImport,
    OwnCategory,
    Payee,
    PaymentFile,
    PaymentLine,
    Reconciliation,
    ReconciliationLine,
    SavedReport,
    StaffReason,
    StandingOrder,
    Transaction,
)

REPR = "Erased"
REFUSED = "It was refused."


class Erased(NamedTuple):
    """Rows with texts that go, and the new values; without values the rows are deleted."""

    rows: QuerySet[Any]
    values: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Traces:
    """Where to look for a person: their accounts, and regular expressions of Postgres for any word
    of their names and any address, and for whole names and addresses.
    """

    person: User
    accounts: list[UUID]
    words: str
    whole: str
    names: tuple[str, ...]  # whole names and addresses, folded for comparison

    def names_in(self, text: str) -> bool:
        """Whether the text has a whole name or address, in any case, spacing and composition."""
        tidy = folded(text)
        return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", tidy) for name in self.names)


def traces_of(person: User) -> Traces:
    """Read before anything is erased: former names and addresses are in the history alone."""
    texts = [person.name, person.email]
    for row in Change.objects.filter(
        table_name__in=["users", "account_emailaddress"], about=str(person.pk)
    ):
        for side in (row.before or {}, row.after or {}):
            texts += [side.get("name") or "", side.get("email") or ""]
    accounts = list(Account.objects.filter(user=person).values_list("pk", flat=True))
    words = [word for text in texts for word in ([text] if "@" in text else text.split())]
    names = tuple({folded(text) for text in texts if len(text) > 1})
    return Traces(person, accounts, _pattern(words), _pattern(texts), names)


def folded(text: str) -> str:
    """The text in one case, composition and spacing."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _pattern(texts: Iterable[str]) -> str:
    """Finds any of the texts as whole words, also with the spaces of an address of a page."""
    parts = sorted({re.escape(text) for text in texts if len(text) > 1})
    either = "|".join(parts).replace("\\ ", "([[:space:]]|\\+|%20)+") or "a^"
    return rf"(^|[^[:alnum:]])({either})($|[^[:alnum:]])"


def emptied(rows: QuerySet[Any], **values: Any) -> Erased:
    """The rows that do not have these values yet."""
    return Erased(rows.exclude(**values), values)


def _with_key(rows: QuerySet[Any], field: str, key: str, value: str) -> Erased:
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
    about = Q(object_repr__iregex=traces.whole) | Q(change_message__iregex=traces.whole)
    for model, which in theirs:
        ids = [str(pk) for pk in model._default_manager.filter(which).values_list("pk", flat=True)]
        about |= Q(content_type=ContentType.objects.get_for_model(model), object_id__in=ids)
    return emptied(LogEntry.objects.filter(about), object_repr=REPR, change_message="")


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
    yield from _in_parameters(requests)
    paid = Q(transaction__from_account__in=ids) | Q(transaction__to_account__in=ids)
    for field in ("reason", "message"):
        notes = StaffReason.objects.filter(paid, **{f"{field}__iregex": traces.words})
        yield emptied(notes, **{field: ""})


def _in_statements(traces: Traces) -> Iterator[Erased]:
    """The names on the person's own monthly statements, and theirs on those of others whom they
    have paid or been paid by. No digest covers a name.
    """
    own = MonthlyStatement.objects.filter(account__in=traces.accounts)
    yield emptied(own, holder=NAME, account_name=ACCOUNT_NAME)
    sides = Transaction.objects.filter(
        Q(from_account__in=traces.accounts) | Q(to_account__in=traces.accounts)
    )
    known = {pk for pair in sides.values_list("from_account", "to_account") for pk in pair}
    others = MonthlyStatement.objects.filter(account__in=known - {None})
    for pk in traces.accounts:
        yield _with_key(others, "names", str(pk), NAME)


def _about_others(traces: Traces) -> Iterator[Erased]:
    """Reasons, messages and notes about others, where they have the whole name or an address.
    Reports that others saved under such a name go, and categories, rules and budgets of others.
    """
    named: tuple[tuple[type[Model], tuple[str, ...]], ...] = (
        (SavedReport, ("name",)),
        (OwnCategory, ("category",)),
        (Budget, ("category",)),
        (CategoryRule, ("name", "query", "category")),
    )
    for model, fields in named:
        for name in fields:
            yield Erased(_having(model, name, traces), None)
    texts: tuple[tuple[type[Model], tuple[str, ...]], ...] = (
        (Payee, ("note",)),
        (OutsideEntry, ("description", "other", "reference", "outside_id")),
        (ReconciliationLine, ("description", "other", "reference", "outside_id")),
        (StandingOrder, ("description", "reference")),
        (Alert, ("detail",)),
        (Attachment, ("name",)),
        (Change, ("reason",)),
        (StatusChange, ("reason", "message")),
        (LimitChange, ("reason",)),
        (ApprovalRequest, ("reason", "note")),
    )
    for model, fields in texts:
        for name in fields:
            yield emptied(_having(model, name, traces), **{name: ""})
    # Without any reason the line would be open again, even of what is frozen.
    yield emptied(_having(ReconciliationLine, "leftover", traces), leftover=REPR)
    yield emptied(_having(OutsideAccount, "name", traces), name=ACCOUNT_NAME)
    for files in (Reconciliation, OutsideImport):
        yield emptied(_having(files, "name", traces), name=FILE_NAME)
    requests = _having(ApprovalRequest, "parameters__message", traces)
    yield _with_key(requests, "parameters", "message", "")


def _having(model: type[Model], field: str, traces: Traces) -> QuerySet[Any]:
    return model._default_manager.filter(**{f"{field}__iregex": traces.whole})


def _in_reads(traces: Traces) -> Iterator[Erased]:
    """What staff searched for, of the person's data, or with the whole name; and from which address
    the person read, if they worked here. Pages send a name percent-encoded, in any of several ways,
    and the admin encodes the search of a list once more in the address of the page after it, so
    each query with a percent sign is decoded here, as often as it was encoded.
    """
    reads = Read.objects.exclude(query="")
    of_them = Q(people__contains=[traces.person.pk]) | Q(query__iregex=traces.whole)
    yield emptied(reads.filter(of_them), query="")
    encoded = reads.filter(query__contains="%").values_list("pk", "query")
    naming = [
        pk
        for pk, query in encoded.iterator()
        if any(traces.names_in(plain) for plain in decodings_of(query))
    ]
    yield emptied(reads.filter(pk__in=naming), query="")
    yield emptied(Read.objects.filter(reader=traces.person), address="")


def _in_files(traces: Traces) -> Iterator[Erased]:
    """The names in files, and of files: of the person's own, and of others' that pay them."""
    own = Q(file__from_account__in=traces.accounts)
    lines = PaymentLine.objects.filter(own | Q(to_account__in=traces.accounts))
    yield emptied(lines, typed_name="")
    unpaid = lines.filter(booked=False)
    for name in ("description", "reference"):
        yield emptied(unpaid.filter(**{f"{name}__iregex": traces.words}), **{name: ""})
    refused = PaymentLine.objects.filter(own).refused()
    yield emptied(refused, verdict=REFUSED)  # the sentences name the account
    paying = PaymentLine.objects.filter(to_account__in=traces.accounts).values("file")
    own_files = PaymentFile.objects.filter(from_account__in=traces.accounts)
    files = PaymentFile.objects.filter(pk__in=paying, name__iregex=traces.words)
    for each in (own_files, files):
        ids = list(each.values_list("pk", flat=True))
        yield from _in_parameters(ApprovalRequest.objects.filter(transaction_id__in=ids))
        yield emptied(PaymentFile.objects.filter(pk__in=ids), name=FILE_NAME)


def _in_parameters(requests: QuerySet[ApprovalRequest]) -> Iterator[Erased]:
    """The message to the customer, and the name of a file. The audit compares the others."""
    yield _with_key(requests, "parameters", "message", "")
    files = requests.filter(kind=ApprovalRequest.Kind.PAYMENT_FILE)
    yield _with_key(files, "parameters", "description", FILE_NAME)
