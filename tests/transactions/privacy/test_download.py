"""A person downloads what the bank stores about them: all of it, and nothing of others."""

import base64
import csv
import io
import json
import tracemalloc
import zipfile
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client

from accounts.groups import OPERATIONS
from accounts.models import Account, Household, Read, User
from accounts.services import change_account
from banking.attachments.models import Attachment
from ledger.db.history import facts
from tests.banking.attachments.files import attached
from tests.conftest import colleague
from tests.factories import PASSWORD, AccountFactory, UserFactory
from tests.sign_in import let_pass, prove
from transactions import services
from transactions.annotations.services import annotate
from transactions.privacy.downloads import as_json
from transactions.privacy.personal_data import all_sections

pytestmark = pytest.mark.django_db
SECTIONS = """
    profile addresses second_factors connected_sign_ins sessions sign_ins access_tokens household
    groups accounts status_changes entries holds messages_of_the_bank saved_reports changes
    reads_by_staff notes own_categories budgets category_rules payees alert_choices alerts
    alert_times attachments webhooks outside_accounts outside_imports outside_entries payment_files
    payment_lines standing_orders standing_order_days monthly_statements saved_queries queries
""".split()


@pytest.fixture
def ana() -> Account:
    account: Account = AccountFactory(
        user=UserFactory(name="Ana Ferreira", password=PASSWORD), balance="100"
    )
    friend = AccountFactory(user=UserFactory(name="Ben Okafor"), name="Secret savings")
    paid = services.transfer(
        from_account=account, to_account=friend, amount=Decimal(10), description="x;=1+1"
    )
    services.deposit(to_account=friend, amount=Decimal(77), description="Inheritance")
    annotate(transaction=paid, owner=account.user, text="Lunch", tags=["food"])
    attached(paid, account.user)
    attached(paid, friend.user, "secret.jpg")
    services.hold(from_account=account, amount=Decimal(5), description="Hotel")
    return account


@pytest.fixture
def signed_in(client: Client, ana: Account) -> Client:
    return sign_in(client, ana.user)


def sign_in(client: Client, person: User) -> Client:
    cache.clear()
    person.refresh_from_db()
    client.force_login(person)
    prove(client, person)
    return client


def download(client: Client, kind: str) -> bytes:
    response: Any = client.post("/account/data/", {"format": kind})
    assert response.status_code == 200
    assert response.streaming
    assert response["Content-Disposition"].endswith(f'.{kind}"')
    assert "no-store" in response["Cache-Control"] or "private" in response["Cache-Control"]
    return bytes(response.getvalue())


def test_each_app_adds_its_sections_in_the_order_of_the_installed_apps() -> None:
    assert [section.name for section in all_sections()] == SECTIONS


def test_the_json_has_every_section_with_ones_own_rows(signed_in: Client, ana: Account) -> None:
    found = json.loads(download(signed_in, "json"))
    assert [*found] == [section.name for section in all_sections()]
    assert found["profile"][0]["email"] == ana.user.email
    assert [row["number"] for row in found["accounts"]] == [ana.number]
    paid = found["entries"][-1]
    assert (paid["who"], paid["amount"], paid["balance"]) == ("Ben Okafor", "-10.0000", "90.0000")
    assert found["notes"][0]["tags"] == ["food"]
    assert found["holds"][0]["description"] == "Hotel"
    assert len(found["sessions"]) == 1


def test_the_zip_has_a_csv_file_a_section_without_formulas(signed_in: Client) -> None:
    archive = zipfile.ZipFile(io.BytesIO(download(signed_in, "zip")))
    assert archive.testzip() is None
    names = archive.namelist()
    assert [name for name in names if "/" not in name] == [
        f"{section.name}.csv" for section in all_sections()
    ]
    entries = list(csv.DictReader(io.StringIO(archive.read("entries.csv").decode())))
    assert [row["amount"] for row in entries] == ["100.0000", "-10.0000"]
    assert entries[-1]["description"] == "x;'=1+1"


def test_attached_files_are_in_it(signed_in: Client, ana: Account) -> None:
    mine = Attachment.objects.get(owner=ana.user)
    (row,) = json.loads(download(signed_in, "json"))["attachments"]
    assert (row["name"], row["bytes"]) == ("lunch.jpg", mine.size)
    assert base64.b64decode(row["file"]) == mine.content
    archive = zipfile.ZipFile(io.BytesIO(download(signed_in, "zip")))
    (row,) = csv.DictReader(io.StringIO(archive.read("attachments.csv").decode()))
    assert row["file"] == f"attachments/{mine.pk}/lunch.jpg"
    assert archive.read(row["file"]) == mine.content
    assert "secret" not in str(archive.namelist())


