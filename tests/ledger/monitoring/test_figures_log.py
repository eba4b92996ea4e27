"""What a task of AWS logs of `/metrics`, for alarms on its log."""

import http.client
import json
import subprocess
import sys
from typing import Any

import pytest
from django.test import Client

from ledger.env import BASE_DIR
from ledger.jobs.schedule import BACKUP, JOBS
from ledger.monitoring import figures_log, page
from ledger.monitoring.figures_log import FiguresLog, look, main, samples_of
from ledger.monitoring.polling import Poller
from tests.ledger.own_site import own_site
from tests.metrics import TOKEN, scrape

PAGE = """
ledger_db_oldest_transaction_seconds 3.5
ledger_holds_overdue_seconds 7200
ledger_webhook_unserved_seconds 301
ledger_webhook_receivers_failing 2
ledger_webhook_receivers 9
ledger_webhook_deliveries_hour{outcome="delivered"} 0
ledger_webhook_deliveries_hour{outcome="failed"} 3
ledger_seal_until_timestamp_seconds 1000
ledger_job_late{command="audit_ledger"} 1
ledger_job_late{command="seal_ledger"} 1
ledger_job_late{command="backup"} 1
ledger_payments_total{kind="transfer",outcome="unknown"} 2
ledger_payments_total{kind="refund",outcome="unknown"} 1
ledger_payments_total{kind="transfer",outcome="failed"} 4
ledger_refusals_total{error="RefusedByDatabase"} 1
ledger_refusals_total{error="InsufficientFunds"} 99
"""


def test_a_line_has_what_alarms_ask_for() -> None:
    found = FiguresLog().line(samples_of(PAGE), now=4600.25)
    assert found == {
        "oldest_transaction_seconds": 3.5,
        "holds_overdue_seconds": 7200,
        "webhooks_unserved_seconds": 301,
        "webhooks_fail": 2,
        "unsealed_seconds": 3600.25,
        "jobs_late": 2,  # the server makes the backups
        "payments_unknown": 0,
        "payments_failed": 0,
        "refused_by_database": 0,
    }


def test_counts_are_those_since_the_line_before() -> None:
    log = FiguresLog()
    log.line(samples_of(PAGE), now=4600)
    more = PAGE.replace('refund",outcome="unknown"} 1', 'refund",outcome="unknown"} 4')
    assert log.line(samples_of(more), now=4660)["payments_unknown"] == 3
    assert log.line(samples_of(more), now=4720)["payments_unknown"] == 0
    # The processes began anew, and counted one since.
    again = 'ledger_payments_total{kind="transfer",outcome="unknown"} 1\n'
    assert log.line(samples_of(again), now=4780)["payments_unknown"] == 1


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ('outcome="delivered"} 0', 'outcome="delivered"} 1', 0),
        ("receivers_failing 2", "receivers_failing 1", 0),
        ("receivers 9", "receivers 1", 2),
    ],
)
def test_webhooks_fail_if_none_is_served_and_several_fail_or_the_only_one(
    before: str, after: str, found: int
) -> None:
    log = FiguresLog().line(samples_of(PAGE.replace(before, after)), now=4600)
    assert log["webhooks_fail"] == found


def test_what_the_database_did_not_tell_is_left_out() -> None:
    found = FiguresLog().line(samples_of("ledger_db_up 0\n"), now=4600)
    assert set(found) == {"payments_unknown", "payments_failed", "refused_by_database"}


def test_before_the_first_seal_its_job_is_late_and_no_age_is_told() -> None:
    zero = PAGE.replace("seconds 1000", "seconds 0")
    assert "unsealed_seconds" not in FiguresLog().line(samples_of(zero), now=4600)


@pytest.mark.django_db(transaction=True)
def test_the_page_has_every_figure(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_METRICS_TOKEN = [TOKEN]
    monkeypatch.setattr(page, "_poller", Poller(page.QUESTIONS))
    samples = samples_of(scrape(client).content.decode())
    names = {each.name for each in samples}
    assert names >= {
        *figures_log.LATEST.values(),
        figures_log.FAILING,
        figures_log.SEALED_UNTIL,
        figures_log.JOB_LATE,
    }
    webhooks = [
        (figures_log.DELIVERIES, figures_log.DELIVERED),
        (figures_log.RECEIVERS, {}),
    ]
    for metric, labels in (*figures_log.COUNTED.values(), *webhooks):
        assert any(
            each.name == metric and labels.items() <= each.labels.items() for each in samples
        ), metric
    late = {each.labels["command"] for each in samples if each.name == figures_log.JOB_LATE}
    assert late == {job.name for job in (*JOBS, BACKUP)}
    assert BACKUP.name == figures_log.NOT_OF_AWS


def test_a_page_that_cannot_be_read_is_a_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(_port: int, _token: str) -> str:
        raise http.client.HTTPException("/metrics answered 404")

    monkeypatch.setattr(figures_log, "page_of", away)
    look(FiguresLog(), 8000, TOKEN)
    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["error"]) == ("figures.missing", "HTTPException")


def test_without_a_token_it_says_which_setting_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LEDGER_METRICS_TOKEN", raising=False)
    assert main(rounds=1) == 1
    assert "LEDGER_METRICS_TOKEN is missing" in capsys.readouterr().err


def test_it_logs_the_figures_of_a_bank_that_is_served() -> None:
    """As on AWS: with no setting but the port and the token."""
    with own_site(LEDGER_METRICS_TOKEN=TOKEN) as site:
        process = subprocess.Popen(
            [sys.executable, "-m", "ledger.monitoring.figures_log"],
            cwd=BASE_DIR,
            env={"PORT": str(site.port), "LEDGER_METRICS_TOKEN": f"{TOKEN},{'another' * 9}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            line = json.loads(process.stdout.readline())
        finally:
            process.kill()
            process.communicate()
    assert line["event"] == "figures"
    assert line["payments_unknown"] == 0
    assert line["oldest_transaction_seconds"] >= 0
    assert line["jobs_late"] >= 1  # none has run yet
