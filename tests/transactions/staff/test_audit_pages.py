"""The audit's page in the admin: staff run it, analysts look, and both read it in words."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.groups import ANALYSTS
from accounts.models import Account, User
from tests.factories import AccountFactory, UserFactory
from tests.pages import lacks, markup_of, text_of, texts_of
from tests.transactions.audit.sealed_books import as_owner, day, march
from transactions import services
from transactions.audit import runs
from transactions.audit.audit import AuditRunning, AuditTooLong
from transactions.audit.checks.recorded import CHECKS_OF_TABLES
from transactions.audit.checks.register import SENTENCES
from transactions.audit.runs import run_audit
from transactions.audit.sealing import midnight, seal
from transactions.models import AuditRun, Seal, Transaction
from transactions.staff import audit

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:transactions_auditrun_changelist")
RUN = reverse("admin:transactions_auditrun_run")
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="10", user=UserFactory(name="Ana Ferreira"))
    return account


@pytest.fixture
def analyst() -> Client:
    person = UserFactory(is_staff=True)
    person.groups.add(Group.objects.get(name=ANALYSTS))
    client = Client()
    client.force_login(person)
    return client


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_before_the_first_audit_the_page_says_so_and_offers_one(staff: Client) -> None:
    response = staff.get(PAGE)
    page = response.content.decode()
    assert response.context["run"] is None
    assert "have not been audited yet" in page
    assert "Run the audit" in page
    assert "Nothing is sealed yet." in page


def test_staff_run_it_and_read_the_result(staff: Client, clerk: User, account: Account) -> None:
    answer = staff.post(RUN, {"scope": "all"})
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert said(answer) == ["The audit found no problems."]
    run = AuditRun.objects.get()
    assert (run.run_by, run.since, run.transactions) == (clerk, None, 1)
    page = text_of(staff.get(PAGE))
    assert "The books are clean." in page
    assert "Clerk" in page


def test_a_finding_is_said_in_words_and_links_to_account_and_transaction(
    staff: Client, account: Account
) -> None:
    row = services.deposit(to_account=account, amount=Decimal(3), description="Rent for May")
    as_owner("UPDATE transactions SET amount = 4 WHERE id = %s", row.pk)
    answer = staff.post(RUN, {"scope": "all"})
    (told,) = get_messages(answer.wsgi_request)
    assert told.level_tag == "error"
    response = staff.get(PAGE)
    page = markup_of(response)
    (verdict,) = texts_of(response, "audit__result--broken")
    assert "2 problems" in verdict
    assert audit.HEADLINES["chain"] in page
    assert reverse("admin:accounts_account_change", args=[account.pk]) in page
    assert reverse("admin:transactions_transaction_change", args=[row.pk]) in page
    assert "Ana Ferreira" in page
    assert "Rent for May" in page


def test_every_check_has_words() -> None:
    kinds = {check.__name__.removesuffix("s") for check in audit_runs_checks()}
    named = {"balance", "capture", "chain", "orphan", "release", "reversal", "rule", "seal"}
    assert named <= kinds
    others = {*SENTENCES, "early removal", "missing value", "unreadable"}
    others |= {"held", "time", "currency", "status", "threshold", "approval", "unreleased"}
    assert named | others | {*CHECKS_OF_TABLES.values()} == set(audit.HEADLINES)


def audit_runs_checks() -> Any:
    from transactions.audit.audit import CHECKS

    return CHECKS


def test_a_row_that_is_no_longer_there_is_named_all_the_same(staff: Client) -> None:
    account = AccountFactory()
    rows = [services.deposit(to_account=account, amount=Decimal(3)) for _ in range(2)]
    as_owner("UPDATE transactions SET amount = 4 WHERE id = %s", rows[1].pk)
    run_audit()
    as_owner("DELETE FROM transactions WHERE id = %s", rows[1].pk)
    assert f"{rows[1].pk}, no longer" in staff.get(PAGE).content.decode()


def test_analysts_may_look_and_not_run(analyst: Client, account: Account) -> None:
    run_audit()
    page = analyst.get(PAGE)
    assert page.status_code == 200
    assert "The books are clean." in text_of(page)
    assert "Run the audit" not in page.content.decode()
    assert analyst.post(RUN, {"scope": "all"}).status_code == 403
    assert AuditRun.objects.count() == 1


def test_nobody_else_sees_it(client: Client, account: Account) -> None:
    client.force_login(UserFactory(is_staff=True))
    for answer in (client.get(PAGE), client.post(RUN, {"scope": "all"})):
        assert answer.status_code == 403
    client.force_login(account.user)
    assert client.get(PAGE, follow=True).status_code == 403
    assert not AuditRun.objects.exists()


def test_looking_runs_nothing(staff: Client) -> None:
    assert staff.get(RUN)["Location"] == PAGE
    assert not AuditRun.objects.exists()


@pytest.mark.parametrize("path", ["add/", "{}/delete/"])
def test_a_run_is_neither_added_nor_deleted_by_hand(path: str, root: Client) -> None:
    run, _ = run_audit()
    assert root.post(PAGE + path.format(run.pk), {"post": "yes"}).status_code == 403
    assert AuditRun.objects.count() == 1


def test_an_earlier_run_is_shown_when_it_is_asked_for(staff: Client, account: Account) -> None:
    first, _ = run_audit()
    as_owner("UPDATE accounts SET balance = 11 WHERE id = %s", account.pk, table="accounts")
    run_audit()
    assert "found 2 problems" in staff.get(PAGE).content.decode()
    answer = staff.get(f"{PAGE}{first.pk}/change/", follow=True)
    assert "The books are clean." in text_of(answer)
    for odd in ("nonsense", "00000000-0000-7000-8000-000000000000"):
        assert "found 2 problems" in staff.get(PAGE, {"run": odd}).content.decode()


# Bounded


def test_large_books_are_not_checked_whole_while_somebody_waits(
    staff: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.deposit(to_account=account, amount=Decimal(1))
    monkeypatch.setattr(runs, "MAX_ROWS_ON_A_PAGE", 1)
    page = staff.get(PAGE)
    assert not page.context["form"].may_check_all
    assert "manage.py audit_ledger" in texts_of(page, "quiet")[0]
    (told,) = get_messages(staff.post(RUN, {"scope": "all"}).wsgi_request)
    assert told.level_tag == "error"
    assert not AuditRun.objects.exists()
    staff.post(RUN, {"scope": "7"})
    run = AuditRun.objects.get()
    assert run.since is not None
    assert (run.started_at - run.since).days == 7
    (verdict,) = texts_of(staff.get(PAGE), "audit__result")
    since = f"{timezone.localtime(run.since):%-d %B %Y}"
    assert not lacks(verdict, "found no problems", f"since {since}")
    assert "The books are clean" not in verdict


@pytest.mark.parametrize("refusal", [AuditRunning("One runs."), AuditTooLong("Too long.")])
def test_a_run_that_cannot_be_is_said_in_words(
    refusal: Exception, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def refuse(**facts: Any) -> None:
        asked.update(facts)
        raise refusal

    monkeypatch.setattr(audit, "run_audit", refuse)
    assert said(staff.post(RUN, {"scope": "all"})) == [str(refusal)]
    assert asked["seconds"] == runs.PAGE_SECONDS


# Seals


def test_seals_are_listed_with_their_digests(staff: Client) -> None:
    march()
    seal(until=day(3))
    seal(until=day(4))
    seal(until=day(6))
    page = staff.get(PAGE).content.decode()
    for made in Seal.objects.all():
        assert made.hex_digest in page
    for period in ("Everything up to 2 March 2026", "2. 3 March 2026<",
                   "4 March 2026 to 5 March 2026"):  # fmt: skip
        assert period in page
    assert "40.00" in page


def test_many_seals_come_a_page_at_a_time(
    staff: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(audit, "SEALS_SHOWN", 3)
    AccountFactory(balance=1)
    for number in range(2, 7):
        seal(until=day(number))
    with django_assert_max_num_queries(14):  # one of them logs the read
        page = staff.get(PAGE).content.decode()
    assert "?before=3#seals" in page
    older = staff.get(PAGE, {"before": "3"}).content.decode()
    assert Seal.objects.get(number=2).hex_digest in older
    assert "Older seals" not in older
    for odd in ("x", "-1", "9" * 30, "²"):
        assert staff.get(PAGE, {"before": odd}).status_code == 200


def test_what_people_wrote_comes_out_escaped(staff: Client) -> None:
    account = AccountFactory(user=UserFactory(name=SCRIPT), name=SCRIPT)
    row = services.deposit(to_account=account, amount=Decimal(5), description=SCRIPT)
    as_owner("UPDATE transactions SET amount = 4 WHERE id = %s", row.pk)
    seal(until=day(3), sealed_by=UserFactory(name=SCRIPT))
    run_audit(run_by=UserFactory(name=SCRIPT), since=midnight(day(1)))
    assert AuditRun.objects.get().findings
    assert SCRIPT not in staff.get(PAGE).content.decode()
    assert Transaction.objects.exists()
