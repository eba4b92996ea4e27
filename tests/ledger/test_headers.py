"""Headers that every response has, also those that no view makes."""

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, UserFactory
from tests.ledger.processes import settings_with

HTTPS = {
    "LEDGER_HTTPS": "True",
    "LEDGER_URL": "https://bank.example:8443",
    "EMAIL_URL": "consolemail://",
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/account/login/", "localhost", 200),
        ("/nowhere/", "localhost", 404),
        ("/account/login/", "evil.example", 400),
        ("/healthz", "evil.example", 200),
        ("/static/ledger.css", "localhost", 200),
    ],
)
def test_every_response_has_the_policy(client: Client, path: str, host: str, status: int) -> None:
    response = client.get(path, headers={"host": host})
    response.close()  # a static file is open until then

    assert response.status_code == status
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "has_policy"), [("/nowhere/", False), ("/account/login/", True)])
def test_only_debug_pages_of_django_may_contain_styles(
    client: Client, settings: LazySettings, path: str, has_policy: bool
) -> None:
    settings.DEBUG = True
    assert ("Content-Security-Policy" in client.get(path).headers) == has_policy


def test_over_https_cookies_belong_to_this_host_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_with(monkeypatch, tmp_path, **HTTPS)

    assert settings["SESSION_COOKIE_NAME"].startswith("__Host-")
    assert settings["CSRF_COOKIE_NAME"].startswith("__Host-")
    assert settings["SESSION_COOKIE_SECURE"]
    assert settings["CSRF_COOKIE_SECURE"]
    assert "bank.example" in settings["ALLOWED_HOSTS"]


@pytest.mark.django_db
def test_no_script_reads_a_cookie_and_no_other_site_sends_one(client: Client) -> None:
    person = UserFactory(password=PASSWORD)
    client.get("/account/login/")
    client.post("/account/login/", {"login": person.email, "password": PASSWORD})
    client.post("/theme/", {"theme": "dark"})
    cookies = {name: (each["httponly"], each["samesite"]) for name, each in client.cookies.items()}
    assert {"csrftoken", "sessionid", "device", "theme"} <= {*cookies}
    assert {*cookies.values()} == {(True, "Lax")}


@pytest.mark.django_db
@pytest.mark.parametrize(("https", "name"), [(True, "__Host-messages"), (False, "messages")])
def test_a_message_is_in_a_cookie_of_this_host_that_the_page_about_privacy_names(
    client: Client, settings: LazySettings, https: bool, name: str
) -> None:
    settings.LEDGER_HTTPS = settings.SESSION_COOKIE_SECURE = https
    person = UserFactory(password=PASSWORD)

    client.post("/account/login/", {"login": person.email, "password": PASSWORD})
    cookie = client.cookies[name]

    assert (bool(cookie["secure"]), cookie["path"], cookie["domain"]) == (https, "/", "")
    assert name in client.get("/privacy/").content.decode()
    client.get("/")
    assert client.cookies[name].value == ""  # shown, and gone


@pytest.mark.django_db
def test_the_admin_changes_no_password_by_its_own_form(staff: Client) -> None:
    page = reverse("account_change_password")

    for answer in (staff.get, staff.post):
        assert answer("/admin/password_change/").headers["Location"] == page
    assert reverse("admin:password_change") == "/admin/password_change/"


@pytest.mark.django_db
def test_a_mail_leads_to_the_address_of_the_settings(
    client: Client, settings: object, mailoutbox: list[EmailMessage]
) -> None:
    settings.LEDGER_URL = "http://localhost:8000"  # type: ignore[attr-defined]
    person = UserFactory()

    client.post(
        reverse("account_reset_password"), {"email": person.email}, headers={"host": "localhost:99"}
    )

    (mail,) = mailoutbox
    assert "http://localhost:8000/account/" in mail.body
    assert ":99" not in mail.body
