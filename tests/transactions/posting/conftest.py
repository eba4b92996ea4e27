"""Both ways to post a payment, see Note [One statement]."""

import pytest

from transactions.posting import single_statement
from transactions.posting.single_statement import ONE_STATEMENT, STEP_BY_STEP


@pytest.fixture
def step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Payments lock first, then check in Python, then insert."""
    monkeypatch.setattr(single_statement, "post", lambda *_: None)


@pytest.fixture(params=[ONE_STATEMENT, STEP_BY_STEP])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs the test twice: payments in one statement where possible, and none of them."""
    name: str = request.param
    if name == STEP_BY_STEP:
        request.getfixturevalue("step_by_step")
    monkeypatch.setattr(single_statement, "paths", type(single_statement.paths)())
    return name
