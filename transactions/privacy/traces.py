"""What a person leaves in texts of others: reasons of staff, logs, files and their lines.

Used by the erasure, within its transaction and with the triggers lifted. Texts about the person's
accounts are emptied. Texts that are about another side too are emptied where they have a word of
the person's name, or an address of theirs; reasons about others, the log of the admin and what
staff searched for, where they have the whole name.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q

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


def erase_from_the_log_of_the_admin(traces: Traces) -> None:
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
    LogEntry.objects.filter(about).update(object_repr=REPR, change_message="")


def erase_from_the_log_of_households(households: Iterable[UUID]) -> None:
    """How households were called in which nobody lives any more."""
    kind = ContentType.objects.get_for_model(Household)
    about = LogEntry.objects.filter(content_type=kind, object_id__in=[str(pk) for pk in households])
    about.update(object_repr=REPR, change_message="")


def erase_texts(traces: Traces) -> None:
    """Empties what was written about the person and their accounts."""
    ids = traces.accounts
    StatusChange.objects.filter(account__in=ids).update(reason="", message="")
    LimitChange.objects.filter(account__in=ids).update(reason="")
    _erase_from_texts_about_others(traces)
    sides = Q(from_account__in=ids) | Q(to_account__in=ids)
    requests = ApprovalRequest.objects.filter(sides | Q(person=traces.person))
    requests.update(reason="", note="")
    _erase_from_parameters(requests)
    paid = Q(transaction__from_account__in=ids) | Q(transaction__to_account__in=ids)
    for field in ("reason", "message"):
        notes = StaffReason.objects.filter(paid, **{f"{field}__iregex": traces.words})
        notes.update(**{field: ""})
    _erase_from_reads(traces)
    _erase_from_files(traces)


def erase_from_statements(traces: Traces) -> None:
    """The names on the person's own monthly statements, and theirs on those of others whom they
    have paid or been paid by. No digest covers a name.
    """
    own = MonthlyStatement.objects.filter(account__in=traces.accounts)
    own.update(holder=NAME, account_name=ACCOUNT_NAME)
    sides = Transaction.objects.filter(
        Q(from_account__in=traces.accounts) | Q(to_account__in=traces.accounts)
    )
    known = {pk for pair in sides.values_list("from_account", "to_account") for pk in pair}
    keys = [str(pk) for pk in traces.accounts]
    naming = MonthlyStatement.objects.filter(account__in=known - {None}, names__has_any_keys=keys)
    for statement in naming.iterator():
        statement.names |= dict.fromkeys(statement.names.keys() & set(keys), NAME)
        statement.save(update_fields=["names"])


def _erase_from_texts_about_others(traces: Traces) -> None:
    """Reasons, messages and notes about others, where they have the whole name or an address.
    Reports that others saved under such a name go, and categories, rules and budgets of others.
    """
    SavedReport.objects.filter(name__iregex=traces.whole).delete()
    OwnCategory.objects.filter(category__iregex=traces.whole).delete()
    Budget.objects.filter(category__iregex=traces.whole).delete()
    for name in ("name", "query", "category"):
        CategoryRule.objects.filter(**{f"{name}__iregex": traces.whole}).delete()
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
            rows = model._default_manager.filter(**{f"{name}__iregex": traces.whole})
            rows.update(**{name: ""})
    # Without any reason the line would be open again, even of what is frozen.
    reasons = ReconciliationLine.objects.filter(leftover__iregex=traces.whole)
    reasons.update(leftover=REPR)
    OutsideAccount.objects.filter(name__iregex=traces.whole).update(name=ACCOUNT_NAME)
    for files in (Reconciliation, OutsideImport):
        files._default_manager.filter(name__iregex=traces.whole).update(name=FILE_NAME)
    for request in ApprovalRequest.objects.filter(parameters__message__iregex=traces.whole):
        request.parameters["message"] = ""
        request.save(update_fields=["parameters"])


def _erase_from_reads(traces: Traces) -> None:
    """What staff searched for, of the person's data, or with the whole name; and from which address
    the person read, if they worked here. Pages send a name percent-encoded, in any of several ways,
    and the admin encodes the search of a list once more in the address of the page after it, so
    each query with a percent sign is decoded here, as often as it was encoded.
    """
    reads = Read.objects.exclude(query="")
    of_them = Q(people__contains=[traces.person.pk]) | Q(query__iregex=traces.whole)
    reads.filter(of_them).update(query="")
    encoded = reads.filter(query__contains="%").values_list("pk", "query")
    naming = [
        pk
        for pk, query in encoded.iterator()
        if any(traces.names_in(plain) for plain in decodings_of(query))
    ]
    reads.filter(pk__in=naming).update(query="")
    Read.objects.filter(reader=traces.person).update(address="")


def _erase_from_files(traces: Traces) -> None:
    """The names in files, and of files: of the person's own, and of others' that pay them."""
    lines = PaymentLine.objects.exclude(typed_name="")
    own = Q(file__from_account__in=traces.accounts)
    lines.filter(own | Q(to_account__in=traces.accounts)).update(typed_name="")
    unpaid = PaymentLine.objects.filter(own | Q(to_account__in=traces.accounts), booked=False)
    unpaid.filter(description__iregex=traces.words).update(description="")
    unpaid.filter(reference__iregex=traces.words).update(reference="")
    refused = PaymentLine.objects.filter(own).refused()
    refused.update(verdict=REFUSED)  # the sentences name the account
    paying = PaymentLine.objects.filter(to_account__in=traces.accounts).values("file")
    files = Q(from_account__in=traces.accounts) | Q(pk__in=paying, name__iregex=traces.words)
    renamed = list(PaymentFile.objects.filter(files).values_list("pk", flat=True))
    PaymentFile.objects.filter(pk__in=renamed).update(name=FILE_NAME)
    _erase_from_parameters(ApprovalRequest.objects.filter(transaction_id__in=renamed))


def _erase_from_parameters(requests: Iterable[ApprovalRequest]) -> None:
    """The message to the customer, and the name of a file. The audit compares the others."""
    for request in requests:
        if "message" in request.parameters:
            request.parameters["message"] = ""
        if request.kind == ApprovalRequest.Kind.PAYMENT_FILE:
            request.parameters["description"] = FILE_NAME
        request.save(update_fields=["parameters"])
