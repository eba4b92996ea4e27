"""`python -m tests.older_server`: an older Postgres for a part of the tests."""

from unittest.mock import patch

import psycopg
import pytest

from ledger.db.server.embedded import MAJOR
from tests import older_server
from tests.ledger.debian import PROGRAMS

pytestmark = pytest.mark.skipif(not PROGRAMS, reason=older_server.MISSING)


def test_the_tests_have_an_older_server_which_ends_with_them() -> None:
    urls = []

    def failing(url: str, arguments: list[str]) -> int:
        assert arguments == ["tests/accounts"]
        with psycopg.connect(url) as session:
            assert session.info.server_version // 10_000 < MAJOR
            assert session.info.parameter_status("is_superuser") == "off"
            session.execute("CREATE TABLE mine ()")
        urls.append(url)
        return 7

    with patch.object(older_server, "run_pytest", failing):
        assert older_server.run(["tests/accounts"]) == 7

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(urls[0])
