"""A person with an account, in a browser's session, and somebody to pay."""

import json
import re
from functools import cache
from typing import Any

import pytest
from django.test import Client
from jsonschema_rs import Draft202012Validator

from accounts.models import Account
from api.pages import SCHEMA
from api.schema import HEADERS
from tests.factories import AccountFactory

JSON = ("application/json", "application/problem+json")


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
def only_what_the_schema_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer has one of our headers, or a body, that the schema does not name for that call and
    status.
    """
    send = Client.request

    def request(self: Client, **environ: Any) -> Any:
        answer: Any = send(self, **environ)
        route = getattr(answer.resolver_match, "route", "")
        path = "/" + re.sub(r"<(\w+:)?(\w+)>", r"{\2}", route).replace("{pk}", "{id}")
        method, status = answer.request["REQUEST_METHOD"].lower(), str(answer.status_code)
        responses = schema()["paths"].get(path, {}).get(method, {}).get("responses")
        if responses is not None:
            assert status in responses, f"{method} {path} answered {status}"
            told = responses[status]
            named = {name for name in HEADERS if name in answer.headers}
            assert named - set(told["headers"]) == set(), answer.request["PATH_INFO"]
            kind = answer.headers.get("Content-Type", "").partition(";")[0]
            if kind in told.get("content", {}) and kind in JSON and not answer.streaming:
                body_of(path, method, status, kind).validate(answer.json())
        return answer

    monkeypatch.setattr(Client, "request", request)


@cache
def schema() -> Any:
    return json.loads(SCHEMA.read_text())


@cache
def body_of(path: str, method: str, status: str, kind: str) -> Draft202012Validator:
    """Returns what checks the body of this answer."""
    told = schema()["paths"][path][method]["responses"][status]["content"][kind]["schema"]
    whole = closed({**told, "components": schema()["components"]})
    return Draft202012Validator(whole, validate_formats=True)


def closed(part: Any) -> Any:
    """Returns a part of a schema whose objects have no properties but those it names."""
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: closed(each) for name, each in part.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found
