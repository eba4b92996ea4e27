"""Texts that name a person, of accounts and the core: reasons of staff, reads and the history.

A test plants an address in each column of text, and finds a new one that the erasure leaves out:
`tests/transactions/privacy/test_every_column.py`. See Note [Whose texts].
"""

from collections.abc import Iterator

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db.models import F, Func, JSONField, Q, Value
from django.db.models.functions import Cast

from accounts.erased import FILE_NAME
from accounts.models import (
    Account,
    ApiToken,
    ApprovalRequest,
    Change,
    LimitChange,
    Read,
    StatusChange,
    User,
)
from ledger.text.queries import decodings_of
from transactions.models import AuditRun, StaffReason, Transaction
from transactions.privacy.patterns import has_any, having, without
from transactions.privacy.traces import (
    REPR,
    Erased,
    Logged,
    Traces,
    emptied,
    in_parameters,
    in_undone,
    on_either_side,
    with_address,
    with_key,
)


def logged(traces: Traces) -> Iterator[Logged]:
    """The person and what is theirs alone; and payments of theirs with others."""
    yield Logged(User, Q(pk=traces.person.pk))
    yield Logged(Account, Q(user=traces.person))
    for model in (EmailAddress, Authenticator, SocialAccount):
        yield Logged(model, Q(user=traces.person))
    for model in (StatusChange, LimitChange):
        yield Logged(model, Q(account__user=traces.person))
    yield Logged(Transaction, on_either_side(traces), traces.words)


def texts(traces: Traces) -> Iterator[Erased]:
    """What was written about the person and their accounts, and of others what has an address."""
    yield from _about_accounts(traces)
    yield from _in_reads(traces)
    yield emptied(Change.objects.filter(person=traces.person), address="")
    yield from _with_an_address(traces)
    yield from _in_the_history(traces)
    yield from _in_findings(traces)


def _about_accounts(traces: Traces) -> Iterator[Erased]:
    ids = traces.accounts
    yield emptied(StatusChange.objects.filter(account__in=ids), reason="", message="")
    yield emptied(LimitChange.objects.filter(account__in=ids), reason="")
    requests = ApprovalRequest.objects.filter(on_either_side(traces) | Q(person=traces.person))
    yield emptied(requests, reason="", note="")
    yield from in_parameters(requests, traces.words)
    for field in ("reason", "message"):
        paid = on_either_side(traces, "transaction__")
        notes = StaffReason.objects.filter(paid, having(field, traces.words))
        yield emptied(notes, **{field: ""})


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


def _with_an_address(traces: Traces) -> Iterator[Erased]:
    """What staff wrote about anybody."""
    requests = ApprovalRequest.objects.all()
    yield from with_address(traces, Change.objects.all(), reason="")
    yield from with_address(traces, StatusChange.objects.all(), reason="", message="")
    yield from with_address(traces, LimitChange.objects.all(), reason="")
    yield from with_address(traces, requests, reason="", note="")
    yield from with_address(traces, StaffReason.objects.all(), reason="", message="")
    yield from with_address(traces, ApiToken.objects.all(), reason=REPR)  # a revoked one has one
    messages = requests.filter(having("parameters__message", traces.addresses))
    yield with_key(messages, "parameters", "message", "")
    files = requests.filter(
        having("parameters__description", traces.addresses), kind=ApprovalRequest.Kind.PAYMENT_FILE
    )
    yield with_key(files, "parameters", "description", FILE_NAME)
    yield from in_undone(requests, traces.addresses)


def _in_the_history(traces: Traces) -> Iterator[Erased]:
    """An address that somebody else had before the person, or by mistake."""
    for side in ("before", "after"):
        shorter = Func(
            F(side), Value("email"), template="(%(expressions)s)", arg_joiner=" - ",
            output_field=JSONField(),
        )  # fmt: skip
        having_it = Change.objects.filter(having(f"{side}__email", traces.addresses))
        yield Erased(having_it, {side: shorter})


def _in_findings(traces: Traces) -> Iterator[Erased]:
    """Findings of audits that quote a row, where only the address goes."""
    for rows, text in without(AuditRun.objects.all(), "findings", traces.addresses):
        yield Erased(rows, {"findings": Cast(text, JSONField())})
