"""Finds the texts in the tables of `accounts` and of `transactions.models` in which a person can be
recognised: reasons and messages that staff entered, approval requests, logged reads, recorded
changes and audit findings. See Note [Whose texts].

`tests/transactions/privacy/test_every_column.py` writes an email address into each text column, and
fails if the erasure leaves out a column.
"""

from collections.abc import Iterator

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db.models import F, Func, JSONField, Q, Value
from django.db.models.functions import Cast

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
    """Yields objects whose entries in the admin log may contain the person's name: the person, the
    person's rows, and the person's payments.
    """
    yield Logged(User, Q(pk=traces.person.pk))
    yield Logged(Account, Q(user=traces.person))
    for model in (EmailAddress, Authenticator, SocialAccount):
        yield Logged(model, Q(user=traces.person))
    for model in (StatusChange, LimitChange):
        yield Logged(model, Q(account__user=traces.person))
    yield Logged(Transaction, on_either_side(traces), traces.words)


def texts(traces: Traces) -> Iterator[Erased]:
    """Yields the texts about the person and the person's accounts, and texts about other people
    that contain an address of the person.
    """
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
    """Yields the search queries with which staff found the person, and search queries that contain
    an address of the person. If the person was staff, also yields the IP addresses of reads by the
    person.

    Browsers percent-encode an address in different ways, and the admin encodes a search again in
    the URL of the next page. So a query is decoded until it is no longer encoded, and then searched
    for an address.
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
    """Yields texts of staff about other people that contain an address of the person."""
    requests = ApprovalRequest.objects.all()
    yield from with_address(traces, Change.objects.all(), reason="")
    yield from with_address(traces, StatusChange.objects.all(), reason="", message="")
    yield from with_address(traces, LimitChange.objects.all(), reason="")
    yield from with_address(traces, requests, reason="", note="")
    yield from with_address(traces, StaffReason.objects.all(), reason="", message="")
    yield from with_address(traces, ApiToken.objects.all(), reason=REPR)  # of a revoked token
    messages = requests.filter(having("parameters__message", traces.addresses))
    yield with_key(messages, "parameters", "message", "")
    yield from in_undone(requests, traces.addresses)


def _in_the_history(traces: Traces) -> Iterator[Erased]:
    """Yields recorded changes of other people's email addresses, if the old or the new address is
    an address of the person. For example, another person had this address earlier, or entered it by
    mistake.
    """
    for side in ("before", "after"):
        shorter = Func(
            F(side), Value("email"), template="(%(expressions)s)", arg_joiner=" - ",
            output_field=JSONField(),
        )  # fmt: skip
        changes = Change.objects.filter(having(f"{side}__email", traces.addresses))
        yield Erased(changes, {side: shorter})


def _in_findings(traces: Traces) -> Iterator[Erased]:
    """Yields audit findings that contain an address of the person. A finding may quote a row with
    the address. Only the address is erased.
    """
    for rows, text in without(AuditRun.objects.all(), "findings", traces.addresses):
        yield Erased(rows, {"findings": Cast(text, JSONField())})
