"""The sections of a person's download with data of `accounts` and of `transactions.models`."""

from collections.abc import Iterable, Iterator
from itertools import chain

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db.models import Q

from accounts.models import (
    SETTINGS,
    Account,
    ApiToken,
    Change,
    Read,
    SignIn,
    StatusChange,
    User,
)
from accounts.sign_in.sessions import living_sessions
from ledger.db.replicas import ReadPurpose, stream
from ledger.db.rights.row_security import RowScope, reading
from transactions.models import Entry, SavedReport, StaffReason, Transaction
from transactions.privacy.personal_data import AT_A_TIME, DataSection, Row, read

# A replica may return this section in parts, because the section is much longer than all other
# sections.
OWN_ENTRIES = ReadPurpose(
    "own entries", frozenset({"entries", "transactions", "accounts", "users"})
)


def _profile(person: User) -> Iterable[Row]:
    return [(person.pk, person.name, person.email, person.created_at, person.last_login)]


def _addresses(person: User) -> Iterable[Row]:
    return read(EmailAddress.objects.filter(user=person), "email", "verified", "primary")


def _factors(person: User) -> Iterable[Row]:
    """Returns the kind and the times of each second factor of the person. Secrets are not
    included.
    """
    factors = Authenticator.objects.filter(user=person).order_by("created_at")
    return read(factors, "type", "created_at", "last_used_at")


def _providers(person: User) -> Iterable[Row]:
    linked = SocialAccount.objects.filter(user=person).order_by("date_joined")
    return read(linked, "provider", "uid", "date_joined", "last_login")


def _sessions(person: User) -> Iterable[Row]:
    """Returns the device, the place and the times of each current session of the person."""
    living = living_sessions(person, None)
    return [(one.device, one.place, one.started_at, one.last_seen_at) for one in living]


def _sign_ins(person: User) -> Iterable[Row]:
    return read(SignIn.objects.of(person), "at", "outcome", "method", "device", "place")


TOKEN_COLUMNS = (
    "name", "prefix", "scopes", "per_payment", "per_day", "currency", "created_at", "expires_at",
    "last_used_at", "last_used_from", "revoked_at",
)  # fmt: skip


def _tokens(person: User) -> Iterable[Row]:
    return read(ApiToken.objects.of(person), *TOKEN_COLUMNS)


def _household(person: User) -> Iterable[Row]:
    return [(person.household.name,)] if person.household else []


def _groups(person: User) -> Iterable[Row]:
    return read(person.groups.order_by("name"), "name")


ABOUT_PEOPLE = (
    "users", "users_groups", "users_user_permissions", "account_emailaddress",
    "mfa_authenticator", "socialaccount_socialaccount", "api_tokens",
)  # fmt: skip


def _changes(person: User) -> Iterator[Row]:
    """Yields the history of the person and of the person's accounts. For changes by staff, the rows
    contain neither the reason nor the name of the member of staff, because both are only for staff.
    """
    accounts = [str(account.pk) for account in Account.objects.owned_by(person)]
    changes = Change.objects.filter(
        Q(table_name__in=ABOUT_PEOPLE, about=str(person.pk))
        | Q(table_name="accounts", about__in=accounts)
    )
    columns = ("changed_at", "table_name", "about", "action", "before", "after")
    with reading(RowScope.BANK):  # Row policies hide the history from customers.
        for *facts, by, path, address in read(
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
    is_of_a_page = path.startswith("/")  # otherwise the change was made with plain SQL
    return "the bank" if is_somebodys or not is_of_a_page else "somebody who was not signed in"


def _reads(person: User) -> Iterator[Row]:
    """Yields a row for each time that staff opened a page with the person's data. The row contains
    the time and the page, but not the name of the member of staff.
    """
    reads = Read.objects.filter(people__contains=[person.pk]).order_by("read_at", "id")
    with reading(RowScope.BANK):
        yield from read(reads, "read_at", "page")


ACCOUNT_COLUMNS = (
    "id", "number", *SETTINGS, "currency", "status", "balance", "held", "overdraft_limit",
    "transfer_limit", "daily_limit", "created_at", "closed_at",
)  # fmt: skip


def _accounts(person: User) -> Iterable[Row]:
    return read(Account.objects.owned_by(person), *ACCOUNT_COLUMNS)


def _status_changes(person: User) -> Iterable[Row]:
    changes = StatusChange.objects.filter(account__user=person).order_by("created_at")
    columns = ("account__number", "from_status", "to_status", "message", "created_at")
    return read(changes, *columns)


ENTRY_COLUMNS = (
    "transaction", "account", "booked", "value_date", "who", "description", "reference",
    "category", "amount", "balance", "currency", "metadata",
)  # fmt: skip


def _entries(person: User) -> Iterable[Row]:
    """Yields all entries of the person's accounts, oldest first within each account. Reads one
    account after the other, so that Postgres reads one index range per account.
    """
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
    return read(holds.order_by("created_at"), *columns)


def _messages(person: User) -> Iterable[Row]:
    """Returns the bank's messages to the person about payments. Reasons are not included, because
    they are only for staff.
    """
    messages = StaffReason.objects.filter(transaction__in=Transaction.objects.visible_to(person))
    messages = messages.exclude(message="").order_by("created_at")
    return read(messages, "transaction_id", "action", "message", "created_at")


def _saved_reports(person: User) -> Iterable[Row]:
    saved = SavedReport.objects.filter(owner=person).order_by("name")
    return read(saved, "name", "report", "parameters", "group__name")


SECTIONS = (
    DataSection("profile", ("id", "name", "email", "since", "last_sign_in"), _profile),
    DataSection("addresses", ("email", "confirmed", "primary"), _addresses),
    DataSection("second_factors", ("kind", "added", "last_used"), _factors),
    DataSection("connected_sign_ins", ("provider", "id", "connected", "last_used"), _providers),
    DataSection("sessions", ("device", "place", "started", "last_seen"), _sessions),
    DataSection("sign_ins", ("at", "outcome", "method", "device", "place"), _sign_ins),
    DataSection("access_tokens", TOKEN_COLUMNS, _tokens),
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
    DataSection("saved_reports", ("name", "report", "parameters", "shared_with"), _saved_reports),
    DataSection(
        "changes", ("at", "table", "id", "action", "before", "after", "by", "address"), _changes
    ),
    DataSection("reads_by_staff", ("at", "page"), _reads),
)
