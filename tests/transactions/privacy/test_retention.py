"""Records of use are deleted once their keeping time is over."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db.transaction import atomic
from django.test import Client
from django.utils import timezone

from accounts.models import (
    Account,
    ApiToken,
    AttemptCount,
    Read,
    RowRemoval,
    SignIn,
)
from accounts.sign_in.tokens import revoke
from tests.accounts.tokens import expire, issue
from tests.factories import UserFactory
from transactions.annotations.models import Annotation
from transactions.audit.checks.register import register
from transactions.models import NamesAsked
from transactions.privacy.retention import apply_retention

pytestmark = pytest.mark.django_db


def test_tokens_go_after_their_end_and_those_that_work_stay(ana: Account) -> None:
    over, revoked, lasting = (
        issue(ana.user, expires_at=timezone.now() + timedelta(days=900)).row for _ in range(3)
    )
    expire(over)
    revoke(token=revoked, by=ana.user)
    now = timezone.now()
    assert apply_retention(now + timedelta(days=179))["access tokens"] == 0
    assert apply_retention(now + timedelta(days=181))["access tokens"] == 2
    assert ApiToken.objects.get() == lasting
    removal = RowRemoval.objects.get(table_name="api_tokens")
    assert {*removal.row_ids} == {str(over.pk), str(revoked.pk)}
    assert list(register()) == []


def test_sign_ins_and_dead_sessions_go_after_their_time(client: Client, ana: Account) -> None:
    client.force_login(ana.user)
    for outcome in ("ok", "refused", "ok"):
        SignIn.objects.create(user=ana.user, outcome=outcome, device="", place="")
    latest = SignIn.objects.of(ana.user).first()
    now = timezone.now()
    fresh = apply_retention(now)
    assert (fresh["sign-ins"], fresh["sessions that are over"]) == (0, 0)
    gone = apply_retention(now + timedelta(days=181))
    assert gone["sign-ins"] == 2
    assert SignIn.objects.get(user=ana.user) == latest  # so that the next one is not the first
    assert gone["sessions that are over"] == 1
    assert Annotation.objects.count() == 0
    call_command("apply_retention")


def test_the_log_of_reads_goes_after_its_time_and_stays_closed_to_changes(ana: Account) -> None:
    clerk = UserFactory(is_staff=True)
    Read.objects.create(reader=clerk, page="-", path="/", address="", people=[ana.user_id])
    now = timezone.now()
    assert apply_retention(now)["reads of others' data"] == 0
    assert apply_retention(now + timedelta(days=1096))["reads of others' data"] == 1
    kept = Read.objects.create(reader=clerk, page="-", path="/", address="", people=[])
    with pytest.raises(IntegrityError), atomic():
        kept.delete()


def test_counts_of_compared_names_go_after_a_week(ana: Account) -> None:
    now = timezone.now()
    today = timezone.localdate(now)
    for days in (0, 7, 8):
        NamesAsked.objects.create(user=ana.user, day=today - timedelta(days=days), count=1)

    assert apply_retention(now)["counts of compared names"] == 1
    days_kept = {today - it for it in NamesAsked.objects.values_list("day", flat=True)}
    assert days_kept == {timedelta(days=0), timedelta(days=7)}


def test_counters_and_cached_values_go_when_they_are_over() -> None:
    AttemptCount.objects.count_up([("over", 1), ("living", 3600)])
    AttemptCount.objects.filter(pk="over").update(window_ends=timezone.now() - timedelta(hours=1))
    cache.set("over", 1, timeout=-1)
    cache.set("living", 1, timeout=3600)
    apply_retention()
    assert list(AttemptCount.objects.values_list("pk", flat=True)) == ["living"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key FROM cache WHERE cache_key LIKE '%over'")
        assert cursor.fetchall() == []
    assert cache.get("living") == 1
