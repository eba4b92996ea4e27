"""deploy/server/mail: what tells the operator that a service failed, without Ledger."""

import os
import runpy
import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from ledger.env import BASE_DIR

PROGRAM = BASE_DIR / "deploy/server/mail"


class SmtpServer:
    """Notes how it is used, in place of the classes of smtplib."""

    def __init__(self, used: list[Any], *where: Any, **options: Any) -> None:
        self.used = used
        used.append(where)
        if "context" in options:
            self.note(options["context"])

    def note(self, context: ssl.SSLContext) -> None:
        assert context.check_hostname
        self.used.append(context.verify_mode.name)

    def __enter__(self) -> "SmtpServer":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def starttls(self, *, context: ssl.SSLContext) -> None:
        self.used.append("STARTTLS")
        self.note(context)

    def login(self, *names: str) -> None:
        self.used.append(names)

    def send_message(self, mail: EmailMessage) -> None:
        self.used.append(mail)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """What was done with a mail server."""
    found: list[Any] = []
    for name in ("SMTP", "SMTP_SSL"):
        monkeypatch.setattr(smtplib, name, lambda *a, _n=name, **o: SmtpServer(found, _n, *a, **o))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("LEDGER_OPERATOR_MAIL", "operator@bank.test")
    monkeypatch.setenv("DEFAULT_FROM_EMAIL", "Bank <bank@bank.test>")
    monkeypatch.setenv("EMAIL_URL", "smtp://mail.test:2525")
    return found


def mail(monkeypatch: pytest.MonkeyPatch, unit: str = "ledger-web") -> None:
    monkeypatch.setattr("sys.argv", [str(PROGRAM), unit])
    runpy.run_path(str(PROGRAM), run_name="__main__")


@pytest.mark.parametrize(
    ("url", "done"),
    [
        ("smtp://mail.test:2525", [("SMTP", "mail.test", 2525)]),
        ("smtp+tls://mail.test", [("SMTP", "mail.test", 25), "STARTTLS", "CERT_REQUIRED"]),
        (
            "smtp+ssl://me%40bank:p%2Fw@mail.test",
            [("SMTP_SSL", "mail.test", 465), "CERT_REQUIRED", ("me@bank", "p/w")],
        ),
    ],
)
def test_it_sends_as_the_bank_does(
    url: str, done: list[Any], used: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMAIL_URL", url)
    mail(monkeypatch)
    *before, sent = used
    assert before == done
    assert sent["To"] == "operator@bank.test"
    assert sent["From"] == "Bank <bank@bank.test>"
    assert sent["Subject"].startswith("ledger-web failed on ")
    assert "journalctl -u ledger-web" in sent.get_content()


def test_one_mail_an_hour_for_each_service(
    used: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for unit in ("ledger-web", "ledger-web", "ledger-work"):
        mail(monkeypatch, unit)
    assert sum(isinstance(each, EmailMessage) for each in used) == 2
    os.utime(tmp_path / "ledger-web", (0, 0))
    mail(monkeypatch)
    assert sum(isinstance(each, EmailMessage) for each in used) == 3


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LEDGER_OPERATOR_MAIL", "", "LEDGER_OPERATOR_MAIL"),
        ("EMAIL_URL", "", "ValueError"),
        ("EMAIL_URL", "consolemail://", "ValueError"),
        ("EMAIL_URL", "smtp://mail.test:many", "ValueError"),
    ],
)
def test_a_mail_that_does_not_leave_is_told_and_tried_again(
    name: str, value: str, said: str, used: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=said):
        mail(monkeypatch)
    monkeypatch.undo()
    assert used == []
