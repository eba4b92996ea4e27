"""The data of the home page."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.models import Account, User
from ledger.text.dates import start_of_day
from ledger.text.money import money
from transactions.annotations.categories import read_own_categories
from transactions.availability import Holds, pending_of
from transactions.models import Entry

LATEST = 12
SPARK_DAYS = 30


@dataclass(frozen=True, slots=True)
class NetWorth:
    """A person's money in one currency, summed over all open accounts.

    Frozen accounts cannot send money, so `available` does not include their money. `frozen` is the
    balance of frozen accounts minus their held amounts, without overdraft limits. `held` is the sum
    of the held amounts of all accounts.
    """

    currency: str
    available: Decimal
    balance: Decimal
    held: Decimal
    frozen: Decimal


@dataclass(slots=True)
class Home:
    """The data of the home page. `worth` has one item for each currency. The first item is the
    currency in which the person has the most accounts.
    """

    accounts: list[Account]
    worth: list[NetWorth]
    latest: list[Entry]
    pending: Holds
    trends: dict[UUID, list[Decimal]] = field(default_factory=dict)

    @property
    def has_several_currencies(self) -> bool:
        """Whether the person has accounts in several currencies. The page then shows the currency
        of each amount.
        """
        return len(self.worth) > 1

    @property
    def other_money(self) -> str:
        """A text about the money that is held, frozen or owed, or "" if there is no such money."""
        return " ".join(_other_money(self.worth))


def home_of(user: User) -> Home:
    """Returns the data of the home page. Sends one more query than usual if there are more than
    MAX_PENDING holds.
    """
    accounts = list(Account.objects.owned_by(user).not_closed())
    latest = latest_entries(user, accounts)
    return Home(
        accounts=accounts,
        worth=worth_of(accounts),
        latest=latest,
        pending=pending_of(accounts),
        trends=daily_balances(accounts, timezone.localdate()),
    )


def latest_entries(user: User, accounts: Sequence[Account]) -> list[Entry]:
    """Returns the newest entries of these accounts, with the categories that the user has set."""
    entries = Entry.objects.latest_of(accounts, LATEST)
    read_own_categories(user, entries)
    return entries


def worth_of(accounts: Sequence[Account]) -> list[NetWorth]:
    """Returns the available, booked, held and frozen money in each currency. Sends no query."""
    by_currency: dict[str, list[Account]] = defaultdict(list)
    for account in accounts:
        by_currency[account.currency].append(account)
    return [
        NetWorth(
            currency,
            available=sum((a.available for a in group if a.is_active), Decimal(0)),
            frozen=sum((max(a.main_figure, Decimal(0)) for a in group if a.is_frozen), Decimal(0)),
            balance=sum((a.balance for a in group), Decimal(0)),
            held=sum((a.held for a in group), Decimal(0)),
        )
        for currency, group in sorted(by_currency.items(), key=lambda item: -len(item[1]))
    ]


def _other_money(worth: Sequence[NetWorth]) -> Iterator[str]:
    held = [money(each.held, each.currency) for each in worth if each.held]
    frozen = [money(each.frozen, each.currency) for each in worth if each.frozen]
    owed = [money(each.balance, each.currency) for each in worth if each.balance < 0]
    if held:
        yield f"Another {_listed(held)} on hold for pending payments."
    if frozen:
        yield f"{_listed(frozen)} on frozen accounts."
    if owed:
        use = "overdrafts are in use" if owed[1:] else "an overdraft is in use"
        yield f"{_listed(owed)} booked: {use}."


def _listed(amounts: Sequence[str]) -> str:
    """Returns the amounts and the verb as text, for example "10.00 USD is" or "10.00 USD and 7 JPY
    are".
    """
    *first, last = amounts
    return f"{', '.join(first)} and {last} are" if first else f"{last} is"


def daily_balances(
    accounts: Sequence[Account], today: date, days: int = SPARK_DAYS
) -> dict[UUID, list[Decimal]]:
    """Returns a dict from the id of each account to its balances at the end of the last `days`
    days, oldest first. The balance before the first entry is zero.

    The query looks up one stored balance per account and day (LATERAL). So its cost does not depend
    on the number of entries.
    """
    ends = [start_of_day(today - timedelta(days=back)) for back in range(days - 2, -2, -1)]
    trends: dict[UUID, list[Decimal]] = {account.pk: [] for account in accounts}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT mine.id, coalesce(last.balance, 0)
            FROM unnest(%s::uuid[]) AS mine (id)
            CROSS JOIN unnest(%s::timestamptz[]) AS day (ends)
            LEFT JOIN LATERAL (
                SELECT balance FROM entries
                WHERE account_id = mine.id AND status = 'completed' AND created_at < day.ends
                ORDER BY created_at DESC LIMIT 1
            ) AS last ON true
            ORDER BY mine.id, day.ends
            """,
            [list(trends), ends],
        )
        for account_id, balance in cursor.fetchall():
            trends[account_id].append(balance)
    return trends
