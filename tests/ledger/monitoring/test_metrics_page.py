"""Who sees `/metrics`, and what it leaves behind: no session, no cached copy, no logged read."""

import pytest
from django.conf import LazySettings
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import Read
from ledger import env
from tests.factories import UserFactory
from tests.metrics import TOKEN, figure, figures_in, scrape
from tests.pages import lacks

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "fedcba9876543210" * 2


@pytest.fixture(autouse=True)
def token(settings: LazySettings) -> None:
    settings.LEDGER_METRICS_TOKEN = [TOKEN]


def test_a_token_shows_the_figures(client: Client) -> None:
    answer = scrape(client)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    figures = figures_in(answer.content.decode())
    assert figure(figures, "ledger_db_up") == 1
    assert figure(figures, "ledger_payments_total", kind="transfer", outcome="booked") is not None


def test_it_comes_by_any_host_over_plain_http(client: Client, settings: LazySettings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["bank.example"]
    assert scrape(client).status_code == 200


@pytest.mark.parametrize("shown", ["", "wrong" * 8, TOKEN[:-1], TOKEN + "0", "é" * 32])
def test_with_another_token_there_is_no_such_page(client: Client, shown: str) -> None:
    headers = {"Authorization": f"Bearer {shown}".encode().decode("latin-1")}
    answer = client.get("/metrics", headers=headers)
    nowhere = client.get("/nowhere", headers=headers)
    assert (answer.status_code, answer.content) == (404, nowhere.content)


def test_without_a_setting_no_token_is_right(client: Client, settings: LazySettings) -> None:
    settings.LEDGER_METRICS_TOKEN = []
    for shown in ("", TOKEN):
        assert (
            client.get("/metrics", headers={"Authorization": f"Bearer {shown}"}).status_code == 404
        )


def test_the_old_and_the_new_token_are_right_meanwhile(
    client: Client, settings: LazySettings
) -> None:
    settings.LEDGER_METRICS_TOKEN = [NEW, TOKEN]
    assert [scrape(client, token).status_code for token in (TOKEN, NEW)] == [200, 200]


def test_strangers_and_customers_find_no_such_page(client: Client) -> None:
    assert client.get("/metrics").status_code == 404
    client.force_login(UserFactory())
    assert client.get("/metrics").status_code == 404


def test_staff_see_it_in_their_browser(staff: Client) -> None:
    answer = staff.get("/metrics")
    assert answer.status_code == 200
    assert not lacks(answer.content.decode(), "ledger_http_requests_total", "ledger_holds_open")


def test_staff_without_a_second_factor_are_led_to_it(staff: Client, settings: LazySettings) -> None:
    settings.LEDGER_STAFF_SECOND_FACTOR = True
    answer = staff.get("/metrics")
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        "/account/security/?next=%2Fmetrics",
    )


def test_it_is_only_read(client: Client, staff: Client) -> None:
    authorized = {"Authorization": f"Bearer {TOKEN}"}
    for method in ("post", "put", "delete"):
        assert getattr(Client(), method)("/metrics", headers=authorized).status_code == 405
        assert getattr(staff, method)("/metrics").status_code == 405
    head = Client().head("/metrics", headers=authorized)
    assert (head.status_code, head.content) == (200, b"")


def test_it_leaves_no_session_no_copy_and_no_read(staff: Client) -> None:
    asked, sessions = Client(), Session.objects.count()
    for answer in (scrape(asked), staff.get("/metrics")):
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert not answer.cookies
    assert not asked.cookies
    assert Session.objects.count() == sessions
    assert not Read.objects.exists()


@pytest.mark.parametrize("wrong", ["short", "a" * 40, "0123456789abcdef" * 2 + " é"])
def test_a_token_that_can_be_guessed_stops_the_start(
    wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEDGER_METRICS_TOKEN", wrong)
    with pytest.raises(SystemExit):
        env.tokens("LEDGER_METRICS_TOKEN")
    said = capsys.readouterr().err
    assert "LEDGER_METRICS_TOKEN" in said
    assert wrong not in said
