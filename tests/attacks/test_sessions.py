"""Sessions end when they should, whatever person or event ends them."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services
from accounts.models import ApiToken, User, WebSession
from accounts.sign_in.session_store import (
    SIGNED_IN_AT,
    SessionStore,
    digest_of,
    reason_left_for,
)
from accounts.sign_in.sessions import living_sessions
from tests.accounts.tokens import issue
from tests.attacks.sessions import PASSWORD, age, key_of, person
from tests.conftest import signed_in
from tests.factories import UserFactory
from tests.pages import text_of
from tests.security_events import security_events
from tests.sign_in import (
    is_signed_in,
    let_pass,
    prove,
)

pytestmark = pytest.mark.django_db
AJAX = {"x-requested-with": "XMLHttpRequest", "accept": "application/json"}


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


@pytest.mark.parametrize("is_taken", [False, True])
def test_the_log_names_ended_sessions_and_tokens_only_if_they_have_ended(is_taken: bool) -> None:
    user = person()
    client, token = signed_in(user), issue(user).row
    if is_taken:
        UserFactory(email="new@bank.example")
    outcome = pytest.raises(IntegrityError) if is_taken else nullcontext()
    with security_events() as events, outcome:
        services.change_email(user=user, email="new@bank.example")
    assert is_signed_in(client) == is_taken
    assert ApiToken.objects.filter(pk=token.pk, revoked_at=None).exists() == is_taken
    ended = [("session.ended", "ok"), ("credential.revoked", "ok")]
    assert events.brief() == ([] if is_taken else ended)


@pytest.mark.parametrize("ended_by", ["time", "staff"])
def test_a_session_ends_without_a_wait_for_the_standby(ended_by: str) -> None:
    """The page of the session redirects to the sign-in. A row that a failover restores has ended,
    too.
    """
    user = person()
    client = signed_in(user)
    if ended_by == "time":
        age(client, seen=timedelta(minutes=30))
    else:
        services.sign_out_everywhere(user=user)
    with CaptureQueriesContext(connection) as found:
        assert client.get("/").status_code == 302
    sent = [query["sql"] for query in found]
    (deleted,) = [place for place, sql in enumerate(sent) if sql.startswith("DELETE")]
    assert "SET LOCAL synchronous_commit = local" in sent[:deleted]


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


@pytest.mark.parametrize("address", ["/", "/api/v1/events"])
def test_what_a_page_asks_by_itself_keeps_no_session(address: str) -> None:
    client = signed_in(person())
    age(client, seen=timedelta(minutes=20))
    before = WebSession.objects.get().last_seen_at
    assert client.get(address, headers={"X-By-Itself": "yes"}).status_code == 200
    assert WebSession.objects.get().last_seen_at == before
    age(client, seen=timedelta(minutes=31))
    assert client.get(address, headers={"X-By-Itself": "yes"}).status_code != 200


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
    """Any visitor can create such rows, by requesting the sign-in by passkey."""
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
