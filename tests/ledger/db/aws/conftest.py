"""A server that asks for passwords, and AWS's services as far as the tests need them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from ledger.db.server import credentials
from tests.ledger.db.aws.guarded import AWS, GuardedServer, SecretsManager, secrets_manager
from tests.ledger.processes import own_data_dir
from tests.optional import missing

MISSING = missing("aws-advanced-python-wrapper")


class SkippedModule(pytest.Module):
    """Not even imported, because it imports what is missing."""

    def _getobj(self) -> NoReturn:
        pytest.skip(MISSING, allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> object:
    return SkippedModule.from_parent(parent, path=module_path) if MISSING else None


@pytest.fixture(scope="module")
def guarded() -> Iterator[GuardedServer]:
    with own_data_dir() as data_dir:
        server = GuardedServer(data_dir)
        server.guard()
        yield server


@pytest.fixture(autouse=True)
def _nobody_of_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    yield
    credentials._sources.clear()


@pytest.fixture
def manager(guarded: GuardedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretsManager]:
    """Secrets Manager, with a secret that the server takes."""
    with secrets_manager() as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        found.login["password"] = "first"
        guarded.set_password("first")
        yield found
