"""`manage.py mail_failure`, by which systemd tells of a service that failed."""

from typing import Any
from unittest.mock import patch

import pytest
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command

from ledger.web.mail import MailNotSent


def test_a_failed_service_is_mailed_by_its_name(
    settings: Any, mailoutbox: list[EmailMessage]
) -> None:
    settings.LEDGER_OPERATOR_MAIL = "operator@bank.test"
    call_command("mail_failure", "ledger-backup")
    (mail,) = mailoutbox
    assert mail.to == ["operator@bank.test"]
    assert "ledger-backup failed" in mail.subject
    assert "journalctl -u ledger-backup" in mail.body


def test_where_nobody_is_named_it_fails_and_says_so(
    settings: Any, mailoutbox: list[EmailMessage]
) -> None:
    settings.LEDGER_OPERATOR_MAIL = ""
    with pytest.raises(CommandError, match="LEDGER_OPERATOR_MAIL"):
        call_command("mail_failure", "ledger-backup")
    assert mailoutbox == []


def test_a_mail_that_does_not_leave_is_told(settings: Any) -> None:
    settings.LEDGER_OPERATOR_MAIL = "operator@bank.test"
    with (
        patch("ledger.management.commands.mail_failure.send_mail", side_effect=MailNotSent("x")),
        pytest.raises(CommandError, match="ledger-backup failed"),
    ):
        call_command("mail_failure", "ledger-backup")
