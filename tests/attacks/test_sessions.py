"""Sessions end when they should, whoever causes it; and nobody gives anybody else a session."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.groups import PEOPLE_ADMIN
from accounts.models import User, WebSession
from accounts.sign_in.session_store import (
    SIGNED_IN_AT,
    SessionStore,
    digest_of,
    reason_left_for,
)
from accounts.sign_in.sessions import living_sessions
from tests.attacks.approvals import as_web
from tests.conftest import colleague
from tests.factories import UserFactory
from tests.pages import text_of
from tests.security_events import security_events
from tests.sign_in import SECRET, add_app, code_of, is_signed_in, let_pass, prove, prove_factor

pytestmark = pytest.mark.django_db
PASSWORD = "seven blue lamps at dusk"
LOGIN = "/account/login/"
AJAX = {"x-requested-with": "XMLHttpRequest", "accept": "application/json"}


def person(**fields: Any) -> User:
    user: User = UserFactory(email="ana@example.com", password=PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def key_of(client: Client) -> str:
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def age(client: Client, *, seen: timedelta, started: timedelta | None = None) -> None:
    """Lets time pass for the session of this client."""
    now = timezone.now()
    row = WebSession.objects.get(pk=digest_of(key_of(client)))
    row.last_seen_at, row.started_at = now - seen, now - (started or seen)
    row.save()


def test_a_session_idle_for_30_minutes_has_ended_and_the_page_says_so() -> None:
    client = signed_in(person())
    age(client, seen=timedelta(minutes=29))
    assert is_signed_in(client)
    age(client, seen=timedelta(minutes=30))
    with security_events() as events:
        page = client.get("/", follow=True)
    assert page.redirect_chain[-1][0] == "/account/login/?next=/"
    assert "You were signed out after 30 minutes" in text_of(page)
    assert events.named("session.ended")[0]["reason"] == "idle"
    assert not is_signed_in(client)
    assert not WebSession.objects.filter(user__isnull=False).exists()


def test_a_session_used_again_and_again_ends_after_12_hours() -> None:
    client = signed_in(person())
    age(client, seen=timedelta(0), started=timedelta(hours=11, minutes=59))
    assert is_signed_in(client)
    age(client, seen=timedelta(0), started=timedelta(hours=12))
    assert "12 hours after signing in" in text_of(client.get("/", follow=True))
    assert not is_signed_in(client)


def test_what_is_written_into_a_session_does_not_prolong_it() -> None:
    client = signed_in(person())
    session = client.session
    session[SIGNED_IN_AT] = (timezone.now() - timedelta(hours=11, minutes=59)).timestamp()
    session.save()
    session["more"] = "data"
    session.save()
    row = WebSession.objects.get(pk=digest_of(key_of(client)))
    assert timezone.now() - row.started_at > timedelta(hours=11)


@pytest.mark.parametrize("rights", [{"is_staff": True}, {"is_superuser": True}])
def test_a_session_of_staff_ends_sooner(rights: dict[str, bool]) -> None:
    client = signed_in(person(**rights))
    age(client, seen=timedelta(minutes=14), started=timedelta(hours=7))
    assert is_signed_in(client)
    age(client, seen=timedelta(minutes=15))
    assert not is_signed_in(client)


def test_each_request_counts_as_use_but_at_most_one_a_minute_is_written() -> None:
    client = signed_in(person())
    age(client, seen=timedelta(seconds=50))
    before = WebSession.objects.get().last_seen_at
    assert is_signed_in(client)
    assert WebSession.objects.get().last_seen_at == before
    age(client, seen=timedelta(minutes=20), started=timedelta(hours=2))
    assert is_signed_in(client)
    row = WebSession.objects.get()
    assert timezone.now() - row.last_seen_at < timedelta(minutes=1)
    assert timezone.now() - row.started_at > timedelta(hours=1)


def test_the_table_has_no_key_that_opens_a_session() -> None:
    client = signed_in(person())
    (row,) = WebSession.objects.all()
    assert key_of(client) not in (row.pk, row.session_data)
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = row.pk
    assert not is_signed_in(thief)


def test_a_session_that_signed_out_is_gone_on_the_server() -> None:
    client = signed_in(person())
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = key_of(client)
    assert is_signed_in(thief)
    client.post("/account/logout/")
    assert not is_signed_in(thief)
    assert not WebSession.objects.filter(user__isnull=False).exists()


def change_password(client: Client, _user: User) -> None:
    new = "another lamp at the quay"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert client.post("/account/password/change/", form).status_code == 302


def change_address(client: Client, user: User) -> None:
    EmailAddress.objects.create(user=user, email="second@example.com", verified=True)
    prove(client, user)
    client.post("/account/email/", {"action_primary": "", "email": "second@example.com"})


@pytest.mark.parametrize("change", [change_password, change_address])
def test_a_changed_password_or_address_ends_all_other_sessions(
    change: Callable[[Client, User], None],
) -> None:
    user = person()
    here, elsewhere = signed_in(user), signed_in(user)
    old_key = key_of(here)
    change(here, user)
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)
    assert key_of(here) != old_key
    assert WebSession.objects.filter(user=user).count() == 1


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


def test_a_session_given_before_the_sign_in_is_worth_nothing_after_it() -> None:
    """Session fixation: whoever planted the cookie does not get the session."""
    person()
    victim = Client()
    victim.get("/account/signup/")
    session = victim.session
    session["planted"] = "yes"
    session.save()
    victim.cookies[settings.SESSION_COOKIE_NAME] = planted = str(session.session_key)
    victim.post(LOGIN, {"login": "ana@example.com", "password": PASSWORD})
    assert is_signed_in(victim)
    assert key_of(victim) != planted
    attacker = Client()
    attacker.cookies[settings.SESSION_COOKIE_NAME] = planted
    assert not is_signed_in(attacker)


def test_the_cookie_ends_with_the_browser_whatever_the_form_says() -> None:
    person()
    client = Client()
    client.post(LOGIN, {"login": "ana@example.com", "password": PASSWORD, "remember": "on"})
    assert is_signed_in(client)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["max-age"], cookie["expires"]) == ("", "")


def test_a_key_that_the_server_did_not_make_is_not_taken() -> None:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    person()
    client.post(LOGIN, {"login": "ana@example.com", "password": PASSWORD})
    assert key_of(client) != "a" * 32


def test_a_step_up_gives_the_session_another_key() -> None:
    client = signed_in(person())
    before = key_of(client)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    assert key_of(client) != before
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = before
    assert not is_signed_in(thief)


def test_a_second_factor_gives_the_session_another_key_at_each_step() -> None:
    user = person()
    add_app(user)
    client = Client()
    client.post(LOGIN, {"login": user.email, "password": PASSWORD})
    halfway = key_of(client)
    assert not is_signed_in(client)
    client.post("/account/2fa/authenticate/", {"code": code_of(SECRET)})
    assert is_signed_in(client)
    assert key_of(client) != halfway


@pytest.mark.django_db(transaction=True)  # allauth tells of it after the commit
def test_an_added_factor_gives_the_session_another_key() -> None:
    user = person()
    client = signed_in(user)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    before = key_of(client)
    secret = client.get("/account/2fa/totp/activate/").context["form"].secret
    client.post("/account/2fa/totp/activate/", {"code": code_of(secret)})
    assert Authenticator.objects.filter(user=user).exists()
    assert key_of(client) != before
    assert is_signed_in(client)


def test_a_removed_factor_gives_the_session_another_key() -> None:
    user = person()
    client = signed_in(user)
    prove_factor(client, add_app(user))
    before = key_of(client)
    client.post("/account/2fa/totp/deactivate/")
    assert key_of(client) != before
    assert is_signed_in(client)


@pytest.mark.parametrize("id", ["\x00", "", "x" * 64, "0" * 63, "'"])
def test_a_session_with_an_odd_id_is_not_found(id: str) -> None:
    client = signed_in(person())
    answer = client.post("/account/security/sessions/end/", {"session": id})
    assert answer.status_code < 500
    assert is_signed_in(client)


@pytest.mark.parametrize(
    "page",
    [
        "/account/password/set/",
        "/account/2fa/totp/activate/",
        "/account/2fa/webauthn/add/",
        "/account/data/",
    ],
)
def test_who_signs_in_by_mail_alone_signs_in_anew_before_security_changes(page: str) -> None:
    user = person()
    user.set_unusable_password()
    user.save()
    client = signed_in(user)
    prove(client, user, method="code", reauthenticated=False)
    assert client.get(page).status_code == 200
    let_pass(client, minutes=6)
    answer = client.get(page)
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/")
    client.post("/account/password/set/", {"password1": PASSWORD, "password2": PASSWORD})
    assert not User.objects.get(pk=user.pk).has_usable_password()
    client.post("/account/email/", {"email": "thief@example.net", "action_add": ""})
    assert EmailAddress.objects.filter(user=user).count() == 1


@pytest.mark.parametrize("everybody", [True, False])
def test_a_command_ends_the_sessions_of_one_person_or_of_all(
    everybody: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    ana, ben = UserFactory(), UserFactory()
    of_ana, of_ben, of_nobody = signed_in(ana), signed_in(ben), Client()
    of_nobody.get("/account/2fa/webauthn/login/", headers=AJAX)
    call_command("end_sessions", *(["--everybody"] if everybody else [ana.email]))
    assert f"Ended {'2 sessions' if everybody else '1 session'}" in capsys.readouterr().out
    assert not is_signed_in(of_ana)
    assert is_signed_in(of_ben) is not everybody


def test_the_command_refuses_an_address_that_nobody_has() -> None:
    with pytest.raises(CommandError):
        call_command("end_sessions", "nobody@example.com")


def test_a_session_of_nobody_lives_an_hour_at_most() -> None:
    """Anybody can make such rows, by asking for the sign-in by passkey."""
    Client().get("/account/2fa/webauthn/login/", headers=AJAX)

    (row,) = WebSession.objects.all()
    assert row.user_id is None
    assert row.expire_date - timezone.now() <= timedelta(hours=1)


def test_what_is_in_a_session_of_nobody_counts_for_an_hour() -> None:
    client = Client()
    client.get("/account/signup/")
    session = client.session
    session["half"] = "a sign-in"
    session.save()
    assert SessionStore(session.session_key).load() == {"half": "a sign-in"}
    WebSession.objects.update(expire_date=timezone.now())
    assert SessionStore(session.session_key).load() == {}


def test_the_reason_of_an_ended_session_is_told_for_a_day() -> None:
    user = person()
    clients = [signed_in(user), signed_in(user)]
    keys = [key_of(client) for client in clients]
    services.sign_out_everywhere(user=user)
    assert reason_left_for(keys[0]) == "by_staff"
    assert reason_left_for(keys[0]) == ""
    WebSession.objects.update(expire_date=timezone.now())
    assert reason_left_for(keys[1]) == ""


def test_the_list_has_no_session_that_has_ended_by_itself() -> None:
    user = person()
    here, idle = signed_in(user), signed_in(user)
    assert len(living_sessions(user, key_of(here))) == 2
    age(idle, seen=timedelta(minutes=30))
    assert [session.is_current for session in living_sessions(user, key_of(here))] == [True]
