"""Every call of the schema with made-up values, as a customer, an analyst and staff: no error of
the server, no answer outside the schema, nothing of a stranger's. LEDGER_SEED takes another seed.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.groups import ANALYSTS, OPERATIONS
from accounts.models import Account, User
from tests.accounts.tokens import issue
from tests.conftest import colleague, set_role
from tests.factories import AccountFactory
from transactions import services
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
EXAMPLES = 20  # of each operation
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(params=["customer", "analyst", "staff"])
def caller(request: pytest.FixtureRequest, mine: Account) -> User:
    if request.param == "customer":
        return mine.user
    return colleague(ANALYSTS if request.param == "analyst" else OPERATIONS, "Colleague")


@pytest.fixture
def scopes(request: pytest.FixtureRequest) -> list[str]:
    who = request.node.callspec.params["caller"]
    return {
        "customer": ["read", "pay"],
        "analyst": ["read", "report"],
        "staff": ["read", "pay", "staff", "report"],
    }[who]


@pytest.fixture
def strangers() -> list[str]:
    """What only two strangers to each other may read: none of the callers is one of them."""
    one = AccountFactory(balance="777.77", name="Hidden jar", user__name="Zacharias Quint")
    other = AccountFactory(name="Hidden till", user__name="Wilhelmina Oort")
    row = services.transfer(
        from_account=one, to_account=other, amount=one.balance, description="Secret errand"
    )
    return [str(one.pk), one.number, "Hidden jar", "Zacharias", str(row.pk), "Secret errand"]


def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    """The site with the rights of a web process."""
    set_role("ledger_web")
    signals = (request_started, request_finished)
    for signal in signals:  # as Django's test client does: the connection is the test's
        signal.disconnect(close_old_connections)
    try:
        answer: Any = WSGIHandler()(environ, start_response)
        body = list(answer)
        answer.close()
        return iter(body)
    finally:
        for signal in signals:
            signal.connect(close_old_connections)
        set_role(None)


def test_every_call_answers_within_the_schema(
    caller: User,
    scopes: list[str],
    mine: Account,
    theirs: Account,
    strangers: list[str],
    figure: Callable[[str], None],
) -> None:
    number = int(os.environ.get("LEDGER_SEED", "728149"))
    figure(f"seed {number}")
    header = {"Authorization": f"Bearer {issue(caller, *scopes).text}"}
    row = services.transfer(from_account=mine, to_account=theirs, amount=mine.balance / 4)
    accounts, rows = [str(mine.pk), str(theirs.pk), strangers[0]], [str(row.pk), strangers[4]]
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", site)
    reads_bank = "report" in scopes or "staff" in scopes

    def check(case: Any, real: bool, which: int) -> None:
        if real and "id" in (case.path_parameters or {}):
            ids = accounts if "/accounts/" in case.path else rows
            case.path_parameters["id"] = ids[which % len(ids)]
            if which % 5 == 0:
                case.query = {}
        answer = case.call(headers=header)
        case.validate_response(answer, checks=CHECKS)
        found.add((case.method, case.path, answer.status_code))
        if not reads_bank:
            sent = f"{case.path_parameters} {case.query} {case.body}"
            shown = [fact for fact in strangers if fact in answer.text and fact not in sent]
            assert shown == [], (case.method, case.path, shown)

    seen, found = 0, set[tuple[str, str, int]]()
    for each in schema.get_all_operations():
        result: Any = each
        operation = result.ok()
        run = given(operation.as_strategy(), st.booleans(), st.integers(0, 99))(check)
        usual = settings(
            max_examples=EXAMPLES, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        usual(seed(number)(run))()
        seen += 1
    assert seen >= 12
    read = {path for method, path, status in found if (method, status) == ("GET", 200)}
    if caller == mine.user:
        assert {"/api/v1/accounts/{id}/", "/api/v1/accounts/{id}/entries/"} <= read
    if caller == mine.user or "staff" in scopes:
        assert "/api/v1/transactions/{id}/" in read
    assert Transaction.objects.filter(pk=strangers[4]).exists()
