"""What docs/first-day.md says, on an empty bank with the settings of a real one: every command, and
in Chromium every label in bold.
"""

import fcntl
import os
import re
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.totp.internal import auth as totp
from playwright.sync_api import expect

from ledger.embedded.removal import delete_everything
from tests.console import Step, blocks_of, missing_line, read
from tests.ledger.processes import (
    LONG,
    MANAGE,
    environment,
    free_port,
    reachable_folder,
    wait_until,
)

PAGE = "docs/first-day.md"
TEXT = " ".join(read(PAGE).split())
BLOCKS = {block.where: block.steps for block in blocks_of(PAGE)}
PASSWORD = "lanterns-over-slow-rivers"
EXAMPLE = "http://localhost:8000"


def bold(label: str) -> str:
    """A label of a page that the docs name."""
    assert f"**{label}**" in TEXT, label
    return label


class NewBank:
    """An empty bank in a folder: its commands, its site, and what the site has printed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.address = f"http://localhost:{self.port}"
        self.settings = environment(folder / "data", PORT=str(self.port))
        self.settings.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # of this process, for Playwright
        self.log = folder / "log"
        self.done: list[str] = []

    def run(self, where: str) -> None:
        """The commands of a block, and what they print."""
        for step in BLOCKS[where]:
            settings, (program, *arguments) = step.words()
            assert program == "manage.py"
            finished = subprocess.run(
                [*MANAGE, *arguments],
                cwd=self.folder,
                env=self.settings | settings,
                capture_output=True,
                text=True,
                timeout=LONG,
                check=False,
            )
            printed = finished.stdout + finished.stderr
            assert finished.returncode == 0, printed
            assert not missing_line(step, printed), printed
        self.done.append(where)

    def run_at_a_terminal(self, where: str) -> None:
        """The same for a command with questions: what the page shows behind them is typed."""
        (step,) = BLOCKS[where]
        ours, its = os.openpty()
        with subprocess.Popen(
            [*MANAGE, *step.words()[1][1:]],
            env=self.settings,
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - getpass asks there
        ) as process:
            os.close(its)
            end = threading.Timer(LONG, process.kill)
            end.start()
            printed = _typed(ours, step)
            assert process.wait(LONG) == 0, printed
            end.cancel()
        os.close(ours)
        assert step.prints[-1] in printed
        self.done.append(where)

    @contextmanager
    def site(self, where: str) -> Iterator[None]:
        (step,) = BLOCKS[where]
        with self.log.open("w") as log:
            process = subprocess.Popen(
                [*MANAGE, *step.words()[1][1:]],
                env=self.settings,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                wait_until(lambda: "Ctrl-C" in self.log.read_text() or process.poll() is not None)
                printed = self.log.read_text().replace(self.address, EXAMPLE)
                assert not missing_line(step, printed), printed
                self.done.append(where)
                yield
            finally:
                process.terminate()
                process.wait(LONG)

    def mailed_code(self, address: str) -> str:
        """The code in the mail to this address, which the site has printed."""

        def found() -> list[str]:
            mail = self.log.read_text().partition(f"To: {address}")[2]
            return re.findall(r"^([A-Z0-9]{3,}-?[A-Z0-9]{3,})$", mail, re.MULTILINE)

        wait_until(lambda: bool(found()))
        return found()[0]


def _typed(terminal: int, step: Step) -> str:
    """Types the answers of the page, each when its question has come; all that was printed."""
    answers = [(line.partition(":")[0] + ":", line.partition(":")[2].strip() or PASSWORD)
               for line in step.prints[:-1]]  # fmt: skip
    printed = seen = ""
    while True:
        try:
            more = os.read(terminal, 1000).decode()
        except OSError:  # it has ended
            return printed
        if not more:
            return printed
        printed, seen = printed + more, seen + more
        if answers and answers[0][0] in seen:
            seen = ""
            os.write(terminal, f"{answers.pop(0)[1]}\n".encode())


class Newcomer:
    """Somebody with a browser."""

    def __init__(self, browser: Any, bank: NewBank, name: str, email: str) -> None:
        context = browser.new_context(base_url=bank.address)
        context.set_default_timeout(60_000)
        self.page, self.bank, self.name, self.email = context.new_page(), bank, name, email
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> None:
        assert f"`{EXAMPLE}{path}`" in TEXT
        self.page.goto(path)

    def fill(self, label: str, text: str) -> None:
        self.field(label).fill(text)

    def field(self, label: str) -> Any:
        """By its label, behind which the admin puts a colon."""
        return self.page.get_by_label(re.compile(f"^{re.escape(bold(label))}:?$"))

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=bold(name), exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=bold(name), exact=True).click()

    def sign_up(self) -> None:
        self.open("/account/signup/")
        self.fill("Your name", self.name)
        self.fill("Email", self.email)
        self.fill("Password", PASSWORD)
        self.fill("Password, again", PASSWORD)
        self.press("Sign up")
        self.fill("Code", self.bank.mailed_code(self.email))
        self.press("Confirm")
        expect(self.page.get_by_text(f"You are signed in as {self.name}")).to_be_visible()

    def set_up_the_second_factor(self) -> None:
        """Steps 1 to 5, until the admin opens."""
        self.open("/account/login/")
        self.fill("Email", self.email)
        self.fill("Password", PASSWORD)
        self.press("Sign in")
        self.page.wait_for_url(lambda url: "/account/login/" not in url)
        self.open("/admin/")
        self.follow("Set up an app")
        key = self.page.get_by_text(re.compile(r"^[A-Z2-7]{32}$")).first.inner_text()
        (now,) = totp.yield_hotp_counters_from_time()
        self.fill("Code from the app", totp.format_hotp_value(totp.hotp_value(key, now)))
        self.press("Use this app")
        self.press("Make codes")
        codes = self.page.get_by_role("list", name="New codes").get_by_role("listitem")
        expect(codes).to_have_count(10)
        first: str = codes.first.inner_text()
        self.follow("I have saved the codes")
        self.open("/admin/")
        self.follow("Use your second factor")
        self.page.get_by_label("Code from your app, or a recovery code").fill(first)
        self.press("Confirm")
        expect(self.page).to_have_url(f"{self.bank.address}/admin/")

    def open_an_account(self) -> str:
        """Its number."""
        self.follow("Open an account")
        self.fill("Account name", "Everyday")
        self.field("Currency").select_option("USD")
        self.press("Open the account")
        heading: str = self.page.get_by_role("heading", level=1).inner_text()
        return " ".join(re.findall(r"[0-9]{4}", heading)[:3])


@pytest.fixture
def bank() -> Iterator[NewBank]:
    with reachable_folder() as folder:
        try:
            yield NewBank(folder)
        finally:
            delete_everything(folder / "data")


def test_the_page_leads_to_a_deposit_in_the_customers_browser(browser: Any, bank: NewBank) -> None:
    bank.run("prepare")
    with bank.site("serve"):
        bank.run_at_a_terminal("root")
        Newcomer(browser, bank, "Robin Root", "robin@bank.example").set_up_the_second_factor()
        clara = Newcomer(browser, bank, "Clara Clerk", "clara@bank.example")
        mona = Newcomer(browser, bank, "Mona Manager", "mona@bank.example")
        for each in (mona, clara):
            each.sign_up()
        bank.run("staff")
        for each in (mona, clara):
            each.set_up_the_second_factor()

        cleo = Newcomer(browser, bank, "Cleo Customer", "cleo@example.com")
        cleo.sign_up()
        number = cleo.open_an_account()
        assert "500.00" not in cleo.page.get_by_role("main").inner_text()

        clara.follow("Cash desk")
        clara.fill("Account number", number)
        clara.page.get_by_role("radio", name=bold("Deposit")).check()
        clara.fill("Amount", "500")
        clara.press("Review")
        expect(clara.page.locator(".review__sentence")).to_contain_text("Cleo Customer")
        clara.page.get_by_role("button", name=re.compile("500.00")).click()
        clara.page.wait_for_url("**/change/")

        cleo.page.reload()
        expect(cleo.page.get_by_role("main")).to_contain_text("500.00 USD available")
        expect(cleo.page.get_by_role("main")).to_contain_text("Cash deposit")
        for where in ("work", "backup", "check"):
            bank.run(where)
    assert bank.done == list(BLOCKS)
    assert [*clara.complaints, *mona.complaints, *cleo.complaints] == []
