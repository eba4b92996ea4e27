"""What the bank stores about a person, section by section, for the download.

A section is a name, its columns and its rows, which are read as they are written. Other people
appear as on the statement: by name, never by account.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db.models import F, Q, QuerySet

from accounts.models import Account, ApiToken, Change, Read, SignIn, StatusChange, User
from accounts.sign_in.sessions import living_sessions
from ledger.db.replicas import ReadPurpose, stream
from ledger.db.row_security import RowScope, reading
from transactions.attachments.storage import content_of
from transactions.models import (
    Alert,
    AlertChoice,
    AlertTimes,
    Annotation,
    Attachment,
    Budget,
    CategoryRule,
    Entry,
    MonthlyStatement,
    Occurrence,
    OutsideAccount,
    OutsideEntry,
    OutsideImport,
    OwnCategory,
    Payee,
    PaymentFile,
    PaymentLine,
    SavedReport,
    StaffReason,
    StandingOrder,
    Transaction,
    Webhook,
)

AT_A_TIME = 2000  # rows that are held in memory
Row = Sequence[Any]
# Of the sections, only the long one.
OWN_ENTRIES = ReadPurpose(
    "own entries", frozenset({"entries", "transactions", "accounts", "users"})
)


@dataclass(frozen=True, slots=True)
class DataSection:
    """One kind of data. `rows` yields values in the order of `columns`."""

    name: str
    columns: tuple[str, ...]
    rows: Callable[[User], Iterable[Row]]


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file among the cells of a row: its name in a ZIP file, and what reads it."""

    path: str
    read: Callable[[], bytes]


def _read(rows: "QuerySet[Any, Any]", *columns: Any) -> Iterator[Row]:
    return iter(rows.values_list(*columns).iterator(chunk_size=AT_A_TIME))


def _profile(person: User) -> Iterable[Row]:
    return [(person.pk, person.name, person.email, person.created_at, person.last_login)]


def _addresses(person: User) -> Iterable[Row]:
    return _read(EmailAddress.objects.filter(user=person), "email", "verified", "primary")


def _factors(person: User) -> Iterable[Row]:
    """Kinds and times; the secrets stay where they are."""
    factors = Authenticator.objects.filter(user=person).order_by("created_at")
    return _read(factors, "type", "created_at", "last_used_at")


def _providers(person: User) -> Iterable[Row]:
    linked = SocialAccount.objects.filter(user=person).order_by("date_joined")
    return _read(linked, "provider", "uid", "date_joined", "last_login")


def _sessions(person: User) -> Iterable[Row]:
    """Where the person is signed in now."""
    living = living_sessions(person, None)
    return [(one.device, one.place, one.started_at, one.last_seen_at) for one in living]


def _sign_ins(person: User) -> Iterable[Row]:
    return _read(SignIn.objects.of(person), "at", "outcome", "method", "device", "place")


TOKEN_COLUMNS = (
    "name", "prefix", "scopes", "per_payment", "per_day", "currency", "created_at", "expires_at",
    "last_used_at", "last_used_from", "revoked_at",
)  # fmt: skip


def _tokens(person: User) -> Iterable[Row]:
    return _read(ApiToken.objects.of(person), *TOKEN_COLUMNS)


def _webhooks(person: User) -> Iterable[Row]:
    """Addresses and kinds; the secrets stay where they are."""
    webhooks = Webhook.objects.filter(owner=person).order_by("created_at", "pk")
    return _read(webhooks, "url", "kinds", "status", "created_at")


def _household(person: User) -> Iterable[Row]:
    return [(person.household.name,)] if person.household else []


def _groups(person: User) -> Iterable[Row]:
    return _read(person.groups.order_by("name"), "name")


ABOUT_PEOPLE = (
    "users", "users_groups", "users_user_permissions", "account_emailaddress",
    "mfa_authenticator", "socialaccount_socialaccount", "api_tokens",
)  # fmt: skip


