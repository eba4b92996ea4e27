"""What a person is and may do: by their row, and in a request by a token."""

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.contrib.auth.models import Group
from django.db import DatabaseError
from pytest_django.fixtures import Settings

from accounts.erased import DOMAIN
from accounts.exceptions import OwnerNotActive, PersonErased
from accounts.groups import ANALYSTS, OPERATIONS, SUPPORT
from accounts.models import Household, User
from ledger.db.ids import uuid7
from tests.conftest import colleague
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
FIGURES = {"transactions.view_transaction", "transactions.view_entry"}
OF_SUPPORT = {"accounts.view_user", "accounts.view_account", "accounts.view_statuschange"}


def person_of(kind: str) -> User:
    """A superuser, somebody of a group, or of a group of staff who is not staff any more."""
    if kind == "superuser":
        root: User = UserFactory(is_superuser=True)
        return root
    name, _, was = kind.partition(", ")
    person = UserFactory() if name in (ANALYSTS, "customer") else colleague(name, "Cleo")
    if name == ANALYSTS:
        person.groups.add(Group.objects.get(name=name))
    if was:
        User.objects.filter(pk=person.pk).update(is_staff=False)
    return person


@pytest.mark.parametrize(
    ("kind", "reads"),
    [
        ("superuser", True),
        (OPERATIONS, True),
        (ANALYSTS, True),
        (f"{OPERATIONS}, formerly", False),
        (SUPPORT, False),
        ("customer", False),
    ],
)
def test_a_token_for_reports_reads_the_figures_that_its_person_reads(
    kind: str, reads: bool
) -> None:
    person = User.objects.get(pk=person_of(kind).pk)
    assert person.may_have_scope("report") == reads
    assert person.may_have_scope("read")
    assert person.may_have_scope("staff") == (kind in ("superuser", OPERATIONS, SUPPORT))
    person = User.objects.get(pk=person.pk)
    person.limit_to(["pay", "report"])
    assert (person.is_limited, person.is_staff, person.is_superuser) == (True, False, False)
    assert person.may_have_scope("report") == reads
    assert not person.may_have_scope("staff")
    assert {name for name in FIGURES | OF_SUPPORT if person.has_perm(name)} == (
        FIGURES if reads else set()
    )
    assert person.get_all_permissions() == (FIGURES if kind in (OPERATIONS, ANALYSTS) else set())
    assert not person.has_module_perms("transactions")
    person.limit_to([])
    assert not any(map(person.has_perm, FIGURES | OF_SUPPORT))


def test_a_token_for_staff_leaves_the_rights_as_they_are() -> None:
    clerk = colleague(OPERATIONS, "Cleo")
    had = clerk.get_all_permissions()
    clerk.limit_to(["staff"])
    assert (clerk.is_limited, clerk.is_staff) == (False, True)
    assert clerk.get_all_permissions() == had > FIGURES
    assert clerk.has_module_perms("transactions")


def test_a_right_that_shows_numbers_needs_the_right_to_see_them() -> None:
    group = Group.objects.get(name=SUPPORT)
    clerk = colleague(SUPPORT, "Cleo")
    assert clerk.get_all_permissions() == OF_SUPPORT
    operations = Group.objects.get(name=OPERATIONS).permissions
    group.permissions.add(operations.get(codename="view_transaction"))
    clerk = User.objects.get(pk=clerk.pk)
    assert clerk.get_all_permissions() == OF_SUPPORT
    assert not clerk.has_perm("transactions.view_transaction")
    contacts = operations.get(codename="view_contact_details")
    group.permissions.add(contacts)
    clerk = User.objects.get(pk=clerk.pk)
    shown = {"transactions.view_transaction", "accounts.view_contact_details"}
    assert clerk.get_all_permissions() == OF_SUPPORT | shown
    assert clerk.has_perm("transactions.view_transaction")


def test_a_person_without_a_household_lives_with_nobody() -> None:
    home, other = (Household.objects.create(name="Ferreira") for _ in range(2))
    ana, eve = UserFactory(household=home), UserFactory()
    assert ana.is_close_to(ana)
    assert eve.is_close_to(eve)
    assert not UserFactory().is_close_to(eve)
    assert not ana.is_close_to(eve)
    assert ana.is_close_to(UserFactory(household=home))
    assert not ana.is_close_to(UserFactory(household=other))


