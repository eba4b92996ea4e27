"""A day of a bank with the demo's data: nothing that it knows of anybody is in its logs."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from ledger.embedded.removal import delete_everything
from tests.ledger.logs.day import Day
from tests.ledger.logs.known import Written, forms_of
from tests.ledger.logs.mail_sink import mail_sink
from tests.ledger.logs.used_bank import UsedBank
from tests.ledger.processes import reachable_folder

KINDS = {
    "address", "amount", "balance", "code", "ip", "metadata", "name", "note", "number", "password",
    "secret", "text",
}  # fmt: skip


@pytest.fixture(scope="module")
def day() -> Iterator[Day]:
    with reachable_folder() as folder, mail_sink() as mails:
        bank = UsedBank(folder, mails.port)
        try:
            found = Day(bank, mails)
            found.happen()
            bank.stop()
            yield found
        finally:
            bank.stop()
            delete_everything(bank.data)


def lines_of(day: Day) -> list[dict[str, Any]]:
    return [json.loads(line) for line in day.bank.lines()]


def test_nothing_that_the_bank_knows_is_in_its_logs(day: Day) -> None:
    known = day.known()
    assert {kind for kind, facts in known.items() if facts} == KINDS
    assert len(known["amount"]) > 1000
    assert Written(day.bank.lines()).leaks(known) == []


def test_every_line_is_json_and_says_when_and_where_it_comes_from(day: Day) -> None:
    lines = lines_of(day)
    assert all({"time", "level", "logger"} <= line.keys() for line in lines)
    assert [line for line in lines if not {"message", "event"} & line.keys()] == []
    nowhere = [line for line in lines if not {"request_id", "command"} & line.keys()]
    assert {line["logger"] for line in nowhere} <= {"gunicorn.error", "ledger.start"}


def test_each_answer_of_a_page_has_its_line(day: Day) -> None:
    logged = Counter(
        (line["method"], line["status"])
        for line in lines_of(day)
        if line.get("event") == "request.answered" and line["level"] == "INFO"
    )
    answered = Counter(
        (request.split()[0] if not request.startswith("VIOLET") else "other", status)
        for visitor in day.visitors
        for request, status in visitor.answers
    )
    assert logged.keys() <= answered.keys()
    assert sum(logged.values()) > 150
    assert {500, 503, 404, 403, 400} <= {status for _, status in logged}


def test_what_failed_can_be_found_by_the_id_on_the_page(day: Day) -> None:
    errors = [line for line in lines_of(day) if line["level"] == "ERROR"]
    assert len(day.failed) == 2
    bug, outage = ([line for line in errors if line.get("request_id") == id] for id in day.failed)
    assert {line["exception"][0]["database"] for line in bug} == {"SQLSTATE 23505"}
    assert [line["route"] for line in outage] == ["transactions:transfer"]


def test_jobs_and_the_audit_say_what_they_found(day: Day) -> None:
    lines = lines_of(day)
    assert {"audit_ledger", "seal_ledger"} <= {line.get("job") for line in lines}
    audits = [line["clean"] for line in lines if line.get("event") == "audit.done"]
    assert audits[-1] is False
    assert True in audits
    assert [line for line in lines if line.get("message", "").startswith("Broken: ")]


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ({"message": "to ANA@example.com"}, {"address": ["ana@example.com"]}),
        ({"message": "Misaki Satō"}, {"name": ["Misaki Satō"]}),
        ({"message": "for Lindt"}, {"name": ["Mara Lindt"]}),
        ({"message": "5,106.20 left"}, {"balance": ["5106.2000"]}),
        ({"message": "paid 43.21"}, {"amount": ["43.2100"]}),
        ({"message": "paid 150,000"}, {"amount": ["150000.0000"]}),
        ({"message": "to 4957 4376 2875"}, {"number": ["495743762875"]}),
        ({"path": "/?q=violet%20search+it"}, {"text": ["violet search it"]}),
        ({"message": "with 123456"}, {"code": ["123456"]}),
    ],
)
def test_the_search_finds_what_is_there(line: dict[str, str], known: dict[str, list[str]]) -> None:
    assert Written([json.dumps(line)]).leaks(known) != []


def test_the_search_takes_no_time_and_no_id_for_an_amount() -> None:
    line = {"time": "2026-11-22T10:43:05.123456Z", "source": "a.py:150000", "duration_ms": 31}
    known = {"amount": ["5.12", "31", "150000", "5.123"], "code": ["123456"]}
    assert Written([json.dumps(line)]).leaks(known) == []
    assert forms_of(Decimal("0.00")) == set()
