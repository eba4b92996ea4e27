"""Sessions in which a person has confirmed their identity: a step-up, or a second factor."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import update_last_login
from django.core import mail
from django.http import HttpRequest
from django.test import Client

from accounts.models import User, WebSession
from accounts.sign_in import sessions
from accounts.sign_in.recovery_codes import digest_of
from accounts.sign_in.session_store import SessionStore
from tests.factories import PASSWORD, UserFactory

HALF_MINUTE = 60_000_000
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


_log_in = Client.force_login


def begin_session(client: Client, user: User, backend: str | None = None) -> None:
    """Creates a session that the person has just begun by password. Replaces `force_login`, whose
    signals take five times as long. A client that already has a session uses the original
    `force_login`.
    """
    if settings.SESSION_COOKIE_NAME in client.cookies:
        _log_in(client, user, backend)
        prove(client, user, reauthenticated=None)
        return
    request = HttpRequest()
    request.session = SessionStore()
    request.session.update(
        {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: backend or settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
    )
    update_last_login(User, user)
    sessions.begin(request=request, user=user)
    note_proof(request.session, user, reauthenticated=None)
    request.session.save(must_create=True)
    client._set_login_cookies(request)  # type: ignore[attr-defined]


def prove(client: Client, user: User, method: str = "password", **facts: Any) -> None:
    """Records in the session that the person has just stepped up by this method."""
    session = client.session
    note_proof(session, user, method, **facts)
    session.save()


def note_proof(session: Any, user: User, method: str = "password", **facts: Any) -> None:
    """Records a step-up in a session that the caller saves later."""
    records = session.get("account_authentication_methods", [])
    record = {"method": method, "at": time.time(), "reauthenticated": True, **facts}
    session["account_authentication_methods"] = [*records, record]
    session["account_authentication_methods_user"] = str(user.pk)


def prove_factor(client: Client, factor: Authenticator) -> None:
    """Records in the session that the person has just used this second factor."""
    prove(client, factor.user, method="mfa", id=factor.pk, type=factor.type)


def verify_address(user: User) -> EmailAddress:
    """Makes the person's address a verified and primary address. Returns the address."""
    address: EmailAddress = EmailAddress.objects.create(
        user=user, email=user.email, verified=True, primary=True
    )
    return address


def add_app(user: User, secret: str = SECRET) -> Authenticator:
    """Adds an authenticator app with this secret to the person."""
    app: Authenticator = totp.TOTP.activate(user, secret).instance
    return app


def add_recovery_codes(user: User) -> list[str]:
    """Adds three recovery codes to the person, even without another factor, and returns the
    codes.
    """
    codes = [f"ABCDE-FGHJK-LMNPQ-RSTVW-XYZA{last}" for last in "ABC"]
    Authenticator.objects.create(
        user=user,
        type=Authenticator.Type.RECOVERY_CODES,
        data={"codes": [digest_of(code) for code in codes]},
    )
    return codes


NINA = {
    "name": "Nina Berg", "email": "nina@example.com",
    "password1": "seven-quiet-harbours", "password2": "seven-quiet-harbours",
}  # fmt: skip


def sign_up(client: Client, **facts: str) -> Any:
    """Sends the sign-up form of Nina. The response redirects to the page for the code."""
    return client.post("/account/signup/", NINA | facts)


def mailed_code(message: int = -1) -> str:
    """Returns the code in the last email, or in the email with this index."""
    body = str(mail.outbox[message].body)
    (code,) = re.findall(r"^([A-Z0-9]{3,}-?[A-Z0-9]{3,})$", body, re.MULTILINE)
    return str(code)


def after_the_password(user: User, client: Client | None = None) -> Client:
    """Returns a client that has sent the password and must now send the second factor."""
    client = client or Client()
    client.logout()
    answer = client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    assert answer.headers["Location"] == "/account/2fa/authenticate/"
    return client


def is_signed_in(client: Client) -> bool:
    """Returns whether the client can open a page for signed-in users."""
    return client.get("/accounts/").status_code == 200


def let_pass(client: Client, minutes: float) -> None:
    """Makes all confirmations in this session older by this number of minutes."""
    session = client.session
    _make_older(session, minutes)
    session.save()


def let_pass_for(user: User, minutes: float) -> None:
    """Makes all confirmations older in all sessions of a person, such as the sessions of a
    browser.
    """
    store = SessionStore()
    for row in WebSession.objects.filter(user=user):
        data = store.decode(row.session_data)
        _make_older(data, minutes)
        row.session_data = store.encode(data)
        row.save(update_fields=["session_data"])


def _make_older(session: Any, minutes: float) -> None:
    records = session.get("account_authentication_methods", [])
    older = [{**record, "at": record["at"] - 60 * minutes} for record in records]
    session["account_authentication_methods"] = older


def freeze_codes(monkeypatch: pytest.MonkeyPatch, *, later: int = 0) -> None:
    """Freezes the codes of apps at one half minute, or at a later half minute, however long the
    test takes.
    """
    name = "allauth.mfa.totp.internal.auth.yield_hotp_counters_from_time"
    monkeypatch.setattr(name, lambda: iter([HALF_MINUTE + later]))


def code_of(secret: str = SECRET, *, later: int = 0) -> str:
    """Returns the code that the app shows now, or a number of half minutes later."""
    (counter,) = totp.yield_hotp_counters_from_time()
    return str(totp.format_hotp_value(totp.hotp_value(secret, counter + later)))


def sign_ins_by_one_code(
    monkeypatch: pytest.MonkeyPatch, after_each: Callable[[], object]
) -> list[bool]:
    """Signs in twice with the same code of an app. Returns whether each sign-in succeeded."""
    freeze_codes(monkeypatch)
    user = UserFactory(email="ana@example.com", password=PASSWORD)
    verify_address(user)
    add_app(user)
    succeeded = []
    for _ in range(2):
        client = after_the_password(user)
        client.post("/account/2fa/authenticate/", {"code": code_of()})
        succeeded.append(is_signed_in(client))
        after_each()
    return succeeded


@contextmanager
def counted_hashes() -> Iterator[list[None]]:
    """Yields a list that gets an entry for each password that is hashed in the `with` block."""
    done: list[None] = []
    encode = MD5PasswordHasher.encode

    def counting(self: MD5PasswordHasher, password: str, salt: str) -> str:
        done.append(None)
        return encode(self, password, salt)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MD5PasswordHasher, "encode", counting)
        yield done
