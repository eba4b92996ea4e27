"""One person who creates fictitious colleagues. This person cannot get the rights to move money, to
approve or to give groups without another person.

The pages and the services run with the rights of a web process in these tests.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError
from django.test import Client
from django.urls import reverse

from accounts import approvals, memberships
from accounts.exceptions import MayNotDecide, NeedsApproval, ProviderDecides, ServesOwn
from accounts.groups import (
    ANALYSTS,
    AUDITOR,
    MANAGER,
    OPERATIONS,
    PEOPLE_ADMIN,
    PERMISSIONS,
    RIGHTS_BY_TWO,
    SUPPORT,
)
from accounts.models import Account, ApprovalRequest, Change, Household, ProviderGroup, User
from accounts.sign_in.providers.group_map import set_groups, write_provider_groups
from tests.attacks.approvals import PAGE, approved, as_web, deposit, done, expire, raw, step
from tests.conftest import colleague, signed_in
from tests.factories import UserFactory
from tests.identity_provider import CLERK, There, mock_server, there
from tests.pages import text_of
from tests.refusals import constraint_of

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["mock_server", "there"]  # fixtures
GIVE = "INSERT INTO users_groups (user_id, group_id) VALUES (%s, %s)"
BY_TWO = {OPERATIONS, MANAGER, PEOPLE_ADMIN}


@pytest.fixture
def both() -> User:
    """A member of operations who also manages people."""
    person = colleague(OPERATIONS, "Both")
    person.groups.add(Group.objects.get(name=PEOPLE_ADMIN))
    return person


@pytest.fixture
def puppet() -> User:
    person: User = UserFactory(name="Puppet", email="puppet@example.com")
    return person


@pytest.fixture
def operations() -> Group:
    return Group.objects.get(name=OPERATIONS)


def give(giver: Client, person: User, *groups: str) -> Any:
    """Adds these groups on the page of the person, and saves."""
    form = {
        "email": person.email, "name": person.name, "is_staff": "on", "reason": "New colleague",
        "groups": list(Group.objects.filter(name__in=groups).values_list("pk", flat=True)),
    }  # fmt: skip
    with as_web():
        return giver.post(
            reverse("admin:accounts_user_change", args=[person.pk]), form, follow=True
        )


def asked(person: User, by: User, group: str = OPERATIONS) -> ApprovalRequest:
    with as_web(by):
        return memberships.ask_for(
            person=person, group=Group.objects.get(name=group), reason="Hired", asked_by=by
        )


def names(person: User) -> set[str]:
    return set(person.groups.values_list("name", flat=True))


def refused(sql: str, *values: Any) -> str | None:
    """Returns the rule that refuses a statement of a web process."""
    with pytest.raises(IntegrityError) as refusal:
        raw(sql, *values)
    return constraint_of(refusal.value)


# The pages


def test_one_person_in_two_groups_makes_no_clerk(both: User, account: Account) -> None:
    browser = signed_in(both)
    with as_web():
        form = {"email": "puppet@example.com", "name": "Puppet", "reason": "New colleague"}
        browser.post(reverse("admin:accounts_user_add"), form)
    puppet = User.objects.get(email="puppet@example.com")
    answer = give(browser, puppet, OPERATIONS)
    assert "asked a manager to approve the group operations" in text_of(answer)
    assert "asked a manager to approve operations" in text_of(answer)  # while the request waits
    assert "changed successfully" not in text_of(answer)
    puppet.refresh_from_db()
    assert (names(puppet), puppet.is_staff) == (set(), True)
    with as_web():
        desk = signed_in(puppet).get(reverse("admin:transactions_transaction_cash_desk"))
    assert desk.status_code in (302, 403)
    deposit(account, puppet, 6_000)  # counts in the sum of all people without rights
    with pytest.raises(NeedsApproval):
        deposit(account, UserFactory(is_staff=True), 6_000)


def test_a_manager_gives_the_group_by_approving(
    both: User, puppet: User, manager: Client, boss: User
) -> None:
    give(signed_in(both), puppet, OPERATIONS, SUPPORT)
    request = ApprovalRequest.objects.get()
    assert (request.person, request.group, request.requested_by) == (puppet, OPERATIONS, both)
    page = text_of(manager.get(PAGE))
    assert "Group: operations" in page
    assert "puppet@example.com" in page
    with as_web():
        answer = step(manager, request, "approve")
    assert "Puppet is in operations now." in text_of(answer)
    puppet.refresh_from_db()
    request.refresh_from_db()
    assert (puppet.is_staff, names(puppet)) == (True, {OPERATIONS, SUPPORT})
    assert (request.status, request.decided_by) == ("done", boss)


def test_who_looks_after_people_reads_and_withdraws_what_they_asked_alone(
    both: User, puppet: User, clerk: User, account: Account
) -> None:
    asker = colleague(PEOPLE_ADMIN, "Admin of people")
    other = asked(puppet, both)
    browser = signed_in(asker)
    assert "Puppet" not in text_of(browser.get(PAGE))
    assert step(browser, other, "withdraw").status_code == 404
    own = asked(UserFactory(name="Second"), asker)
    assert "Second" in text_of(browser.get(PAGE))
    step(browser, own, "withdraw")
    own.refresh_from_db()
    assert own.status == "withdrawn"


def test_a_superuser_gives_no_such_group_alone(root: Client, puppet: User, boss: User) -> None:
    give(root, puppet, MANAGER, AUDITOR)
    assert names(puppet) == {AUDITOR}
    done(approved(ApprovalRequest.objects.get(), boss))
    assert names(puppet) == {AUDITOR, MANAGER}


def test_the_history_says_who_approved_and_why(both: User, puppet: User, manager: Client) -> None:
    request = asked(puppet, both)
    with as_web():
        step(manager, request, "approve")
    row = Change.objects.get(table_name="users_groups", about=str(puppet.pk))
    assert ((row.after or {})["group"], row.reason) == (
        OPERATIONS,
        "Hired (asked by Both, approved)",
    )


def test_a_form_makes_no_staff_of_a_member(both: User, puppet: User, operations: Group) -> None:
    puppet.groups.add(operations)
    answer = give(signed_in(both), puppet, OPERATIONS)
    assert "Remove this group" in text_of(answer)
    puppet.refresh_from_db()
    assert not puppet.is_staff


# The decision


def test_nobody_approves_their_own_puppet(both: User, puppet: User) -> None:
    both.groups.add(Group.objects.get(name=MANAGER))
    with pytest.raises(MayNotDecide):
        approved(asked(puppet, both), both)


def test_nobody_asks_or_decides_for_themselves_or_their_household(
    both: User, puppet: User, boss: User
) -> None:
    with pytest.raises(MayNotDecide):
        approved(asked(boss, both), boss)
    home = Household.objects.create(name="Elm Street 4")
    User.objects.filter(pk__in=[boss.pk, puppet.pk]).update(household=home)
    with pytest.raises(MayNotDecide):
        approved(asked(puppet, both), boss)
    User.objects.filter(pk=both.pk).update(household=home)
    for person in (puppet, both):
        with pytest.raises(ServesOwn):
            asked(person, both, PEOPLE_ADMIN)


def test_who_may_not_give_a_group_any_more_gives_none_by_an_approval(
    both: User, puppet: User, boss: User
) -> None:
    request = approved(asked(puppet, both), boss)
    both.groups.remove(
        Group.objects.get(name=OPERATIONS)
    )  # can still give groups, but lacks these rights
    with pytest.raises(MayNotDecide):
        done(request, boss)
    both.groups.clear()
    assert refused(GIVE, puppet.pk, Group.objects.get(name=OPERATIONS).pk) == "asked_by_staff"
    assert not names(puppet)


# Raw SQL with the rights of a web process


def test_the_groups_of_the_table_with_rights_by_two_are_these() -> None:
    labels = {name: {each.split(".")[1] for each in rights} for name, rights in PERMISSIONS.items()}
    assert {name for name, rights in labels.items() if rights & {*RIGHTS_BY_TWO}} == BY_TWO


@pytest.mark.parametrize("group", sorted(PERMISSIONS))
def test_the_database_asks_for_an_approval_of_groups_with_such_rights(
    group: str, puppet: User
) -> None:
    pk = Group.objects.get(name=group).pk
    if group in BY_TWO:
        assert refused(GIVE, puppet.pk, pk) == "group_needs_approval"
    else:
        raw(GIVE, puppet.pk, pk)
    assert names(puppet) == {group} - BY_TWO


@pytest.fixture
def night_desk() -> Iterator[Group]:
    """A group that the bank has added. Groups are not rolled back after a test, so the group is
    deleted.
    """
    own = Group.objects.create(name="night desk")
    yield own
    own.delete()


@pytest.mark.parametrize("right", RIGHTS_BY_TWO)
def test_a_group_of_the_banks_own_with_such_a_right_needs_one_too(
    right: str, puppet: User, night_desk: Group
) -> None:
    night_desk.permissions.set(Permission.objects.filter(codename=right))
    assert refused(GIVE, puppet.pk, night_desk.pk) == "group_needs_approval"


def test_an_approval_is_for_this_person_and_group_once(
    both: User, puppet: User, boss: User, operations: Group
) -> None:
    request = approved(asked(puppet, both), boss)
    other = UserFactory()
    assert refused(GIVE, other.pk, operations.pk) == "group_needs_approval"
    assert refused(GIVE, puppet.pk, Group.objects.get(name=MANAGER).pk) == "group_needs_approval"
    raw(GIVE, puppet.pk, operations.pk)
    request.refresh_from_db()
    assert request.status == "done"
    raw("DELETE FROM users_groups WHERE user_id = %s", puppet.pk)
    assert refused(GIVE, puppet.pk, operations.pk) == "group_needs_approval"


@pytest.mark.parametrize("state", ["waiting", "declined", "expired"])
def test_without_a_valid_approval_nobody_gets_the_group(
    state: str, both: User, puppet: User, boss: User, operations: Group
) -> None:
    request = asked(puppet, both)
    if state == "declined":
        approvals.decline(request=request, by=boss, note="Unknown")
    if state == "expired":
        expire(approved(request, boss))
    assert refused(GIVE, puppet.pk, operations.pk) == "group_needs_approval"


def test_a_member_becomes_staff_by_no_statement_of_a_web_process(
    puppet: User, operations: Group
) -> None:
    make = "UPDATE users SET is_staff = true WHERE id = %s"
    puppet.groups.add(operations)
    assert refused(make, puppet.pk) == "staff_before_groups"
    puppet.groups.set([Group.objects.get(name=AUDITOR)])
    raw(make, puppet.pk)


def test_a_web_process_names_no_group_of_the_provider() -> None:
    with pytest.raises(DatabaseError, match="permission denied"):
        raw("INSERT INTO provider_groups VALUES ('operations')")


# The identity provider


def known_there(person: User) -> None:
    SocialAccount.objects.create(user=person, provider="oidc", uid=str(person.pk))


def test_migrate_writes_the_groups_that_the_provider_decides(there: There) -> None:
    call_command("migrate", verbosity=0)
    assert OPERATIONS in set(ProviderGroup.objects.values_list("name", flat=True))
    there.configure(groups={"bank-analysts": ANALYSTS})
    assert write_provider_groups()
    assert not write_provider_groups()  # as at each start
    assert list(ProviderGroup.objects.values_list("name", flat=True)) == [ANALYSTS]


def test_the_provider_gives_the_groups_of_its_map(there: There, puppet: User) -> None:
    ProviderGroup.objects.create(name=OPERATIONS)
    known_there(puppet)
    with as_web():
        assert set_groups(user=puppet, claimed=CLERK.groups)
    puppet.refresh_from_db()
    assert (names(puppet), puppet.is_staff) == ({OPERATIONS}, True)


def test_a_group_that_the_database_does_not_know_as_the_providers_is_not_given(
    there: There, puppet: User
) -> None:
    """Tests a setting that was changed without `migrate`: the person is signed in without the
    group.
    """
    ProviderGroup.objects.all().delete()
    known_there(puppet)
    puppet.groups.add(Group.objects.get(name=ANALYSTS))
    with as_web():
        assert set_groups(user=puppet, claimed=CLERK.groups)
    puppet.refresh_from_db()
    assert (names(puppet), puppet.is_staff) == (set(), False)


def test_no_page_gives_what_the_provider_decides(
    both: User, puppet: User, operations: Group
) -> None:
    """The database cannot distinguish a page from the provider, so a page could give rights to a
    fictitious colleague.
    """
    ProviderGroup.objects.create(name=OPERATIONS)
    known_there(puppet)
    answer = give(signed_in(both), puppet, OPERATIONS)
    assert answer.context["adminform"].form.errors.keys() == {"groups"}
    with as_web(), pytest.raises(ProviderDecides):
        memberships.give(puppet, operations)
    assert not names(puppet)


def test_a_puppet_unknown_to_the_provider_needs_an_approval(
    both: User, puppet: User, operations: Group
) -> None:
    ProviderGroup.objects.create(name=OPERATIONS)
    known_there(both)
    assert refused(GIVE, puppet.pk, operations.pk) == "group_needs_approval"
