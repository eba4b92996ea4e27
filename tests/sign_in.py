"""Sessions that have proved something: a step-up, a second factor."""

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
    """Writes a session that the person has begun by password just now: in place of `force_login`,
    whose signals take five times as long. A client that has a session goes the long way.
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
    """Writes into the session that the person has just stepped up by this method."""
    session = client.session
    note_proof(session, user, method, **facts)
    session.save()


def note_proof(session: Any, user: User, method: str = "password", **facts: Any) -> None:
    """The same for a session that is saved later."""
    records = session.get("account_authentication_methods", [])
    record = {"method": method, "at": time.time(), "reauthenticated": True, **facts}
    session["account_authentication_methods"] = [*records, record]
    session["account_authentication_methods_user"] = str(user.pk)


def prove_factor(client: Client, factor: Authenticator) -> None:
    """Writes into the session that the person has just used this second factor."""
    prove(client, factor.user, method="mfa", id=factor.pk, type=factor.type)


def verify_address(user: User) -> EmailAddress:
    """Makes the address of the person one that was confirmed, and the main one."""
    address: EmailAddress = EmailAddress.objects.create(
        user=user, email=user.email, verified=True, primary=True
    )
    return address


def add_app(user: User, secret: str = SECRET) -> Authenticator:
    """Gives the person an authenticator app with this secret."""
    app: Authenticator = totp.TOTP.activate(user, secret).instance
    return app


def add_recovery_codes(user: User) -> list[str]:
    """Gives the person three recovery codes, also without another factor, and returns them."""
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
    """Sends the form of a sign-up, as Nina. The answer leads to the page for the code."""
    return client.post("/account/signup/", NINA | facts)


def mailed_code(message: int = -1) -> str:
    """The code in the last mail, or in that one."""
    body = str(mail.outbox[message].body)
    (code,) = re.findall(r"^([A-Z0-9]{3,}-?[A-Z0-9]{3,})$", body, re.MULTILINE)
    return str(code)


def after_the_password(user: User, client: Client | None = None) -> Client:
    """A client that has sent the password, and is asked for the second factor."""
    client = client or Client()
    client.logout()
    answer = client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    assert answer.headers["Location"] == "/account/2fa/authenticate/"
    return client


def is_signed_in(client: Client) -> bool:
    """Whether the client sees a page that is for people who are signed in."""
    return client.get("/accounts/").status_code == 200


def let_pass(client: Client, minutes: float) -> None:
    """Makes everything that this session has proved so many minutes older."""
    session = client.session
    _make_older(session, minutes)
    session.save()


def let_pass_for(user: User, minutes: float) -> None:
    """The same for all sessions of a person, such as those of a browser."""
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
    """All codes are those of one half minute, or of a later one, however long the test takes."""
    name = "allauth.mfa.totp.internal.auth.yield_hotp_counters_from_time"
    monkeypatch.setattr(name, lambda: iter([HALF_MINUTE + later]))


def code_of(secret: str = SECRET, *, later: int = 0) -> str:
    """The code that the app shows now, or some half minutes later."""
    (counter,) = totp.yield_hotp_counters_from_time()
    return str(totp.format_hotp_value(totp.hotp_value(secret, counter + later)))


def sign_ins_by_one_code(
    monkeypatch: pytest.MonkeyPatch, after_each: Callable[[], object]
) -> list[bool]:
    """Which of two sign-ins with the same code of an app succeeded."""
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
    """Has an entry for each password that was hashed in the block."""
    done: list[None] = []
    encode = MD5PasswordHasher.encode

    def counting(self: MD5PasswordHasher, password: str, salt: str) -> str:
        done.append(None)
        return encode(self, password, salt)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MD5PasswordHasher, "encode", counting)
        yield done
