"""A body that cannot be read is refused once: no page fails, and the log contains no tracebacks."""

import logging

import pytest
from django.test import Client

from ledger.web.body_types import Utf8Request
from tests.attacks.bank import AttackedBank
from tests.attacks.people import signed_in

pytestmark = pytest.mark.django_db
TOKEN = "a" * 32
FORM = "application/x-www-form-urlencoded"
MANY_FIELDS = b"&".join(b"a%d=1" % number for number in range(1_500))
UNREADABLE = {
    "an encoding other than UTF-8": (f"{FORM}; charset=UTF8", b"a=1"),
    "an old encoding": (f"{FORM}; charset=utf-7", b"a=1"),
    "no encoding of text": (f"{FORM}; charset=hex", b"a=1"),
    "a parameter in two ways": (f"{FORM}; x*0=a; x*=b", b"a=1"),
    "a long type": (f'{FORM}; a="{";" * 500}', b"a=1"),
    "files in another encoding": ("multipart/form-data; boundary=x; charset=hex", b"--x--"),
    "a boundary that is too long": ("multipart/form-data; boundary=" + "x" * 300, b"--x--"),
    "no boundary": ("multipart/form-data", b"--x--"),
    "a broken part": ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
    "a part with a name in two ways": (
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Disposition: form-data; name*0=a; name*=b\r\n\r\n1\r\n--x--",
    ),
    "too many fields": (FORM, MANY_FIELDS),
}
PATHS = (
    "/account/login/",
    "/account/signup/",
    "/nowhere/",
    "/admin/",
    "/theme/",
    "/",
    "/csp-report/",
)
MOST_LOGGED = 4_000  # characters of one request
FAILED = 500


@pytest.fixture(autouse=True)
def as_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.test.client.WSGIRequest", Utf8Request)


@pytest.fixture
def attacker() -> Client:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies["csrftoken"] = TOKEN  # with this, the CSRF check reads the body
    return client


def logged(caplog: pytest.LogCaptureFixture) -> int:
    """Returns the number of logged characters since the last call, including tracebacks."""
    size = sum(len(logging.Formatter().format(record)) for record in caplog.records)
    caplog.clear()
    return size


@pytest.mark.parametrize("host", ["localhost", "evil.example"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("kind", UNREADABLE)
def test_no_page_fails(
    attacker: Client, caplog: pytest.LogCaptureFixture, kind: str, method: str, host: str
) -> None:
    content_type, body = UNREADABLE[kind]
    failed, loud = [], []
    for path in PATHS:
        answer = attacker.generic(method, path, body, content_type, headers={"host": host})
        if answer.status_code >= FAILED:
            failed.append((path, answer.status_code))
        if (size := logged(caplog)) > MOST_LOGGED:
            loud.append((path, size))

    assert failed == []
    assert loud == []


@pytest.mark.parametrize("kind", UNREADABLE)
def test_no_page_of_somebody_signed_in_fails(bank: AttackedBank, kind: str) -> None:
    client = signed_in(bank.eve.user)
    client.raise_request_exception = False
    content_type, body = UNREADABLE[kind]

    for path in ("/transfers/new/", "/transfers/files/new/", "/accounts/open/", "/nowhere/"):
        answer = client.generic("POST", path, body, content_type)
        assert answer.status_code < FAILED, path


def test_a_form_in_utf8_is_read(attacker: Client) -> None:
    for content_type in (FORM, f"{FORM}; charset=UTF-8", f"{FORM}; charset=utf-8"):
        answer = attacker.generic(
            "POST", "/theme/", f"csrfmiddlewaretoken={TOKEN}&theme=dark".encode(), content_type
        )
        assert answer.status_code == 302


@pytest.mark.parametrize("charset", ["UTF8", "utf-7", "hex", "nonsense", ""])
def test_another_encoding_is_refused_before_any_page(attacker: Client, charset: str) -> None:
    for method in ("GET", "POST"):
        answer = attacker.generic(method, "/theme/", b"a=1", f"{FORM}; charset={charset}")
        assert answer.status_code == 415


def test_a_long_type_is_refused_before_it_is_parsed(attacker: Client) -> None:
    """Python parses the parameters of the content type in quadratic time."""
    for method in ("GET", "POST"):
        answer = attacker.generic(method, "/theme/", b"a=1", f'{FORM}; a="{";" * 500}"')
        assert answer.status_code == 415


@pytest.mark.parametrize("path", ["/api/v1/accounts/", "/account/login/", "/nowhere/"])
def test_an_accept_header_that_cannot_be_read_is_refused(attacker: Client, path: str) -> None:
    long = f'x="{";" * 500}'  # parsing it takes quadratic time
    for parameters in ("x*0=a; x*=b", "x*=b; x*1*=c", long, f"x*=b; {long}"):
        answer = attacker.get(path, headers={"accept": f"text/html, a/b; {parameters}, */*;q=0.8"})
        assert answer.status_code == 400
    assert attacker.get(path, headers={"accept": "a/b; x*=utf-8''a, */*;q=0.8"}).status_code != 400
