"""The page of problems explains each refusal to people who call the API."""

import re

import pytest
from django.test import Client

from api.problem_types import problem_types_by_status

# Words of code: how Python raises it, names of constants and of columns.
OF_CODE = re.compile(r"\b[Rr]aised?\b|`|[A-Z]+_[A-Z]+|\bcolumn|\bclass\b|\b[Tt]he message\b")


def test_no_meaning_has_words_of_code() -> None:
    every = [kind for _, kinds in problem_types_by_status() for kind in kinds]
    assert len(every) > 70
    assert [kind for kind in every if OF_CODE.search(kind.meaning)] == []
    assert [kind.slug for kind in every if not kind.meaning.endswith(".")] == []


@pytest.mark.django_db
def test_the_page_has_the_first_paragraph_of_a_docstring() -> None:
    page = Client().get("/api/v1/problems/").content.decode()
    assert "A limit or overdraft is invalid.</td>" in page
    assert "already has the maximum number of webhooks.</td>" in page