def _changes(person: User) -> Iterator[Row]:
    """The history of the person and their accounts. Of colleagues' changes it says neither who made
    them nor why: reasons are written for colleagues.
    """
    accounts = [str(account.pk) for account in Account.objects.owned_by(person)]
    changes = Change.objects.filter(
        Q(table_name__in=ABOUT_PEOPLE, about=str(person.pk))
        | Q(table_name="accounts", about__in=accounts)
    )
    columns = ("changed_at", "table_name", "about", "action", "before", "after")
    with reading(RowScope.BANK):  # no policy shows a customer the rows of the history
        for *facts, by, path, address in _read(
            changes.order_by("changed_at", "id"), *columns, "person_id", "path", "address"
        ):
            is_own = by == person.pk
            who = _who(is_own=is_own, is_somebodys=by is not None, path=path)
            yield (*facts, who, address if is_own else "")


def _who(*, is_own: bool, is_somebodys: bool, path: str) -> str:
    if is_own:
        return "you"
    if path.startswith("manage.py "):
        return "a command of the bank"
    is_of_a_page = path.startswith("/")  # others wrote SQL of their own
    return "the bank" if is_somebodys or not is_of_a_page else "somebody who was not signed in"


def _reads(person: User) -> Iterator[Row]:
    """When colleagues opened pages that showed the person's data; who they are stays inside."""
    reads = Read.objects.filter(people__contains=[person.pk]).order_by("read_at", "id")
    with reading(RowScope.BANK):
        yield from _read(reads, "read_at", "page")


ACCOUNT_COLUMNS = (
    "id", "number", "name", "currency", "status", "balance", "held", "overdraft_limit",
    "transfer_limit", "daily_limit", "created_at", "closed_at",
)  # fmt: skip


def _accounts(person: User) -> Iterable[Row]:
    return _read(Account.objects.owned_by(person), *ACCOUNT_COLUMNS)


def _status_changes(person: User) -> Iterable[Row]:
    changes = StatusChange.objects.filter(account__user=person).order_by("created_at")
    columns = ("account__number", "from_status", "to_status", "message", "created_at")
    return _read(changes, *columns)


ENTRY_COLUMNS = (
    "transaction", "account", "booked", "value_date", "who", "description", "reference",
    "category", "amount", "balance", "currency", "metadata",
)  # fmt: skip


def _entries(person: User) -> Iterable[Row]:
    """Account by account, so that each is read from its own index range, oldest first."""
    accounts = Account.objects.owned_by(person)
    return chain.from_iterable(_entries_of(account, person) for account in accounts)


def _entries_of(account: Account, person: User) -> Iterator[Row]:
    account.user = person
    entries = Entry.objects.for_account(account).for_files()
    for entry in stream(OWN_ENTRIES, lambda given: entries[given:].iterator(chunk_size=AT_A_TIME)):
        entry.account = account
        yield (
            entry.transaction_id, account.number, entry.created_at, entry.value_date,
            entry.headline, entry.description, entry.reference, entry.category,
            entry.signed_amount, entry.balance, entry.currency, entry.metadata,
        )  # fmt: skip


def _holds(person: User) -> Iterable[Row]:
    holds = Transaction.objects.visible_to(person).exclude(status="completed")
    columns = ("pk", "created_at", "amount", "currency", "status", "description", "expires_at")
    return _read(holds.order_by("created_at"), *columns)


def _messages(person: User) -> Iterable[Row]:
    """What the bank told the person about a payment; its own reasons are for colleagues."""
    told = StaffReason.objects.filter(transaction__in=Transaction.objects.visible_to(person))
    told = told.exclude(message="").order_by("created_at")
    return _read(told, "transaction_id", "action", "message", "created_at")


def _notes(person: User) -> Iterable[Row]:
    notes = Annotation.objects.filter(owner=person).order_by("created_at")
    return _read(notes, "transaction_id", "text", "tags", "created_at")


def _attachments(person: User) -> Iterable[Row]:
    """Each with its file, which is read when it is written."""
    for each in Attachment.objects.of(person).in_order():
        file = ExportedFile(f"attachments/{each.pk}/{each.file_name}", partial(_content, each.pk))
        about = (each.transaction_id, each.file_name, each.content_type, each.size)
        yield (*about, each.created_at, file)


