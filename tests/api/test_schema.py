"""The committed schema is that of the code."""

import json

import pytest
from django.test import Client

from api.management.commands.write_openapi import as_json, schema
from api.pages import SCHEMA
from api.schema import first_sentence


@pytest.mark.whole_code
def test_the_schema_is_that_of_the_code() -> None:
    assert SCHEMA.read_text() == as_json(schema()), "run manage.py write_openapi"


def test_each_call_says_in_a_few_words_what_it_does() -> None:
    paths = json.loads(SCHEMA.read_text())["paths"]
    summaries = [call["summary"] for methods in paths.values() for call in methods.values()]
    assert [each for each in summaries if not 10 < len(each) <= 80 or each.endswith(".")] == []
    assert len(set(summaries)) == len(summaries)


def test_a_call_with_a_key_may_be_a_repeat_or_a_conflict() -> None:
    paths = json.loads(SCHEMA.read_text())["paths"]
    calls = [call for methods in paths.values() for call in methods.values()]
    with_key = {
        call["operationId"]: call["responses"]
        for call in calls
        if any(each["name"] == "Idempotency-Key" for each in call["parameters"])
    }
    assert {"transactions_create", "transactions_batch", "accounts_open"} <= set(with_key)
    for name, responses in with_key.items():
        assert "Idempotency-Replayed" in responses["201"]["headers"], name
        assert "Retry-After" in responses["409"]["headers"], name


def test_a_summary_ends_with_the_first_sentence() -> None:
    assert first_sentence("Books up to 50,000\n  of 1.50. All.") == "Books up to 50,000 of 1.50"
    assert first_sentence("Pays") == "Pays"


@pytest.mark.django_db
def test_the_page_of_the_schema_leads_back_and_has_the_readers_colours(client: Client) -> None:
    client.cookies["theme"] = "dark"
    page = client.get("/api/v1/docs/").content.decode()
    assert 'data-theme="dark"' in page
    assert 'href="/"' in page
    assert "style=" not in page


@pytest.mark.django_db
def test_everybody_reads_the_schema(client: Client) -> None:
    answer = client.get("/api/v1/openapi.json")
    assert answer.json()["openapi"].startswith("3.1")
    assert json.loads(SCHEMA.read_text()) == answer.json()
    assert "max-age" in answer.headers["Cache-Control"]
