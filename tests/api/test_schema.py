"""The committed schema is that of the code."""

import json

import pytest
from django.test import Client

from api.management.commands.write_openapi import schema_text
from api.pages import SCHEMA


def test_the_schema_is_that_of_the_code() -> None:
    assert SCHEMA.read_text() == schema_text(), "run manage.py write_openapi"


@pytest.mark.django_db
def test_everybody_reads_the_schema(client: Client) -> None:
    answer = client.get("/api/v1/openapi.json")
    assert answer.json()["openapi"].startswith("3.1")
    assert json.loads(SCHEMA.read_text()) == answer.json()
