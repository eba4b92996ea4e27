"""Ranks accounts and customers by their balance."""

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
    """Returns a queryset of the accounts that are not closed, with their ranks. The highest balance
    comes first.

    `rank` has gaps after equal balances (1, 1, 3), and `dense_rank` has no gaps (1, 1, 2).
    `percent_rank` is the fraction of the other accounts that have a lower balance, from 0 to 1.
    `quartile` is 1 for the quarter of the accounts with the highest balances (NTILE).
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
    """Returns a queryset of customers with their total balance in one currency, over all accounts
    that are not closed. The highest balance comes first.

    The ranks have the same meaning as in `accounts_by_balance`, and are computed over the groups of
    a GROUP BY. The scope is normally the whole bank. For one customer, the queryset has one row.
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
