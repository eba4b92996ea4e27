"""`seed_demo`: what it says, refuses and finishes, and that it touches nothing else."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.core.management import CommandError
from django.db.models import Max
from django.utils import timezone

from accounts.models import Account, User
from ledger.db.models import JobRecord
from ledger.jobs.schedule import JOBS
from ledger.jobs.worker import Worker
from tests.factories import PASSWORD, AccountFactory, UserFactory
from tests.transactions.demo.bank import DAY, NOON, run
from transactions.audit import sealing
from transactions.audit.audit import audit
from transactions.demo import seeding, sign_ins
from transactions.demo.seeding import SeedingCounts, SeedingError
from transactions.demo.world import World
from transactions.models import Seal, Transaction
from transactions.posting.drafts import Draft


def test_a_run_that_was_interrupted_before_the_release_makes_up_for_it(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"users": 14, "months": 1, "seed": 7, "now": NOON}
    with monkeypatch.context() as patch:
        patch.setattr(seeding, "_release_holds", lambda _users: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            seeding.seed(**options)
    assert not Transaction.objects.filter(status="voided").exists()
    seeding.seed(**options)
    assert Transaction.objects.get(status="voided").reasons.count() == 1
    assert audit().clean


def test_a_bank_with_sealed_days_is_left_as_it_is(db: None) -> None:
    """Its past days would refuse the demo's payments, after people were made."""
    AccountFactory(balance=1)
    assert sealing.seal(until=NOON.date())
    before = User.objects.count()
    with pytest.raises(SeedingError, match="sealed"):
        seeding.seed(users=14, months=1, seed=7, now=NOON)
    assert User.objects.count() == before


def test_a_seal_made_meanwhile_leaves_the_bank_as_it_was(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    AccountFactory(balance=1)
    before = User.objects.count()
    monkeypatch.setattr(
        seeding, "_refuse_strangers", lambda _people: sealing.seal(until=NOON.date())
    )
    with pytest.raises(SeedingError, match="sealed"):
        seeding.seed(users=14, months=1, seed=7, now=NOON)
    assert User.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_a_worker_seals_no_day_before_the_demo_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "BATCH", 200)
    jobs = [job for job in JOBS if job.name in ("audit_ledger", "seal_ledger")]
    done = []

    def work(_booked: int) -> None:
        JobRecord.objects.all().delete()  # all are due
        worker = Worker(report=lambda _line: None, out=StringIO(), err=StringIO(), jobs=jobs)
        done.append(worker.run_once())

    made = seeding.seed(users=14, months=1, seed=7, now=NOON, progress=work)
    assert Transaction.objects.count() == made.transactions
    assert not Seal.objects.exists()

    work(made.transactions)
    assert (any(done[:-1]), done[-1]) == (False, True)
    assert Seal.objects.get().row_count == made.transactions


def test_the_latest_transaction_of_a_real_run_is_today(db: None) -> None:
    run()
    latest = Transaction.objects.aggregate(latest=Max("created_at"))["latest"]
    assert latest <= timezone.now()
    # The day may have turned since.
    assert timezone.localdate() - timezone.localdate(latest) <= timedelta(days=1)


