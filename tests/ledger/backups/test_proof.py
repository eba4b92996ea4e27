"""Without an embedded Postgres, a backup is proved in a second database of the server."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection

from ledger.backups import proof
from ledger.db.models import JobRecord
from ledger.db.server.embedded import EmbeddedServerError
from tests.pooler import beside

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_wheel() -> Iterator[None]:
    with patch.object(proof, "programs", side_effect=EmbeddedServerError):
        yield


def databases() -> set[str]:
    """Returns the names of this worker's databases: other workers make theirs in the meantime."""
    own = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
    with beside() as found:
        return {name for (name,) in found.execute(own, [connection.settings_dict["NAME"]])}


def name_of_proof() -> str:
    return f"{connection.settings_dict['NAME']}_proof"


def test_the_database_is_there_for_the_proof_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    before = databases()
    with proof.place_of_proof() as place:
        assert databases() - before == {name_of_proof()}
        assert place.settings == {"DB_NAME": name_of_proof()}
    assert databases() == before


def test_a_url_leads_there_with_its_hosts_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:s%2Fe@a:1,b:2/bank?sslmode=require")
    with proof.place_of_proof() as place:
        url = place.settings["DATABASE_URL"]
    assert url == f"postgresql://me:s%2Fe@a:1,b:2/{name_of_proof()}?sslmode=require"


def test_a_proof_that_another_one_left_is_named_and_nothing_is_written(tmp_path: Any) -> None:
    with proof.place_of_proof(), pytest.raises(CommandError, match=name_of_proof()):
        call_command("backup", "--prove", str(tmp_path / "bank"))
    assert list(tmp_path.iterdir()) == []
    assert not JobRecord.objects.filter(name="backup").exists()


def test_a_login_that_may_make_no_database_is_told_what_it_needs(tmp_path: Any) -> None:
    with (
        patch.object(proof, "create_database", side_effect=_no_right),
        pytest.raises(CommandError, match="CREATEDB"),
    ):
        call_command("backup", "--prove", str(tmp_path / "bank"))
    assert list(tmp_path.iterdir()) == []
    assert not JobRecord.objects.filter(name="backup").exists()


def _no_right(*_arguments: object) -> None:
    raise ProgrammingError from psycopg.errors.InsufficientPrivilege()
