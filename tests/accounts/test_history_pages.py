"""The history in the admin: one page for all changes, and one for each object."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.admin import log_pages
from accounts.admin.forms import ReasonedForm
from accounts.groups import AUDITOR, OPERATIONS, PEOPLE_ADMIN, SUPPORT
from accounts.models import Account, Change, Currency, Household, Read, User
from ledger.db.history import facts
from tests.conftest import colleague, read_as, set_role, signed_in
from tests.factories import AccountFactory, UserFactory
from tests.pages import lacks, text_of, texts_of
from transactions.synonyms.models import Synonym

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:accounts_change_changelist")


@pytest.fixture
def auditor() -> Client:
    return signed_in(colleague(AUDITOR, "Ada Auditor"))


@pytest.fixture
def account() -> Account:
    return AccountFactory(user=UserFactory(name="Bea Customer"))


def change_of(account: Account, **data: Any) -> dict[str, Any]:
    fields = {"name": account.name, "overdraft_limit": "0", "transfer_limit": "", "daily_limit": ""}
    forms = {"status_changes-TOTAL_FORMS": "0", "status_changes-INITIAL_FORMS": "0"}
    return {**fields, **forms, **data}


def test_a_change_in_the_admin_says_who_when_from_where_why_before_and_after(
    manager: Client, boss: User, account: Account, auditor: Client
) -> None:
    page = reverse("admin:accounts_account_change", args=[account.pk])
    data = change_of(account, daily_limit="250", reason="Asked at the counter")
    manager.post(page, data, headers={"X-Forwarded-For": "203.0.113.9"})
    change = Change.objects.get(about=account.pk, action="update")
    assert (change.person, change.path, change.reason) == (boss, page, "Asked at the counter")
    assert change.address == "127.0.0.1", "a forged header is no address"
    assert change.request
    words = text_of(auditor.get(PAGE, {"about": str(account.pk), "action": "update"}))
    for word in ("Changed account", "no limit → 250.00 USD", "Asked at the counter", "by Boss"):
        assert word in words
    own = text_of(auditor.get(reverse("admin:accounts_account_history", args=[account.pk])))
    assert "no limit → 250.00 USD" in own


def test_an_overdraft_limit_of_zero_is_called_as_on_other_pages(
    manager: Client, account: Account
) -> None:
    page = reverse("admin:accounts_account_change", args=[account.pk])
    manager.post(page, change_of(account, overdraft_limit="20", reason="Asked at the counter"))

    history = text_of(manager.get(reverse("admin:accounts_account_history", args=[account.pk])))
    assert "0.00 USD → 20.00 USD" in history
    assert "Overdraft limit none" not in history


def test_each_form_of_staff_that_changes_a_row_asks_for_a_reason(root: Client) -> None:
    """Found by walking the admin, so that no new form is left out. Synonyms have no history."""
    request = RequestFactory().get("/")
    request.user = User.objects.get(email="root@example.com")
    forms = []
    for model, model_admin in admin.site._registry.items():
        if model is not Synonym and model_admin.has_change_permission(request):
            row = model._default_manager.first() or AccountFactory()
            forms += [(model, model_admin.get_form(request, change=False))]
            if isinstance(row, model):
                forms += [(model, model_admin.get_form(request, row, change=True))]
    assert {model for model, _ in forms} == {Account, Currency, Household, User}
    for model, form in forms:
        assert "reason" in form.base_fields, model
        assert issubclass(form, ReasonedForm)
    people: Any = admin.site.get_model_admin(User)
    assert "reason" in people.change_password_form.base_fields


def test_nothing_changes_without_a_reason(manager: Client, root: Client, account: Account) -> None:
    before = Change.objects.count()
    manager.post(
        reverse("admin:accounts_account_change", args=[account.pk]), change_of(account, name="Rent")
    )
    person = reverse("admin:accounts_user_change", args=[account.user_id])
    root.post(person, {"email": account.user.email, "name": "Other"})
    password = {"password1": "a long new passphrase", "password2": "a long new passphrase"}
    people = reverse("admin:accounts_user_changelist")
    assert root.post(f"{people}{account.user_id}/password/", password).status_code == 200
    currency = {"code": "XTS", "name": "Points", "minor_units": "2", "is_open": "on"}
    manager.post(reverse("admin:accounts_currency_add"), currency)
    assert Change.objects.count() == before


def test_groups_given_in_the_admin_are_in_the_history_of_the_person(
    root: Client,
) -> None:
    giver = colleague(PEOPLE_ADMIN, "Giver")
    person, group = UserFactory(name="Cleo"), Group.objects.get(name=SUPPORT)
    giver.groups.add(group)  # nobody gives rights that they lack
    page = reverse("admin:accounts_user_change", args=[person.pk])
    data = {"name": "Cleo", "is_staff": "on", "groups": [group.pk], "reason": "New in support"}
    assert signed_in(giver).post(page, data).status_code == 302
    own = text_of(root.get(reverse("admin:accounts_user_history", args=[person.pk])))
    assert "Added group" in own
    assert "support" in own
    assert "New in support" in own
    Group.objects.get(pk=group.pk).user_set.clear()
    assert "Removed group" in text_of(
        root.get(reverse("admin:accounts_user_history", args=[person.pk]))
    )


def test_the_history_is_for_those_who_may_see_it(account: Account) -> None:
    for group, status in ((AUDITOR, 200), (OPERATIONS, 403), (SUPPORT, 403), (PEOPLE_ADMIN, 403)):
        browser = signed_in(colleague(group, group))
        assert browser.get(PAGE).status_code == status, group
    operations = signed_in(colleague(OPERATIONS, "Desk"))
    own = operations.get(reverse("admin:accounts_account_history", args=[account.pk]))
    assert "Added account" not in text_of(own)


def test_filters_by_person_kind_object_action_and_day(auditor: Client, account: Account) -> None:
    boss = UserFactory(name="Zoe Boss")
    with facts.with_facts(lambda: {"person": str(boss.pk)}):
        services.change_account(account=account, name="Renamed by Zoe")
    today = timezone.localdate()
    for query, is_found in (
        ({"by": "zoe"}, True),
        ({"by": boss.email}, True),
        ({"by": "nobody of this name"}, False),
        ({"subject": "account"}, True),
        ({"subject": "group"}, False),
        ({"about": str(account.pk)}, True),
        ({"action": "delete"}, False),
        ({"day": today.isoformat()}, True),
        ({"day": (today - timedelta(days=2)).isoformat()}, False),
        ({"proof": "no"}, False),
        ({"proof": ""}, True),
        ({"by": str(boss.pk)}, True),
        ({"before": "no position_x"}, True),
        ({"day": "no day"}, False),
        ({"before": f"2099-01-01T00:00:00+16:00_{UUID(int=0)}"}, True),
        ({"before": f"0001-01-01T00:00:00+16:00_{UUID(int=0)}"}, True),
    ):
        found = "Renamed by Zoe" in text_of(auditor.get(PAGE, query))
        assert found is is_found, query


def test_a_filter_by_name_finds_the_changes_of_all_namesakes(
    auditor: Client, account: Account
) -> None:
    User.objects.bulk_create(User(email=f"zoe{n}@example.com", name="Zoe") for n in range(60))
    clerk = UserFactory(name="Zoe")
    with facts.with_facts(lambda: {"person": str(clerk.pk)}):
        services.change_account(account=account, name="Renamed by Zoe")
    assert "Renamed by Zoe" in text_of(auditor.get(PAGE, {"by": "Zoe"}))


def test_a_filter_reads_nobody_who_is_not_shown(auditor: Client, account: Account) -> None:
    assert auditor.get(PAGE, {"by": account.user.name, "about": "nothing"}).status_code == 200
    assert Read.objects.get().people == []  # a question is a read all the same


MACHINE_WORDS = (
    "ledger_web", "webauthn", "totp", "recovery_codes", "mfa_authenticator", "users_groups",
    "household_id", "deleted_at", "accounts.view_user", "accounts.change_account", "/admin/",
)  # fmt: skip


def test_the_history_speaks_plainly_and_keeps_the_exact_values_in_the_record(
    auditor: Client,
) -> None:
    person = UserFactory(name="Cleo", household=Household.objects.create(name="Cleo's"))
    page = reverse("admin:accounts_user_change", args=[person.pk])
    with facts.with_facts(lambda: {"path": page, "request": "r-77"}):
        for kind in Authenticator.Type.values:
            Authenticator.objects.create(user=person, type=kind, data={})
        person.groups.add(Group.objects.get(name=SUPPORT))
        group = Group.objects.create(name="Helpers")
        group.permissions.add(Permission.objects.get(codename="view_account"))
        services.set_sign_in(user=person, is_open=False)
    written = Change.objects.filter(about=person.pk)
    assert written
    set_role(settings.LEDGER_WEB_ROLE)
    with read_as(person):
        User.objects.filter(pk=person.pk).update(name="Cleo B")
    set_role(None)
    response = auditor.get(PAGE)
    plain = " ".join(texts_of(response, "history__plain"))
    assert lacks(plain, "passkey", "authenticator app", "recovery codes", "the web app") == []
    assert lacks(plain, "Added second factor of Cleo", "Can view account", "in the admin") == []
    assert lacks(plain, *MACHINE_WORDS) == list(MACHINE_WORDS)
    record = " ".join(texts_of(response, "history__record"))
    assert lacks(record, *MACHINE_WORDS[:8], page, "r-77", '"webauthn"', str(person.pk)) == []


def test_a_permission_has_its_name_where_the_history_has_the_label_of_older_code(
    auditor: Client,
) -> None:
    types = ContentType.objects.filter(model="standingorder")
    ContentType.objects.clear_cache()
    types.update(app_label="transactions")
    group = Group.objects.create(name="Helpers")
    group.permissions.add(Permission.objects.get(codename="view_standingorder"))
    types.update(app_label="standing_orders")
    ContentType.objects.clear_cache()

    plain = " ".join(texts_of(auditor.get(PAGE), "history__plain"))
    assert "Helpers" in plain
    assert "transactions.view_standingorder" not in plain


def test_a_change_is_shown_once_and_the_log_of_the_admin_is_folded(
    manager: Client, account: Account, auditor: Client
) -> None:
    page = reverse("admin:accounts_account_change", args=[account.pk])
    manager.post(page, change_of(account, daily_limit="250", reason="Asked at the counter"))
    own = reverse("admin:accounts_account_history", args=[account.pk])
    response = auditor.get(own)
    (log,) = texts_of(response, "history__log")
    assert "Daily limit" in log
    assert text_of(response).count("Asked at the counter") == 1 + log.count("Asked at the counter")
    operations = signed_in(colleague(OPERATIONS, "Desk")).get(own)
    assert texts_of(operations, "history__log") == [], "nothing else shows them the changes"
    assert "Daily limit" in text_of(operations)


def test_a_new_household_of_the_same_name_is_told_by_its_id(auditor: Client) -> None:
    one, other = (Household.objects.create(name="Miller") for _ in range(2))
    person = UserFactory(household=one)
    User.objects.filter(pk=person.pk).update(household=other)
    query = {"about": str(person.pk), "action": "update"}
    (plain, *_others) = texts_of(auditor.get(PAGE, query), "history__plain")
    assert f"{one.pk} → {other.pk}" in plain


def test_older_pages_go_on_below_the_last_row(
    auditor: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_pages, "PAGE_SIZE", 3)
    for limit in range(1, 8):
        services.change_account(account=account, daily_limit=Decimal(limit))
    seen: list[str] = []
    query = f"about={account.pk}"
    while query:
        page = auditor.get(f"{PAGE}?{query}")
        seen += [item.values[0][2] for item in page.context["changes"]]
        query = page.context["older"]
    assert seen[:7] == [f"{limit}.00\xa0USD" for limit in range(7, 0, -1)]
    assert len(seen) == len(set(seen)) == 8


def test_the_page_takes_as_many_queries_for_fifty_changes_as_for_one(
    auditor: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        AccountFactory(user=UserFactory(name=f"Person {number}"))
    with django_assert_max_num_queries(18):
        auditor.get(PAGE)
