"""The state of the audit by the API: for staff with the right and the scope."""

from typing import Any

import pytest
from django.test import Client

from accounts.groups import AUDITOR, SUPPORT
from accounts.models import Account
from tests.api.calls import bearer, slug
from tests.conftest import colleague
from transactions.audit.runs import run_audit
from transactions.models import AuditRun

pytestmark = pytest.mark.django_db
AUDIT = "/api/v1/audit/"


def test_an_auditor_reads_the_runs_and_how_many_rows_break_each_rule(
    client: Client, mine: Account
) -> None:
    clean, _ = run_audit()
    finding = {"check": "balance", "account": None, "transaction": None, "expected": "1 USD",
               "found": "2 USD", "broken": 3, "sentence": "Somebody has 2 USD."}  # fmt: skip
    broken = AuditRun.objects.create(
        started_at=clean.started_at, finished_at=clean.finished_at, accounts=1, transactions=1,
        findings=[finding, {**finding, "check": "time", "broken": None}],
    )  # fmt: skip
    answer = client.get(AUDIT, headers=bearer(colleague(AUDITOR, "Auditor"), "staff"))
    data = answer.json()
    assert {run["id"] for run in data["last"]} == {str(clean.pk), str(broken.pk)}
    found = {run["id"]: run["findings"] for run in data["last"]}
    assert found[str(broken.pk)] == [
        {"check": "balance", "broken": 3}, {"check": "time", "broken": None},
    ]  # fmt: skip
    assert (data["seals"], data["last_seal"]) == (0, None)
    assert "2 USD" not in answer.content.decode()


def test_nothing_audited_is_not_clean(client: Client) -> None:
    data = client.get(AUDIT, headers=bearer(colleague(AUDITOR, "Auditor"), "staff")).json()
    assert (data["is_clean"], data["counting"], data["last"]) == (None, None, [])


@pytest.mark.parametrize(
    ("group", "scopes"),
    [(AUDITOR, ["read", "pay", "report"]), (SUPPORT, ["staff"])],
)
def test_nobody_else_reads_it(client: Client, group: str, scopes: list[str]) -> None:
    answer = client.get(AUDIT, headers=bearer(colleague(group, "Nina"), *scopes))
    assert (answer.status_code, slug(answer)) == (403, "not-allowed")


def test_a_customer_reads_none_of_it(ana: Client) -> None:
    assert ana.get(AUDIT).status_code == 403


def test_the_number_of_queries(client: Client, django_assert_num_queries: Any) -> None:
    run_audit()
    header = bearer(colleague(AUDITOR, "Auditor"), "staff")
    client.get(AUDIT, headers=header)
    with django_assert_num_queries(8):
        client.get(AUDIT, headers=header)
