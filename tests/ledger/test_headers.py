"""Headers that every response has, also those that no view makes."""

import runpy
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from ledger.env import BASE_DIR
from tests.ledger.processes import environment


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


def test_over_https_cookies_belong_to_this_host_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(tmp_path, LEDGER_HTTPS="True").items():
        monkeypatch.setenv(name, value)
    settings = runpy.run_path(str(BASE_DIR / "ledger" / "settings.py"))

    assert settings["SESSION_COOKIE_NAME"].startswith("__Host-")
    assert settings["CSRF_COOKIE_NAME"].startswith("__Host-")
    assert settings["SESSION_COOKIE_SECURE"]
    assert settings["CSRF_COOKIE_SECURE"]


@pytest.mark.django_db
def test_the_admin_changes_no_password_by_its_own_form(staff: Client) -> None:
    page = reverse("account_change_password")

    for answer in (staff.get, staff.post):
        assert answer("/admin/password_change/").headers["Location"] == page
    assert reverse("admin:password_change") == "/admin/password_change/"
