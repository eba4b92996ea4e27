"""Passkeys by a virtual authenticator, and an app set up by the key on the page, in Chromium."""

from typing import Any

import pytest
from django.core import mail
from playwright.sync_api import expect

from accounts.models import User
from accounts.sign_in.factors import factors_of
from tests.browser.shared import look_at, sign_in
from tests.factories import PASSWORD, UserFactory
from tests.sign_in import code_of, freeze_codes, let_pass_for

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def ana(db: None) -> User:
    ana: User = UserFactory(email="ana@example.com", name="Ana", password=PASSWORD)
    return ana


@pytest.fixture
def device(page: Any) -> Any:
    """A device that makes passkeys. It verifies its owner at once, until it is told otherwise."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    device = session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return lambda **facts: session.send("WebAuthn.setUserVerified", {**device, **facts})


def press(page: Any, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name, exact=True).click()


def test_a_passkey_is_added_signs_in_alone_and_steps_up(page: Any, device: Any, ana: User) -> None:
    wrong = []
    sign_in(page)
    page.goto("/account/security/")
    wrong += look_at(page, "security")
    page.get_by_role("link", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="Add a passkey")).to_be_visible()
    wrong += look_at(page, "add a passkey")
    page.get_by_label("Name of the passkey").fill("Phone")
    press(page, "Add the passkey")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    wrong += look_at(page, "no recovery codes yet")
    press(page, "Make codes")
    codes = page.get_by_role("list", name="New codes").get_by_role("listitem")
    expect(codes).to_have_count(10)
    wrong += look_at(page, "recovery codes")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as a file").click()
    assert codes.all_inner_texts() == saved.value.path().read_text().split()[-10:]
    page.get_by_role("link", name="I have saved the codes").click()
    expect(page.get_by_text("10 unused codes")).to_be_visible()

    page.goto("/account/logout/")
    press(page, "Sign out")
    page.goto("/account/login/")
    press(page, "Sign in with a passkey")
    page.wait_for_url(lambda url: "/account/" not in url)

    let_pass_for(ana, minutes=6)
    page.goto("/account/security/password/remove/")
    wrong += look_at(page, "step up by passkey")
    press(page, "Use a passkey")
    press(page, "Remove the password")
    expect(page.get_by_role("heading", name="Your passkeys sign you in")).to_be_visible()
    expect(page.get_by_role("heading", name="Phone")).to_be_visible()
    wrong += look_at(page, "security with a passkey alone")

    page.goto("/account/logout/")
    press(page, "Sign out")
    page.goto("/account/login/")
    device(isUserVerified=False)  # whoever holds it has another finger
    press(page, "Sign in with a passkey")
    expect(page.get_by_role("alert")).to_contain_text("No passkey was used")
    assert wrong == []


def test_somebody_signs_up_by_a_passkey_without_any_password(page: Any, device: Any) -> None:
    wrong = []
    page.goto("/account/signup/")
    page.get_by_role("link", name="Sign up with a passkey").click()
    page.get_by_label("Your name").fill("Nina Berg")
    page.get_by_label("Email").fill("nina@example.com")
    wrong += look_at(page, "sign up by passkey")
    press(page, "Continue")
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    page.get_by_label("Code").fill(str(mail.outbox[0].body).split("signed up:\n\n")[1].split()[0])
    press(page, "Confirm")
    expect(page.get_by_role("heading", name="Make your passkey")).to_be_visible()
    wrong += look_at(page, "first passkey")
    press(page, "Make the passkey")
    page.wait_for_url(lambda url: "/account/" not in url)
    nina = User.objects.get()
    assert [passkey.is_passwordless for passkey in factors_of(nina).passkeys] == [True]
    assert not nina.has_usable_password()
    assert wrong == []


def test_an_app_is_set_up_by_the_key_on_the_page(
    page: Any, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze_codes(monkeypatch)
    wrong = []
    sign_in(page)
    page.goto("/account/2fa/totp/activate/")
    picture = page.get_by_role("img", name="QR code with the key below")
    expect(picture).to_be_visible()
    assert picture.evaluate("picture => picture.complete && picture.naturalWidth > 0")
    wrong += look_at(page, "set up an app")
    secret = page.locator("#totp-key").inner_text()
    page.get_by_label("Code from the app").fill(code_of(secret))
    press(page, "Use this app")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert factors_of(ana).app

    page.goto("/account/logout/")
    press(page, "Sign out")
    sign_in(page)
    expect(page.get_by_role("heading", name="Your second factor")).to_be_visible()
    wrong += look_at(page, "second factor")
    freeze_codes(monkeypatch, later=1)  # the code that set up the app counts once
    page.get_by_label("Code").fill(code_of(secret))
    press(page, "Sign in")
    page.wait_for_url(lambda url: "/account/" not in url)
    assert wrong == []


def test_somebody_who_began_too_many_sign_ins_by_passkey_reads_it(page: Any, device: Any) -> None:
    page.goto("/account/login/")
    page.evaluate(  # as allauth's script does for an answer 429
        """document.dispatchEvent(new CustomEvent("allauth.error",
            { cancelable: true, detail: { exception: new Error("no data") } }))"""
    )
    expect(page.get_by_role("alert")).to_contain_text("Wait a few minutes")
