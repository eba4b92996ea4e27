"""Accounts and customers ranked by balance."""

from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Min, QuerySet, Sum, Window
from django.db.models.functions import DenseRank, Ntile, PercentRank, Rank

from accounts.models import User
from transactions.reports.queries.frames import OverGroups
from transactions.reports.queries.holders import (
    account_key,
    account_label_sql,
    masked_number,
    named,
)
from transactions.scope import Scope

RANKS = ("rank", "dense_rank", "percent_rank", "quartile")


def accounts_by_balance(scope: Scope, *, currency: str) -> QuerySet[Any, Any]:
    """Returns accounts that are not closed, highest balance first, with their ranks.

    `rank` leaves gaps after ties (1, 1, 3), `dense_rank` does not (1, 1, 2). `percent_rank` is the
    share of the other accounts with a lower balance, from 0 to 1. `quartile` is 1 for the quarter
    of the accounts with the highest balances (NTILE).
    """
    most_first = F("balance").desc()
    ranked: QuerySet[Any, Any] = (
        scope.all_accounts()
        .not_closed()
        .filter(currency=currency)
        .annotate(
            who=account_label_sql(scope),
            account_key=account_key(scope),
            rank=Window(Rank(), order_by=most_first),
            dense_rank=Window(DenseRank(), order_by=most_first),
            percent_rank=Window(PercentRank(), order_by="balance"),
            quartile=Window(Ntile(4), order_by=[most_first, "number"]),
        )
        .order_by("rank", "number")
        .values("who", "account_key", "balance", *RANKS)
    )
    return ranked


def users_by_balance(scope: Scope, *, currency: str) -> QuerySet[Any, Any]:
    """Returns customers by their total balance in one currency over all accounts that are not
    closed.

    Ranks are as in `accounts_by_balance`, computed over the groups of a GROUP BY. It is intended
    for the whole bank; for one customer it returns one row.
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
            who=named("") if scope.shows_names else masked_number(Min("accounts__number")),
            account_key=ArrayAgg(account_key(scope, "accounts__"), order_by="accounts__number"),
            rank=OverGroups(Rank(), order_by=most_first),
            dense_rank=OverGroups(DenseRank(), order_by=most_first),
            percent_rank=OverGroups(PercentRank(), order_by="balance"),
            quartile=OverGroups(Ntile(4), order_by=[most_first, "first"]),
        )
        .order_by("rank", "first")
        .values("who", "account_key", "accounts_count", "balance", *RANKS)
    )
    return ranked
