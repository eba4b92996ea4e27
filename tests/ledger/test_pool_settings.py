"""The settings of pools: what DB_POOL and DB_POOLER make of a connection, and which mixes stop the
start.
"""

from collections.abc import Callable
from typing import Any

import pytest

URL = "postgresql://me:secret@127.0.0.1:6432/books"
POOLER = {"DATABASE_URL": URL, "DB_POOLER": "transaction"}
WEB = {"LEDGER_ROLE": "web", "LEDGER_URL": "https://bank.example", "LEDGER_HTTPS": "True",
       "EMAIL_URL": "consolemail://"}  # fmt: skip


@pytest.mark.parametrize(("given", "sizes"), [("8", (0, 8)), ("2,8", (2, 8)), (" 8 , 8 ", (8, 8))])
def test_a_web_process_has_a_pool_of_these_sizes(
    given: str, sizes: tuple[int, int], default: Callable[..., dict[str, Any]]
) -> None:
    found = default(DATABASE_URL=URL, DB_POOL=given, LEDGER_CONNECT_TIMEOUT="7", **WEB)

    pool = found["OPTIONS"]["pool"]
    assert (pool["min_size"], pool["max_size"]) == sizes
    assert pool["timeout"] == 7
    assert found["CONN_MAX_AGE"] == 0


def test_the_embedded_server_may_have_a_pool(default: Callable[..., dict[str, Any]]) -> None:
    assert default(DB_POOL="8", LEDGER_ROLE="web")["OPTIONS"]["pool"]["max_size"] == 8


def test_a_command_has_no_pool(default: Callable[..., dict[str, Any]]) -> None:
    found = default(DATABASE_URL=URL, DB_POOL="8")

    assert "pool" not in found["OPTIONS"]
    assert found["CONN_MAX_AGE"] == 60


def test_without_settings_there_is_neither_pool_nor_pooler(
    default: Callable[..., dict[str, Any]],
) -> None:
    found = default(DATABASE_URL=URL, **WEB)

    assert "pool" not in found["OPTIONS"]
    assert "LEDGER_POOLER" not in found


def test_behind_a_pooler_nothing_is_prepared_and_there_is_no_cookbook(
    settings_of: Callable[..., dict[str, Any]],
) -> None:
    settings = settings_of(**POOLER, **WEB)
    found = settings["DATABASES"]["default"]

    assert found["LEDGER_POOLER"] == "transaction"
    assert found["OPTIONS"]["prepare_threshold"] is None
    assert settings["LEDGER_COOKBOOK"] is False


def test_a_pool_and_a_pooler_go_together(default: Callable[..., dict[str, Any]]) -> None:
    found = default(DB_POOL="8", **POOLER, **WEB)

    assert (found["OPTIONS"]["pool"]["max_size"], found["LEDGER_POOLER"]) == (8, "transaction")


@pytest.mark.parametrize(
    "given",
    [
        {
            "DATABASE_URL": "postgresql://me:secret@127.0.0.1,127.0.0.2/books?target_session_attrs=any"
        },
        {
            "DB_NAME": "books",
            "DB_HOST": "127.0.0.1,127.0.0.2",
            "DB_OPTIONS": "target_session_attrs=any",
        },
    ],
)
def test_several_poolers_may_be_named_by_who_says_that_any_of_them_will_do(
    given: dict[str, str], default: Callable[..., dict[str, Any]]
) -> None:
    """`tests/ledger/db/server/test_pooler.py` kills one of two."""
    found = default(DB_POOLER="transaction", **given)

    assert found["HOST"] == "127.0.0.1,127.0.0.2"
    assert found["OPTIONS"]["target_session_attrs"] == "any"


@pytest.mark.parametrize(
    ("given", "name", "word"),
    [
        ({**POOLER, "DB_POOLER": "session"}, "DB_POOLER", "transaction"),
        ({"DB_POOLER": "transaction"}, "DB_POOLER", "DATABASE_URL"),
        *(
            ({**POOLER, "DATABASE_URL": url}, "DATABASE_URL", "one address")
            for url in (
                "postgresql://me:secret@127.0.0.1,127.0.0.2/books",
                "postgresql://me:secret@127.0.0.1,127.0.0.2/books?target_session_attrs=primary",
                "postgresql:///books?host=127.0.0.1%2C127.0.0.2",
                "postgresql:///books?hostaddr=127.0.0.1,127.0.0.2",
            )
        ),
        (
            {"DB_POOLER": "transaction", "DB_NAME": "books", "DB_HOST": "127.0.0.1,::1"},
            "DB_HOST",
            "one address",
        ),
        (
            {
                **POOLER,
                "DATABASE_URL": "postgresql://me:secret@127.0.0.1,[::1]/books"
                "?target_session_attrs=standby",
            },
            "DATABASE_URL",
            "target_session_attrs=any",
        ),
        (
            {**POOLER, "DATABASE_URL": "postgresql:///books", "PGHOST": "/one,/two"},
            "DATABASE_URL",
            "one address",
        ),
        ({**POOLER, "LEDGER_PREPARE": "True"}, "LEDGER_PREPARE", "prepared"),
        ({**POOLER, "LEDGER_COOKBOOK": "True"}, "LEDGER_COOKBOOK", "advisory locks"),
        ({**POOLER, "DATABASE_URL": f"{URL}?options=-c%20jit%3Doff"}, "DATABASE_URL", "start-up"),
        ({**POOLER, "PGOPTIONS": "-c jit=off"}, "PGOPTIONS", "start-up"),
        ({**POOLER, "DATABASE_URL": f"{URL}?assume_role=bank"}, "DATABASE_URL", "assume_role"),
        ({**POOLER, "DATABASE_URL": f"{URL}?prepare_threshold=5"}, "DATABASE_URL", "prepare"),
        (
            {**POOLER, "DATABASE_URL": f"{URL}?disable_server_side_cursors=False"},
            "DATABASE_URL",
            "server-side cursor",
        ),
        (
            {"DB_POOLER": "transaction", "DB_NAME": "books", "DB_OPTIONS": "options=-c jit=off"},
            "DB_OPTIONS",
            "start-up",
        ),
        ({"DB_POOL": "8", "CONN_MAX_AGE": "60"}, "CONN_MAX_AGE", "DB_POOL"),
        (
            {"DB_POOL": "8", "DATABASE_URL": f"{URL}?conn_max_age=60"},
            "CONN_MAX_AGE",
            "DB_POOL",
        ),
        ({"DB_POOL": "8", "DATABASE_URL": f"{URL}?connect_timeout=0"}, "DATABASE_URL", "connect"),
        ({"DB_POOL": "8,2"}, "DB_POOL", "less than"),
        ({"DB_POOL": "0"}, "DB_POOL", "less than"),
        ({"DB_POOL": "many"}, "DB_POOL", "whole number"),
        ({"DB_POOL": "1,2,3"}, "DB_POOL", "minimum"),
    ],
)
def test_a_harmful_mix_stops_the_start_with_one_sentence(
    given: dict[str, str], name: str, word: str, refusal: Callable[..., str]
) -> None:
    line = refusal(**given)

    assert line.startswith(f"The setting {name} is wrong: ")
    assert word in line
    assert "secret" not in line