def test_a_refusal_is_a_bug_and_stops_the_command(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drafts(world: World) -> Iterator[Draft]:
        yield Draft(from_account=world.people[0].everyday.id, amount=Decimal(1))

    monkeypatch.setattr(World, "drafts", drafts)
    with pytest.raises(CommandError, match="a bug: Everyday has"):
        run()


def test_debug_off_refuses_unless_forced(db: None, settings: Any) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG is off"):
        run(force=False)
    assert not User.objects.exists()
    settings.DEBUG = True
    assert "Made 19 people" in run(force=False)


def test_the_end_says_what_was_made_and_how_to_sign_in(db: None) -> None:
    said = run()
    assert f"{Transaction.objects.count():,} transactions" in said
    assert "ana@example.com (customer), analyst@example.com" in said
    assert "ledger-demo" in said


@pytest.mark.parametrize("again", [{}, {"seed": 2}, {"users": 20}])
def test_a_second_run_adds_nothing_and_says_so(db: None, again: dict[str, int]) -> None:
    run()
    before = (User.objects.count(), Account.objects.count(), Transaction.objects.count())
    assert "nothing was added" in run(**again)
    assert before == (User.objects.count(), Account.objects.count(), Transaction.objects.count())


def test_a_run_on_a_later_day_adds_nothing(demo: SeedingCounts) -> None:
    later = seeding.seed(users=24, months=2, seed=7, now=NOON + timedelta(days=9))
    assert later == SeedingCounts()
    assert Transaction.objects.count() == demo.transactions


def test_an_interrupted_run_is_finished_by_the_same_call(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"users": 14, "months": 1, "seed": 7, "now": NOON}
    monkeypatch.setattr(seeding, "BATCH", 200)

    def stop(booked: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seeding.seed(**options, progress=stop)
    assert 0 < Transaction.objects.count() <= 200  # a refund begins another batch
    assert seeding.is_interrupted()
    made = seeding.seed(**options)
    assert not seeding.is_interrupted()
    assert Transaction.objects.count() == made.transactions > 200
    assert audit().clean
    assert authenticate(None, username="ana@example.com", password=PASSWORD) is not None


def test_a_run_that_was_interrupted_at_its_end_adds_nothing_twice(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows() -> dict[str, int]:
        models = [model for model in apps.get_models() if model._meta.managed]
        return {model._meta.label: model._base_manager.count() for model in models}

    options: dict[str, Any] = {"users": 14, "months": 1, "seed": 7, "now": NOON}
    with monkeypatch.context() as patch:
        patch.setattr(seeding, "_give_roles_and_passwords", lambda _users: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            seeding.seed(**options)
    before = rows()
    monkeypatch.setattr(seeding, "_give_roles_and_passwords", lambda _users: None)
    seeding.seed(**options)
    assert rows() == before


def test_an_interrupted_run_is_not_mixed_with_another(db: None) -> None:
    options: dict[str, Any] = {"users": 14, "months": 1, "seed": 7}

    def stop(booked: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seeding.seed(**options, now=NOON, progress=stop)
    with pytest.raises(SeedingError, match="was interrupted"):
        seeding.seed(**options, now=NOON + timedelta(days=1))


def test_other_people_in_the_database_are_not_touched(db: None) -> None:
    account = AccountFactory(balance=100)
    before = User.objects.values().get()
    run()
    account.refresh_from_db()
    assert account.balance == 100
    assert User.objects.values().get(pk=account.user_id) == before
    assert account.entries.count() == 1


def test_somebody_else_with_a_demo_address_keeps_it_and_the_demo_is_refused(db: None) -> None:
    UserFactory(email="jonas.weber@example.com", name="The other Jonas")
    with pytest.raises(CommandError, match=r"has the address jonas\.weber"):
        run()
    assert User.objects.count() == 1
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"users": 2}, "--users is 3 or more"),
        ({"months": 0}, "--months is between 1 and 120; 0 is not"),
        ({"months": 121}, "--months is between 1 and 120; 121 is not"),
        ({"seed": -1}, "--seed is zero or more; -1 is not"),
        ({"today": date(2999, 1, 1)}, "2999-01-01 is in the future"),
    ],
)
def test_a_wrong_option_is_one_clear_sentence(
    db: None, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence) as refusal:
        run(**options)
    assert "\n" not in str(refusal.value)
    assert not User.objects.exists()


def test_a_past_day_gives_the_whole_of_it(db: None) -> None:
    run(today=DAY)
    latest = Transaction.objects.aggregate(latest=Max("created_at"))["latest"]
    assert timezone.localdate(latest) == DAY
    assert timezone.localtime(latest).hour >= 20


def test_the_password_is_hashed_once_for_the_bank_and_its_practice_bank(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    users: dict[str, User] = {
        email: UserFactory.create(email=email) for email in sign_ins.SIGN_INS.values()
    }
    hashed: list[str] = []

    def hash_of(password: str) -> str:
        hashed.append(password)
        return make_password(password)

    monkeypatch.setattr(seeding, "make_password", hash_of)
    seeding._demo_password.cache_clear()
    for _ in range(2):
        seeding._give_roles_and_passwords(users)

    assert hashed == [sign_ins.PASSWORD]
    for user in users.values():
        user.refresh_from_db()
        assert user.check_password(sign_ins.PASSWORD)