def a_clerk_was_here(ana: Account) -> User:
    """Staff changed Ana's name and limits, put her into a household and a group, and read."""
    clerk = colleague(OPERATIONS, "Cleo Clerk")
    person = ana.user
    with facts.with_facts(lambda: {"person": str(clerk.pk), "address": "203.0.113.9"}):
        facts.set_reason("Suspected of fraud")
        person.name, person.household = "Ana F.", Household.objects.create(name="Rua Verde 5")
        person.save()
        person.groups.add(Group.objects.get(name="analysts"))
        change_account(account=ana, daily_limit=Decimal(500), changed_by=clerk)
    with facts.with_facts(lambda: {"path": "/account/password/reset/"}):
        person.set_password(None)
        person.save()
    with facts.with_facts(lambda: {"person": str(person.pk), "address": "198.51.100.7"}):
        person.name = "Ana"
        person.save()
    for people in ([person.pk], [UserFactory().pk]):
        Read.objects.create(
            reader=clerk, page="admin:accounts_user_change", path=f"/admin/{clerk.pk}/",
            query="q=secret", address="203.0.113.9", people=people,
        )  # fmt: skip
    return clerk


def test_it_says_what_was_changed_and_when_staff_read_without_naming_them(
    client: Client, ana: Account
) -> None:
    clerk = a_clerk_was_here(ana)
    text = download(sign_in(client, ana.user), "json")
    found = json.loads(text)
    assert found["household"] == [{"name": "Rua Verde 5"}]
    assert found["groups"] == [{"name": "analysts"}]
    assert [row["page"] for row in found["reads_by_staff"]] == ["admin:accounts_user_change"]
    by_staff, by_ana = (row for row in found["changes"] if "name" in (row["before"] or {}))
    assert (by_staff["after"]["name"], by_staff["by"], by_staff["address"]) == (
        "Ana F.", "the bank", "",
    )  # fmt: skip
    assert (by_ana["after"], by_ana["by"], by_ana["address"]) == (
        {"name": "Ana"}, "you", "198.51.100.7",
    )  # fmt: skip
    (removed,) = (row for row in found["changes"] if "password" in (row["after"] or {}))
    assert (removed["after"], removed["by"]) == (
        {"password": "removed"}, "somebody who was not signed in",
    )  # fmt: skip
    assert any((row["after"] or {}).get("daily_limit") == "500.0000" for row in found["changes"])
    for fact in (clerk.name, clerk.email, str(clerk.pk), "203.0.113.9", "Suspected", "secret"):
        assert fact.encode() not in text, fact


def test_changes_and_reads_are_in_the_zip_too(client: Client, ana: Account) -> None:
    a_clerk_was_here(ana)
    archive = zipfile.ZipFile(io.BytesIO(download(sign_in(client, ana.user), "zip")))
    changes = list(csv.DictReader(io.StringIO(archive.read("changes.csv").decode())))
    assert {"users", "users_groups", "accounts"} <= {row["table"] for row in changes}
    assert {row["id"] for row in changes} == {str(ana.pk), str(ana.user_id)}
    assert json.loads(changes[-1]["after"]) == {"name": "Ana"}
    reads = list(csv.DictReader(io.StringIO(archive.read("reads_by_staff.csv").decode())))
    assert len(reads) == 1


@pytest.mark.parametrize("kind", ["json", "zip"])
def test_nothing_of_others_is_in_it_but_their_name(
    kind: str, signed_in: Client, ana: Account
) -> None:
    friend = Account.objects.exclude(user=ana.user).get()
    text = download(signed_in, kind)
    if kind == "zip":
        archive = zipfile.ZipFile(io.BytesIO(text))
        text = b"".join(archive.read(name) for name in archive.namelist())
    assert b"Ben Okafor" in text
    for fact in (friend.user.email, friend.number, friend.name, "Inheritance", str(friend.pk)):
        assert fact.encode() not in text, fact


def test_it_needs_a_fresh_step_up(client: Client, ana: Account) -> None:
    client.force_login(ana.user)
    let_pass(client, minutes=6)
    for response in (client.get("/account/data/"), client.post("/account/data/")):
        assert response.status_code == 302
        assert "reauthenticate" in response["Location"]


def test_the_seventh_download_within_an_hour_is_refused(signed_in: Client) -> None:
    for _ in range(6):
        download(signed_in, "json")
    response = signed_in.post("/account/data/", {"format": "json"})
    assert response.status_code == 429
    assert "Try again" in response.content.decode()


@pytest.mark.own_session  # behind a pooler all rows come at once: docs/databases.md
def test_memory_does_not_grow_with_the_rows(ana: Account) -> None:
    person = User.objects.get(pk=ana.user_id)
    used = [_peak(person)]
    drafts = [services.Draft(to_account=ana.pk, amount=Decimal(1)) for _ in range(20_000)]
    services.post_batch(drafts)
    used.append(_peak(person))
    assert used[1] < 24 * 1024 * 1024 + used[0]


def _peak(person: User) -> int:
    """The most bytes of Python's memory that a download has needed at once."""
    tracemalloc.start()
    for _chunk in as_json(person):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
