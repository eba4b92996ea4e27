"""Who has most: ranks by balance."""

from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Min, QuerySet, Sum, Window
from django.db.models.functions import DenseRank, Ntile, PercentRank, Rank

from accounts.models import User
from transactions.reports.queries.frames import OverGroups
from transactions.reports.queries.holders import account_shown, found_by, masked, named
from transactions.scope import Scope

RANKS = ("rank", "dense_rank", "poorer", "quarter")


def accounts_by_balance(scope: Scope, *, currency: str) -> QuerySet[Any, Any]:
    """Accounts that are not closed, the fullest first, each with its place among them.

    `rank` leaves out places after a tie (1, 1, 3), `dense_rank` does not (1, 1, 2).
    `poorer` is the share of the others that have less (PERCENT_RANK from below, 0 to 1);
    `quarter` is 1 for the fullest fourth, equal in number to within one account (NTILE).
    """
    most_first = F("balance").desc()
    ranked: QuerySet[Any, Any] = (
        scope.all_accounts()
        .not_closed()
        .filter(currency=currency)
        .annotate(
            who=account_shown(scope),
            shown=found_by(scope),
            rank=Window(Rank(), order_by=most_first),
            dense_rank=Window(DenseRank(), order_by=most_first),
            poorer=Window(PercentRank(), order_by="balance"),
            quarter=Window(Ntile(4), order_by=[most_first, "number"]),
        )
        .order_by("rank", "number")
        .values("who", "shown", "balance", *RANKS)
    )
    return ranked


def users_by_balance(scope: Scope, *, currency: str) -> QuerySet[Any, Any]:
    """People by what they have in one currency over all accounts that are not closed.

    Ranks as of `accounts_by_balance`, here over the groups of a GROUP BY. Read it with the
    scope of the bank: for one person alone it has one row.
    """
    people = User.objects.filter(
        accounts__currency=currency, accounts__status__in=["active", "frozen"]
    )
    if not scope.is_bank:
        people = people.filter(pk=scope.reader.pk)
    most_first = F("balance").desc()
    ranked: QuerySet[Any, Any] = (
        people.annotate(
            balance=Sum("accounts__balance"),
            accounts_count=Count("accounts"),
            first=Min("accounts__number"),
            who=named("") if scope.shows_names else masked(Min("accounts__number")),
            shown=ArrayAgg(found_by(scope, "accounts__"), order_by="accounts__number"),
            rank=OverGroups(Rank(), order_by=most_first),
            dense_rank=OverGroups(DenseRank(), order_by=most_first),
            poorer=OverGroups(PercentRank(), order_by="balance"),
            quarter=OverGroups(Ntile(4), order_by=[most_first, "first"]),
        )
        .order_by("rank", "first")
        .values("who", "shown", "accounts_count", "balance", *RANKS)
    )
    return ranked