def _content(pk: UUID) -> bytes:
    """Empty if it was removed meanwhile, or is not where its row says."""
    found = Attachment.objects.filter(pk=pk).first()
    return (content_of(found) if found else None) or b""


def _own_categories(person: User) -> Iterable[Row]:
    given = OwnCategory.objects.of(person).order_by("created_at", "pk")
    return _read(given, "transaction_id", "category", "created_at")


def _budgets(person: User) -> Iterable[Row]:
    budgets = Budget.objects.owned_by(person).order_by("category", "currency")
    return _read(budgets, "category", "amount", "currency", "created_at")


def _category_rules(person: User) -> Iterable[Row]:
    rules = CategoryRule.objects.owned_by(person).in_order()
    return _read(rules, "name", "query", "category", "created_at")


def _saved_reports(person: User) -> Iterable[Row]:
    saved = SavedReport.objects.filter(owner=person).order_by("name")
    return _read(saved, "name", "report", "parameters", "group__name")


def _payees(person: User) -> Iterable[Row]:
    saved = Payee.objects.owned_by(person).order_by("name", "pk")
    return _read(saved, "account__number", "name", "note", "created_at")


def _monthly_statements(person: User) -> Iterable[Row]:
    issued = MonthlyStatement.objects.filter(account__user=person)
    columns = (
        "account__number", "number", "month", "opening", "money_in", "money_out", "closing",
        "issued_at",
    )  # fmt: skip
    return _read(issued.order_by("account", "number"), *columns)


def _standing_orders(person: User) -> Iterable[Row]:
    orders = StandingOrder.objects.owned_by(person).order_by("created_at")
    columns = (
        "pk", "from_account__number", "to_account__number", "amount", "every", "first_on",
        "last_on", "times", "next_on", "status", "description", "reference", "created_at",
    )  # fmt: skip
    return _read(orders, *columns)


def _standing_order_days(person: User) -> Iterable[Row]:
    days = Occurrence.objects.filter(order__owner=person).order_by("due_on", "pk")
    return _read(days, "order_id", "due_on", "outcome", "transaction_id", "reason")


def _alert_choices(person: User) -> Iterable[Row]:
    chosen = AlertChoice.objects.filter(owner=person).order_by("created_at")
    return _read(chosen, "kind", "account__number", "amount", "mail", "created_at")


def _alerts(person: User) -> Iterable[Row]:
    told = Alert.objects.filter(owner=person).order_by("created_at", "pk")
    columns = (
        "kind", "account__number", "about", "day", "amount", "balance", "detail", "created_at",
        "read_at", "mail", "mailed_at",
    )  # fmt: skip
    return _read(told, *columns)


def _alert_times(person: User) -> Iterable[Row]:
    times = AlertTimes.objects.filter(owner=person)
    return _read(times, "quiet_from", "quiet_until", "daily_at")


def _outside_accounts(person: User) -> Iterable[Row]:
    mine = OutsideAccount.objects.owned_by(person).order_by("created_at")
    return _read(mine, "pk", "name", "currency", "opening", "created_at")


def _outside_imports(person: User) -> Iterable[Row]:
    mine = OutsideImport.objects.owned_by(person).order_by("created_at")
    return _read(mine, "account_id", "name", "format", "state", "entry_count", "created_at")


def _outside_entries(person: User) -> Iterable[Row]:
    entries = OutsideEntry.objects.filter(account__owner=person, is_entered=True)
    columns = ("account_id", "booked_on", "amount", "other", "description", "reference")
    return _read(entries.order_by("account_id", "booked_on", "pk"), *columns)


def _files(person: User) -> Iterable[Row]:
    files = PaymentFile.objects.visible_to(person).order_by("created_at")
    return _read(files, "pk", "name", F("from_account__number"), "state", "created_at")


