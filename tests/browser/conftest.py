"""A real Chromium against a live server; the tests are skipped if it is not installed."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from threading import current_thread
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db.backends.signals import connection_created
from django.utils import timezone

from accounts.groups import OPERATIONS
from accounts.models import Account, User
from tests.browser.shared import LONG, sign_in
from tests.conftest import set_role
from tests.factories import PASSWORD, AccountFactory, UserFactory
from tests.programs import needs
from transactions import services
from transactions.annotations.services import annotate

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, and skip them without Chromium."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(needs("chromium", CHROMIUM))


@pytest.fixture(autouse=True)
def _server_as_the_web_role() -> Iterator[None]:
    """Gives the threads of the live server the rights of a web process: what the owner of the
    tables does counts as nobody's, so that the database asks for no second person.
    """

    def switch(**_signal: Any) -> None:
        if "process_request" in current_thread().name:
            set_role("ledger_web")

    connection_created.connect(switch)
    yield
    connection_created.disconnect(switch)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests of a worker; its sandbox is off for root, where it cannot run."""
    from playwright.sync_api import expect, sync_playwright

    # Playwright runs an event loop in this thread, so Django takes the thread for an async one.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    expect.set_options(timeout=60_000)  # milliseconds: long enough for a busy machine
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser: Any, live_server: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page of a new visitor. A warning or error in the console fails the test, but for a status
    that the test awaits: `awaits_status(503)`.
    """
    awaited = request.node.get_closest_marker("awaits_status")
    expected = f"status of {awaited.args[0]}" if awaited else None
    context = browser.new_context(base_url=live_server.url)
    context.set_default_timeout(60_000)
    page = context.new_page()
    complaints: list[str] = []

    def listen(message: Any) -> None:
        is_expected = expected is not None and expected in message.text
        if message.type in ("error", "warning") and not is_expected:
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture(params=["desk", "phone", "phone without scripts"])
def visit(
    request: pytest.FixtureRequest, browser: Any, live_server: Any
) -> Iterator[Callable[[str], Any]]:
    """Signs somebody in, at a desk or on a phone, and gives their page. No script may fail."""
    width = 1080 if request.param == "desk" else 390
    opened, errors = list[Any](), list[str]()

    def signed_in(email: str) -> Any:
        context = browser.new_context(
            base_url=live_server.url,
            java_script_enabled="without" not in request.param,
            viewport={"width": width, "height": 844},
        )
        context.set_default_timeout(60_000)
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        sign_in(page, email)
        return page

    yield signed_in
    for context in opened:
        context.close()
    assert errors == []


@pytest.fixture
def has_scripts(request: pytest.FixtureRequest) -> bool:
    """Whether the page of `visit` runs JavaScript."""
    return "without" not in request.node.callspec.id


@pytest.fixture
def everyday() -> Account:
    everyday = AccountFactory(
        balance="999999999999.99",
        user__email="ana@example.com",
        user__name=LONG,
        user__password=PASSWORD,
    )
    other = AccountFactory(user__name=LONG, name=LONG[:100])
    for amount in ("1", "123456789.01"):
        row = services.transfer(
            from_account=everyday,
            to_account=other,
            amount=Decimal(amount),
            description="x" * 120,
            metadata={"category": "rent", "note": "y" * 300},
        )
    for to_account in (other, None):
        services.hold(
            from_account=everyday,
            to_account=to_account,
            amount=Decimal("123456789.01"),
            description="z" * 120,
            expires_at=timezone.now() + timedelta(days=2),
        )
    services.reverse(transaction=row, amount=Decimal(1))
    tags = [f"{'t' * 28}{n:02}" for n in range(20)]
    for text in ("First", "n" * 480 + " rent " + "<img>"):
        annotate(transaction=row, owner=everyday.user, text=text, tags=tags)
    return everyday


@pytest.fixture
def clerk() -> User:
    clerk = UserFactory(is_staff=True, email="clerk@example.com", password=PASSWORD)
    clerk.groups.add(Group.objects.get(name=OPERATIONS))
    return clerk
