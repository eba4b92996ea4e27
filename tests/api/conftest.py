"""A person with an account, in a browser's session, and somebody to pay."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from api import rate
from api.pages import SCHEMA
from api.schema import HEADERS
from tests.factories import AccountFactory


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="1000", name="Everyday", user__name="Ana Ferreira")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(name="Rent income", user__name="Mara Lindt")


@pytest.fixture
def ana(client: Client, mine: Account) -> Client:
    client.force_login(mine.user)
    return client


@pytest.fixture(autouse=True)
def only_headers_of_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer has one of our headers unless the schema names it for that call and status."""
    paths, send = json.loads(SCHEMA.read_text())["paths"], Client.request

    def request(self: Client, **environ: Any) -> Any:
        answer: Any = send(self, **environ)
        route = getattr(answer.resolver_match, "route", "")
        path = "/" + re.sub(r"<(\w+:)?(\w+)>", r"{\2}", route).replace("{pk}", "{id}")
        call = paths.get(path, {})
        responses = call.get(answer.request["REQUEST_METHOD"].lower(), {}).get("responses", {})
        if (told := responses.get(str(answer.status_code))) is not None:
            named = {name for name in HEADERS if name in answer.headers}
            assert named - set(told["headers"]) == set(), answer.request["PATH_INFO"]
        return answer

    monkeypatch.setattr(Client, "request", request)


@pytest.fixture(autouse=True)
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """All calls are of one minute: the first call of each minute takes a query more."""
    monkeypatch.setattr(rate, "_now", lambda: 1_800_000_030)
