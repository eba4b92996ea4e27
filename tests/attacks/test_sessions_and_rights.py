"""A change of a person's rights ends their sessions, however the change is made."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.utils import timezone

from accounts import services
from accounts.groups import PEOPLE_ADMIN
from accounts.models import User
from tests.attacks.approvals import as_web
from tests.attacks.sessions import person
from tests.conftest import colleague, signed_in
from tests.factories import UserFactory
from tests.sign_in import (
    is_signed_in,
)

pytestmark = pytest.mark.django_db


def in_python(user: User, group: Group) -> None:
    user.groups.add(group)


def from_the_group(user: User, group: Group) -> None:
    group.user_set.add(user)


def by_sql(user: User, group: Group) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users_groups (user_id, group_id) VALUES (%s, %s)", [user.pk, group.pk]
        )


def by_sql_of_the_web_role(user: User, group: Group) -> None:
    with as_web(colleague(PEOPLE_ADMIN, "Pia")):
        by_sql(user, group)


def a_permission(user: User, _group: Group) -> None:
    user.user_permissions.add(Permission.objects.all()[0])


def staff_by_update(user: User, _group: Group) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=True)


def superuser_by_save(user: User, _group: Group) -> None:
    user.is_superuser = True
    user.save()


def deactivation(user: User, _group: Group) -> None:
    services.deactivate_user(user=user)


def deactivation_and_back(user: User, _group: Group) -> None:
    services.deactivate_user(user=user)
    services.reactivate_user(user=user)


def closed_and_opened_by_update(user: User, _group: Group) -> None:
    User.objects.filter(pk=user.pk).update(deleted_at=timezone.now())
    User.objects.filter(pk=user.pk).update(deleted_at=None)


@pytest.mark.parametrize(
    "change",
    [
        in_python,
        from_the_group,
        by_sql,
        by_sql_of_the_web_role,
        a_permission,
        staff_by_update,
        superuser_by_save,
        deactivation,
        deactivation_and_back,
        closed_and_opened_by_update,
    ],
)
def test_a_change_of_rights_ends_the_sessions_whichever_way_it_comes(
    change: Callable[[User, Group], None],
) -> None:
    user, group = person(), Group.objects.create(name="Some group")
    client, other = signed_in(user), signed_in(UserFactory())
    change(user, group)
    assert not is_signed_in(client)
    assert is_signed_in(other)


def test_a_group_that_may_do_more_or_less_ends_the_sessions_of_its_members() -> None:
    user, group = person(), Group.objects.create(name="Some group")
    user.groups.add(group)
    stranger = signed_in(UserFactory())
    for change in (group.permissions.add, group.permissions.remove):
        client = signed_in(User.objects.get(pk=user.pk))
        change(Permission.objects.all()[0])
        assert not is_signed_in(client)
    client = signed_in(User.objects.get(pk=user.pk))
    group.delete()
    assert not is_signed_in(client)
    assert is_signed_in(stranger)


def test_an_old_copy_of_a_person_that_is_saved_does_not_revive_a_session() -> None:
    user = person()
    client = signed_in(user)
    old_copy = User.objects.get(pk=user.pk)
    user.groups.add(Group.objects.create(name="Some group"))
    old_copy.save()
    assert not is_signed_in(client)
