"""SQL of the web role cannot put code or values into a web process through the shared cache."""

import base64
import pickle
from typing import Any

import pytest
from django.core.cache import cache
from django.core.signing import Signer
from django.db import connection
from django.test import Client

from tests.conftest import set_role

pytestmark = pytest.mark.django_db(transaction=True)
FORM = {"login": "nobody@example.com", "password": "quite wrong words"}


RAN: list[str] = []


def run() -> None:
    RAN.append("code from the table")


class Code:
    """An object that calls `run` when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (run, ())


@pytest.fixture(autouse=True)
def empty() -> None:
    cache.clear()


def keys_of_limits() -> list[str]:
    Client().post("/account/login/", FORM)
    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key FROM cache WHERE cache_key LIKE '%:rl:%'")
        return [key for (key,) in cursor.fetchall()]


def forge(key: str, value: str) -> None:
    set_role("ledger_web")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cache SET value = %s WHERE cache_key = %s", [value, key])
        assert cursor.rowcount == 1
    set_role(None)


@pytest.mark.parametrize("form", ["as Django stores it", "signed with another key"])
def test_code_in_the_table_is_not_run(form: str) -> None:
    code = base64.b64encode(pickle.dumps(Code())).decode()
    keys = keys_of_limits()
    assert keys
    for key in keys:
        other = Signer(key="guessed", salt=key).sign(code)
        forge(key, code if form == "as Django stores it" else other)
    assert Client().post("/account/login/", FORM).status_code == 200
    assert RAN == []


def test_a_value_of_another_key_is_no_entry() -> None:
    cache.set("mine", ["a value"])
    cache.set("another", ["another value"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM cache WHERE cache_key LIKE '%:another'")
        (value,) = cursor.fetchone()
    forge(":1:mine", value)
    assert cache.get("mine") is None
    assert cache.get("another") == ["another value"]
