"""The committed schema is that of the code."""

import json

import pytest
from django.test import Client

from api.management.commands.write_openapi import schema_text
from api.pages import SCHEMA
from api.schema import first_sentence


def test_the_schema_is_that_of_the_code() -> None:
    assert SCHEMA.read_text() == schema_text(), "run manage.py write_openapi"


def test_each_call_says_in_a_few_words_what_it_does() -> None:
    paths = json.loads(SCHEMA.read_text())["paths"]
    summaries = [call["summary"] for methods in paths.values() for call in methods.values()]
    assert [each for each in summaries if not 10 < len(each) <= 80 or each.endswith(".")] == []
    assert len(set(summaries)) == len(summaries)


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
