"""The groups of the bank: one table, which migrate fills in, and who may give them."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.admin.masking import HIDDEN
from accounts.groups import (
    ANALYSTS,
    AUDITOR,
    MANAGER,
    MAY_GIVE,
    OPERATIONS,
    PEOPLE_ADMIN,
    PERMISSIONS,
    SUPPORT,
    ensure_groups,
)
from accounts.management.commands.give_group import WHY
from accounts.models import Account, ApprovalRequest, Change, User
from ledger.db.history import facts
from ledger.text.money import account_number
from tests.conftest import colleague, read_as, set_role, signed_in
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of

pytestmark = pytest.mark.django_db


def labels(group: Group) -> set[str]:
    rows = group.permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in rows}


def page_of(person: User) -> str:
    return reverse("admin:accounts_user_change", args=[person.pk])


def rights_form(person: User, *groups: str) -> dict[str, Any]:
    pks = [Group.objects.get(name=name).pk for name in groups]
    return {"email": person.email, "name": person.name, "is_staff": "on", "groups": pks,
            "reason": "Asked by letter"}  # fmt: skip


# The table


def test_migrate_makes_the_groups_without_any_demo(django_db_setup: None) -> None:
    assert {group.name: labels(group) for group in Group.objects.all()} == {
        name: set(permissions) for name, permissions in PERMISSIONS.items()
    }


def test_migrate_gives_back_what_a_group_lost_and_takes_what_it_gained(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Group.objects.get(name=AUDITOR).permissions.add(
        Permission.objects.get(codename="use_cash_desk")
    )
    Group.objects.get(name=SUPPORT).permissions.clear()
    own = Group.objects.create(name="night desk")
    own.permissions.add(Permission.objects.get(codename="use_cash_desk"))
    call_command("migrate", verbosity=0)
    assert labels(Group.objects.get(name=AUDITOR)) == set(PERMISSIONS[AUDITOR])
    assert labels(Group.objects.get(name=SUPPORT)) == set(PERMISSIONS[SUPPORT])
    assert labels(own) == {"transactions.use_cash_desk"}
    told = [record.getMessage() for record in caplog.records if record.name == "accounts.groups"]
    assert len(told) == 2
    assert any("auditor" in line and "lost transactions.use_cash_desk" in line for line in told)
    call_command("migrate", verbosity=0)
    assert len([record for record in caplog.records if record.name == "accounts.groups"]) == 2


def test_an_auditor_has_no_right_but_to_view() -> None:
    assert {label.split(".")[1].split("_")[0] for label in PERMISSIONS[AUDITOR]} == {"view"}


# Who gives which group


@pytest.mark.parametrize("group", sorted(PERMISSIONS))
def test_people_admins_give_no_group_with_rights_that_they_lack(
    group: str, people_admin: Client
) -> None:
    person: User = UserFactory(name="P")
    answer = people_admin.post(page_of(person), rights_form(person, group))
    assert answer.status_code == 302  # there is no choice of groups, and none is taken
    assert not person.groups.exists()


def test_a_page_without_groups_to_give_says_so_in_place_of_an_empty_choice(
    people_admin: Client,
) -> None:
    person: User = UserFactory(name="P")
    page = people_admin.get(page_of(person))
    assert 'name="groups"' not in page.content.decode()
    assert "you do not have all rights of any group" in text_of(page)
    person.groups.add(ensure_groups()[SUPPORT])
    assert 'name="groups"' in people_admin.get(page_of(person)).content.decode()


@pytest.mark.parametrize("group", sorted(PERMISSIONS))
def test_people_admins_give_groups_of_the_table_whose_rights_they_have(group: str) -> None:
    giver, person = colleague(PEOPLE_ADMIN, "Giver"), UserFactory(name="P")
    giver.groups.add(Group.objects.get(name=group))
    signed_in(giver).post(page_of(person), rights_form(person, group))
    may_give, alone = group in MAY_GIVE[PEOPLE_ADMIN], group != OPERATIONS
    assert person.groups.exists() == (may_give and alone)
    assert ApprovalRequest.objects.exists() == (may_give and not alone)


@pytest.mark.parametrize("group", sorted(PERMISSIONS))
def test_people_admins_take_the_groups_of_the_table_away(group: str, people_admin: Client) -> None:
    person = colleague(group, "P")
    kept = {**rights_form(person, group), "name": "Q"}
    assert people_admin.post(page_of(person), kept).status_code == (
        302 if group in MAY_GIVE[PEOPLE_ADMIN] else 403
    )
    people_admin.post(page_of(person), rights_form(person))
    assert person.groups.exists() == (group not in MAY_GIVE[PEOPLE_ADMIN])


def test_one_people_admin_makes_no_money_by_invented_clerks(people_admin: Client) -> None:
    mail = "puppet@example.com"
    form = {"email": mail, "name": "Puppet", "reason": "New colleague"}
    people_admin.post(reverse("admin:accounts_user_add"), form)
    puppet = User.objects.get(email=mail)
    people_admin.post(page_of(puppet), rights_form(puppet, OPERATIONS))
    people_admin.post(page_of(puppet), rights_form(puppet))  # staff, in no group
    desk = reverse("admin:transactions_transaction_cash_desk")
    assert signed_in(User.objects.get(email=mail)).get(desk).status_code in (302, 403)


def test_a_command_of_the_owner_gives_a_group() -> None:
    person: User = UserFactory(name="P", email="p@example.com")
    with facts.with_facts(lambda: {"path": "manage.py give_group"}):
        call_command("give_group", "P@example.com", OPERATIONS, stdout=StringIO())
    person.refresh_from_db()
    assert person.is_staff
    assert list(person.groups.values_list("name", flat=True)) == [OPERATIONS]
    assert Change.objects.filter(about=str(person.pk), reason=WHY).exists()


def test_the_command_makes_nobody_staff_by_a_group_without_the_admin() -> None:
    person: User = UserFactory(name="P", email="p@example.com")
    call_command("give_group", "p@example.com", ANALYSTS, stdout=StringIO())
    person.refresh_from_db()
    assert not person.is_staff


@pytest.mark.parametrize(("email", "group", "sentence"), [
    ("nobody@example.com", OPERATIONS, "Nobody signs in with nobody@example.com."),
    ("p@example.com", "tellers", "no group tellers"),
])  # fmt: skip
def test_the_command_says_what_it_does_not_know(email: str, group: str, sentence: str) -> None:
    UserFactory(email="p@example.com")
    with pytest.raises(CommandError, match=sentence):
        call_command("give_group", email, group, stdout=StringIO())


def test_a_group_of_the_banks_own_is_given_by_who_holds_all_of_it(people_admin: Client) -> None:
    person: User = UserFactory(name="P")
    small, large = Group.objects.create(name="small"), Group.objects.create(name="large")
    small.permissions.set(Permission.objects.filter(codename__in=["view_user", "add_user"]))
    large.permissions.set(Permission.objects.filter(codename__in=["view_user", "change_limits"]))
    people_admin.post(page_of(person), rights_form(person, "large"))
    assert not person.groups.exists()
    people_admin.post(page_of(person), rights_form(person, "small"))
    assert list(person.groups.all()) == [small]


def test_nobody_gives_themselves_a_group(people_admin: Client, root: Client) -> None:
    me = User.objects.get(groups__name=PEOPLE_ADMIN)
    assert people_admin.post(page_of(me), rights_form(me, OPERATIONS)).status_code == 403
    superuser = User.objects.get(is_superuser=True)
    root.post(page_of(superuser), rights_form(superuser, MANAGER))
    assert [group.name for group in me.groups.all()] == [PEOPLE_ADMIN]
    assert not superuser.groups.exists()


def test_who_has_a_group_that_one_may_not_give_is_not_changed(
    people_admin: Client, boss: User
) -> None:
    form = rights_form(boss, OPERATIONS)
    assert people_admin.post(page_of(boss), form).status_code == 403
    assert [group.name for group in boss.groups.all()] == [MANAGER]


def test_a_superuser_gives_or_asks_for_every_group_and_makes_no_superuser(root: Client) -> None:
    person: User = UserFactory(name="P")
    root.post(page_of(person), {**rights_form(person, *PERMISSIONS), "is_superuser": "on"})
    person.refresh_from_db()
    given = set(person.groups.values_list("name", flat=True))
    assert given == {ANALYSTS, AUDITOR, SUPPORT}
    assert {request.group for request in ApprovalRequest.objects.all()} == {*PERMISSIONS} - given
    assert not person.is_superuser


# Raw SQL with the rights of a web process


@pytest.mark.parametrize("statement", [
    "UPDATE users SET is_superuser = true",
    ("INSERT INTO users (id, email, name, password, is_superuser, is_staff, created_at)"
    " VALUES (gen_random_uuid(), 'x@example.com', 'x', 'x', true, true, now())"),
    ("INSERT INTO auth_group_permissions (group_id, permission_id)"
    " SELECT auth_group.id, auth_permission.id FROM auth_group, auth_permission"
    " WHERE auth_group.name = 'support' AND codename = 'use_cash_desk'"),
    "DELETE FROM auth_group_permissions",
    "UPDATE auth_group_permissions SET group_id = group_id",
    ("INSERT INTO users_user_permissions (user_id, permission_id)"
    " SELECT users.id, auth_permission.id FROM users, auth_permission"),
    "UPDATE auth_group SET name = name",
    "INSERT INTO auth_group (name) VALUES ('x')",
    "UPDATE auth_permission SET codename = codename",
    "UPDATE users_groups SET user_id = user_id",
    "UPDATE django_content_type SET model = model",
])  # fmt: skip
def test_the_web_role_changes_nothing_of_what_groups_may_do(statement: str) -> None:
    person = UserFactory()
    set_role("ledger_web")
    with pytest.raises(DatabaseError), read_as(person), transaction.atomic():
        connection.cursor().execute(statement)
    set_role(None)
    assert not User.objects.filter(is_superuser=True).exists()


def test_a_superuser_stays_one_when_a_page_saves_them() -> None:
    superuser = User.objects.create_superuser("s@example.com", name="S")
    set_role("ledger_web")
    superuser.name = "T"
    with read_as(superuser):
        superuser.save()
    set_role(None)
    superuser.refresh_from_db()
    assert (superuser.name, superuser.is_superuser) == ("T", True)


# What support sees


@pytest.fixture
def support() -> Client:
    return signed_in(colleague(SUPPORT, "Support"))


@pytest.fixture
def account() -> Account:
    owner = UserFactory(name="Ada Lovelace", email="secretaddr@example.com")
    account: Account = AccountFactory(user=owner, name="Everyday", balance="10")
    return account


def test_support_reads_addresses_and_numbers_in_part(support: Client, account: Account) -> None:
    number, search = account.number, reverse("admin_search")
    pages = [
        reverse("admin:accounts_user_changelist"), page_of(account.user), search + "?q=Ada",
        reverse("admin:accounts_account_changelist"),
        reverse("admin:accounts_account_change", args=[account.pk]),
        reverse("admin:accounts_account_history", args=[account.pk]),
        reverse("admin:accounts_user_changelist") + "?q=secretaddr@example.com",
        f"{search}?q={number}", f"{search}?q={account.pk}", f"{search}?q=secretaddr@example.com",
    ]  # fmt: skip
    for url in pages:
        answer = support.get(url)
        assert answer.status_code == 200, url
        page = answer.content.decode().partition('id="content"')[2].replace(f"q={number}", "")
        asked = url.partition("?q=")[2]
        for secret in ({account.user.email, number, account_number(number)}) - {asked}:
            assert secret not in page.replace("\N{NO-BREAK SPACE}", " "), (url, secret)
    for url in (pages[3], pages[4]):  # the list, and the page of one account
        assert f"{HIDDEN * 4} {HIDDEN * 4} {number[-4:]}" in support.get(url).content.decode()


@pytest.mark.parametrize("part", [
    lambda account: (account.user, account.user.email[:6]),
    lambda account: (account.user, "secretadd"),
    lambda account: (account, account.number[:8]),
    lambda account: (account, account.number[-6:]),
    lambda account: (account, "secretaddr"),
])  # fmt: skip
def test_a_part_of_what_support_cannot_see_finds_nothing(
    part: Any, support: Client, account: Account
) -> None:
    thing, typed = part(account)
    listed = reverse(f"admin:accounts_{thing._meta.model_name}_changelist")
    assert not list(support.get(listed, {"q": typed}).context["cl"].result_list)
    assert not support.get(reverse("admin_search"), {"q": typed}).context["results"].sections
    wide = support.get(reverse("admin_search"), {"q": "secretadd"}).context["results"]
    assert not wide.suggestions


def test_a_filter_by_hand_tells_support_no_part_either(support: Client, account: Account) -> None:
    for model, lookup in (("user", "email__startswith"), ("account", "number__startswith")):
        listed = reverse(f"admin:accounts_{model}_changelist")
        assert support.get(listed, {lookup: "s"}).status_code == 400
    for model, lookup in (("user", "password__startswith"), ("account", "user__email__startswith")):
        listed = reverse(f"admin:accounts_{model}_changelist")
        assert support.get(listed, {lookup: "s"}).status_code == 400


def test_support_finds_by_the_whole_address_and_number(support: Client, account: Account) -> None:
    for model, typed in (("user", account.user.email), ("account", account.number),
                         ("account", account.number[-4:])):  # fmt: skip
        listed = reverse(f"admin:accounts_{model}_changelist")
        assert len(support.get(listed, {"q": typed}).context["cl"].result_list) == 1


def test_the_search_box_promises_support_what_it_finds(support: Client) -> None:
    accounts, people = (
        text_of(support.get(reverse(f"admin:accounts_{name}_changelist")))
        for name in ("account", "user")
    )
    assert "A whole account number, its last four digits" in accounts
    assert "a whole email address" in people


def test_support_reads_no_payment_and_no_history_of_a_person(
    support: Client, account: Account
) -> None:
    for url in (
        reverse("admin:transactions_transaction_changelist"),
        reverse("admin:accounts_user_history", args=[account.user_id]),
        reverse("admin:payment_files_paymentfile_changelist"),
    ):
        assert support.get(url).status_code == 403


def test_analysts_keep_what_they_could_read() -> None:
    analyst = UserFactory()
    analyst.groups.add(ensure_groups()[ANALYSTS])
    assert analyst.has_perms(["accounts.view_contact_details", "transactions.view_transaction"])


def test_somebody_is_put_into_a_group_from_its_side(db: None) -> None:
    ensure_groups()
    person: User = UserFactory(is_staff=True)
    before = person.session_version
    Group.objects.get(name=SUPPORT).user_set.add(person)
    person.refresh_from_db()
    assert person.session_version > before