def _lines(person: User) -> Iterable[Row]:
    lines = PaymentLine.objects.filter(file__from_account__user=person)
    columns = (
        "file_id", "number", "typed_to", "typed_name", "typed_amount", "description", "reference",
        "booked", "verdict",
    )  # fmt: skip
    return _read(lines.order_by("file_id", "number"), *columns)


SECTIONS = (
    DataSection("profile", ("id", "name", "email", "since", "last_sign_in"), _profile),
    DataSection("addresses", ("email", "confirmed", "primary"), _addresses),
    DataSection("second_factors", ("kind", "added", "last_used"), _factors),
    DataSection("connected_sign_ins", ("provider", "id", "connected", "last_used"), _providers),
    DataSection("sessions", ("device", "place", "started", "last_seen"), _sessions),
    DataSection("sign_ins", ("at", "outcome", "method", "device", "place"), _sign_ins),
    DataSection("access_tokens", TOKEN_COLUMNS, _tokens),
    DataSection("webhooks", ("url", "events", "status", "added"), _webhooks),
    DataSection("household", ("name",), _household),
    DataSection("groups", ("name",), _groups),
    DataSection("accounts", ACCOUNT_COLUMNS, _accounts),
    DataSection("status_changes", ("account", "before", "after", "message", "at"), _status_changes),
    DataSection("entries", ENTRY_COLUMNS, _entries),
    DataSection(
        "holds",
        ("transaction", "made", "amount", "currency", "status", "description", "expires"),
        _holds,
    ),
    DataSection("messages_of_the_bank", ("transaction", "about", "message", "at"), _messages),
    DataSection("notes", ("transaction", "text", "tags", "written"), _notes),
    DataSection(
        "attachments",
        ("transaction", "name", "type", "bytes", "added", "file"),
        _attachments,
    ),
    DataSection("own_categories", ("transaction", "category", "given"), _own_categories),
    DataSection("budgets", ("category", "amount", "currency", "made"), _budgets),
    DataSection("category_rules", ("name", "search", "category", "made"), _category_rules),
    DataSection("saved_reports", ("name", "report", "parameters", "shared_with"), _saved_reports),
    DataSection("payees", ("number", "name", "note", "saved"), _payees),
    DataSection(
        "monthly_statements",
        ("account", "number", "month", "opening", "in", "out", "closing", "issued"),
        _monthly_statements,
    ),
    DataSection(
        "standing_orders",
        (
            "id",
            "from",
            "to",
            "amount",
            "every",
            "first",
            "last",
            "times",
            "next",
            "status",
            "description",
            "reference",
            "set_up",
        ),
        _standing_orders,
    ),
    DataSection(
        "standing_order_days",
        ("order", "day", "outcome", "transaction", "reason"),
        _standing_order_days,
    ),
    DataSection("alert_choices", ("kind", "account", "amount", "mail", "chosen"), _alert_choices),
    DataSection(
        "alerts",
        (
            "kind",
            "account",
            "about",
            "day",
            "amount",
            "balance",
            "detail",
            "written",
            "read",
            "mail",
            "mailed",
        ),
        _alerts,
    ),
    DataSection("alert_times", ("quiet_from", "quiet_until", "daily_at"), _alert_times),
    DataSection(
        "outside_accounts", ("id", "name", "currency", "opening", "added"), _outside_accounts
    ),
    DataSection(
        "outside_imports",
        ("account", "file", "format", "state", "entries", "uploaded"),
        _outside_imports,
    ),
    DataSection(
        "outside_entries",
        ("account", "day", "amount", "other", "description", "reference"),
        _outside_entries,
    ),
    DataSection("payment_files", ("id", "name", "from", "state", "uploaded"), _files),
    DataSection(
        "payment_lines",
        ("file", "line", "to", "name", "amount", "description", "reference", "paid", "refused"),
        _lines,
    ),
    DataSection(
        "changes", ("at", "table", "id", "action", "before", "after", "by", "address"), _changes
    ),
    DataSection("reads_by_staff", ("at", "page"), _reads),
)
