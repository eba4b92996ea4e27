"""A person's row that a colleague changes after a request has read it."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import reverse

from accounts import current_access, services
from accounts.models import User
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
NEW = "seven blue lamps at dusk"
TWICE = {"password1": NEW, "password2": NEW}


def _row(person: User) -> dict[str, Any]:
    columns = ("email", "name", "is_staff", "deleted_at", "household_id", "password")
    row: dict[str, Any] = User.objects.filter(pk=person.pk).values(*columns).get()
    return row


def close(person: User) -> None:
    with current_access.checked_by(lambda _person: None):  # in the colleague's own request
        services.set_sign_in(user=person.pk, is_open=False)


def take_staff_right(person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_staff=False)


def change_address(person: User) -> None:
    services.change_email(user=User.objects.get(pk=person.pk), email="new@example.com")


def remove_password(person: User) -> None:
    User.objects.filter(pk=person.pk).update(password=make_password(None))


def change_own(person: User, _root: Client) -> Any:
    browser = Client()
    browser.force_login(person)
    return browser.post(reverse("account_change_password"), {"oldpassword": PASSWORD, **TWICE})


def choose_first(person: User, _root: Client) -> Any:
    User.objects.filter(pk=person.pk).update(password=make_password(None))
    browser = Client()
    browser.force_login(User.objects.get(pk=person.pk))
    return browser.post(reverse("account_set_password"), TWICE)


def reset_by_mail(person: User, _root: Client) -> Any:
    browser = Client()
    key = {"uidb36": user_pk_to_url_str(person), "key": default_token_generator.make_token(person)}
    page = browser.get(reverse("account_reset_password_from_key", kwargs=key))
    return browser.post(page["Location"], TWICE)


def set_by_staff(person: User, root: Client) -> Any:
    form = {**TWICE, "usable_password": "true", "reason": "Asked by letter", "set-password": ""}
    return root.post(reverse("admin:auth_user_password_change", args=[person.pk]), form)


def remove_by_staff(person: User, root: Client) -> Any:
    form = {"usable_password": "false", "reason": "Asked by letter", "unset-password": ""}
    return root.post(reverse("admin:auth_user_password_change", args=[person.pk]), form)


BY = (change_own, choose_first, reset_by_mail, set_by_staff, remove_by_staff)
CHANGES = (close, take_staff_right, change_address, remove_password)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", BY)
def test_a_new_password_is_refused_if_the_person_has_changed_since(
    way: Callable[..., Any],
    change: Callable[[User], None],
    root: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person, after = UserFactory(password=PASSWORD, is_staff=True), dict[str, Any]()

    def changed_after(really: Callable[..., None]) -> Callable[..., None]:
        def hash_it(self: User, *password: Any) -> None:
            really(self, *password)
            if self.pk == person.pk and not after:
                change(person)
                after.update(_row(person))

        return hash_it

    for name in ("set_password", "set_unusable_password"):
        monkeypatch.setattr(User, name, changed_after(getattr(User, name)))
    assert way(person, root).status_code == 409
    assert after
    assert _row(person) == after


@pytest.mark.parametrize("change", [close, take_staff_right, change_address])
def test_saving_a_person_writes_only_what_this_object_has_changed(
    change: Callable[[User], None],
) -> None:
    person: User = UserFactory(name="Mara", is_staff=True)
    objects = [User.objects.get(pk=person.pk), User.objects.defer("email").get(pk=person.pk)]
    objects[0].refresh_from_db(fields=["name"])
    change(person)
    now = _row(person)
    for number, outdated in enumerate([person, *objects]):
        outdated.name = f"Mara {number}"
        outdated.save()
        assert _row(person) == {**now, "name": f"Mara {number}"}


def test_saving_again_writes_what_was_changed_back() -> None:
    person: User = UserFactory(name="Mara")
    for name in ("Mia", "Mara"):
        person.name = name
        person.save()
        assert _row(person)["name"] == name
    person.name = "Mia"
    person.refresh_from_db(fields=["name"])
    User.objects.filter(pk=person.pk).update(name="Nora")
    person.save()
    assert _row(person)["name"] == "Nora"


def test_a_stronger_hash_does_not_bring_a_replaced_password_back() -> None:
    person: User = UserFactory()
    weak = make_password(PASSWORD, salt="x", hasher="md5")
    User.objects.filter(pk=person.pk).update(password=weak)
    outdated = User.objects.get(pk=person.pk)
    remove_password(person)
    now = _row(person)
    outdated.check_password(PASSWORD)
    assert _row(person) == now
    User.objects.filter(pk=person.pk).update(password=weak)
    assert User.objects.get(pk=person.pk).check_password(PASSWORD)
    assert _row(person)["password"] != weak
    assert User.objects.get(pk=person.pk).check_password(PASSWORD)