@pytest.mark.parametrize(
    ("password", "is_long"),
    [("fourteen chars", False), ("fifteen letters", True), ("\ufb01fteen letters", False)],
)
def test_a_password_is_stored_normalised_and_known_to_be_long(password: str, is_long: bool) -> None:
    person = UserFactory(password=password)
    person.refresh_from_db()
    assert person.password_is_long == is_long
    assert person.check_password(password)
    assert person.check_password("fifteen letters") == (password != "fourteen chars")
    assert not person.check_password("")
    assert not person.check_password(None)
    assert not person.check_password(password.upper())


def test_without_a_password_nothing_is_right() -> None:
    person = UserFactory(password="fifteen letters")
    person.set_password(None)
    assert not person.has_usable_password()
    assert not person.password_is_long
    assert not person.check_password("fifteen letters")
    assert not person.check_password("")


class FormerHasher(MD5PasswordHasher):
    algorithm = "former"


@pytest.mark.parametrize("is_changed", [True, False])
def test_a_former_hash_is_replaced_unless_the_password_was_changed_meanwhile(
    is_changed: bool, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        f"{__name__}.FormerHasher",
    ]
    former = make_password("fifteen letters", hasher="former")
    person, other = UserFactory(), UserFactory()
    User.objects.update(password=former)
    person = User.objects.get(pk=person.pk)
    if is_changed:
        User.objects.filter(pk=person.pk).update(password="another")
    assert not person.check_password("other letters")
    assert person.password == former
    assert person.check_password("fifteen letters")
    stored = User.objects.get(pk=person.pk)
    assert stored.password.partition("$")[0] == ("another" if is_changed else "md5")
    assert stored.password_is_long == (not is_changed)
    assert User.objects.get(pk=other.pk).password == former


def test_saving_a_person_writes_only_what_this_object_has_changed() -> None:
    home, other = (Household.objects.create(name=name) for name in "AB")
    person = UserFactory()
    person.household_id = home.pk
    person.save(update_fields=["household_id"])
    person.name = "Ana"
    assert person.changed_columns() == {"name"}
    User.objects.filter(pk=person.pk).update(household=other, email="ana@example.com")
    person.save()
    assert person.changed_columns() == set()
    stored = User.objects.values("name", "household", "email").get(pk=person.pk)
    assert stored == {"name": "Ana", "household": other.pk, "email": "ana@example.com"}
    person.email = "Eve@example.com"
    person.refresh_from_db(fields=["household_id"])
    assert (person.household_id, person.changed_columns()) == (other.pk, {"email"})
    person.refresh_from_db()
    assert (person.email, person.changed_columns()) == ("ana@example.com", set())
    assert User.objects.only("name").get(pk=person.pk).changed_columns() == set()
    User.objects.filter(pk=person.pk).delete()
    person.name = "Nobody"
    with pytest.raises(DatabaseError):
        person.save()


def test_a_person_has_an_address_which_need_not_be_typed_exactly() -> None:
    for given in ([""], ["ana", "ana@example.com"], ["ana", "ana@example.com", "password"]):
        for create in (User.objects.create_user, User.objects.create_superuser):
            with pytest.raises(ValueError, match="address"):
                create(*given)
            with pytest.raises(ValueError, match="address"):
                create(username="ana", email="ana@example.com", password="password")
    person = UserFactory(email="Ana@Example.com", name=" Ana \t B ")
    assert User.objects.get_by_natural_key("ANA@example.com") == person
    assert (person.email, person.name, person.get_full_name()) == (
        "ana@example.com", "Ana B", "Ana B",
    )  # fmt: skip
    for nobody in (None, "", "eve@example.com"):
        with pytest.raises(User.DoesNotExist):
            User.objects.get_by_natural_key(nobody)
    assert str(User(name="")) == "Person without a name"


def test_who_left_or_is_erased_gets_nothing_new() -> None:
    person, other = UserFactory(), UserFactory()
    assert {*User.objects.active()} == {person, other}
    person.refuse_unless_active()
    person.refuse_if_erased()
    person.deleted_at = person.created_at
    with pytest.raises(OwnerNotActive):
        person.refuse_unless_active()
    person.save()
    assert list(User.objects.active()) == [other]
    person.refuse_if_erased()
    person.email = f"x@{DOMAIN}"
    assert person.is_erased
    with pytest.raises(PersonErased):
        person.refuse_if_erased()


def test_rows_may_still_point_to_a_locked_person() -> None:
    """`FOR UPDATE` would make each payment and sign-in wait, whose row points to the person."""
    assert "FOR NO KEY UPDATE" in str(User.objects.locked([uuid7()]).query)
