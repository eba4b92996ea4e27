"""What the views of the API have in common, and how a batch is read, without a database."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse, HttpResponseBase
from django.test import RequestFactory
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import ApiToken, User
from api.sign_in import scopes_for
from api.transactions.batch import LineRefused
from api.transactions.batch_views import _line_result, _read
from api.views import ApiView
from ledger.db.ids import uuid7
from transactions.exceptions import InsufficientFunds
from transactions.models import Transaction

READ, PAY, STAFF = ApiToken.TokenScope.READ, ApiToken.TokenScope.PAY, ApiToken.TokenScope.STAFF


class Usual(ApiView):
    """A view that answers what it is asked for, to everybody."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    answer: HttpResponseBase | None = None

    def get(self, _request: Request) -> HttpResponseBase:
        return self.answer or Response({"found": 1})

    post = get


class Unchanging(Usual):
    is_unchanging = True


def call(view: type[ApiView], method: str = "GET", etag: str = "", **facts: Any) -> Any:
    request: Any = RequestFactory().generic(method, "/", headers={"if-none-match": etag})
    request.user = User()
    answer: Any = view.as_view(**facts)(request)
    return answer.render() if hasattr(answer, "render") else answer


@pytest.mark.parametrize(
    ("method", "usual", "given"),
    [
        ("GET", [READ], [STAFF]),
        ("HEAD", [READ], [STAFF]),
        ("POST", [PAY], []),
        ("PUT", [PAY], [PAY, READ]),
        ("OPTIONS", [], []),
    ],
)
def test_a_method_needs_the_scopes_of_the_view_or_the_usual_one(
    method: str, usual: Any, given: Any
) -> None:
    assert scopes_for(ApiView(), method) == scopes_for(APIView(), method) == usual
    changes = {"scopes": {"GET": STAFF, "POST": None}, "answers_earlier_rows": ("PUT",)}
    assert scopes_for(type("Given", (ApiView,), changes)(), method) == given


def test_what_does_not_change_has_a_tag_and_is_not_sent_twice() -> None:
    first = call(Unchanging)
    tag = first.headers["ETag"]
    assert (first.status_code, first.content) == (200, b'{"found":1}')
    same = call(Unchanging, etag=tag)
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    assert same.headers["Cache-Control"] == first.headers["Cache-Control"] == "private, no-store"
    assert {"Authorization", "Cookie"} <= {*first.headers["Vary"].split(", ")}
    assert call(Unchanging, etag='"other"').status_code == 200
    assert call(Unchanging, "HEAD").headers["ETag"] == tag
    other = call(Unchanging, answer=Response({"found": 2}))
    assert other.headers["ETag"] != tag


@pytest.mark.parametrize(
    ("view", "method", "answer"),
    [
        (Usual, "GET", None),
        (Unchanging, "POST", None),
        (Unchanging, "GET", HttpResponse("a file")),
        (Unchanging, "GET", Response({"found": 1}, status=202)),
    ],
)
def test_any_other_answer_has_no_tag(view: Any, method: str, answer: Any) -> None:
    found = call(view, method, answer=answer)
    assert "ETag" not in found.headers
    assert found.status_code == (answer.status_code if answer else 200)
    assert found.headers["Cache-Control"] == "private, no-store"


def test_the_options_of_a_view_are_in_the_schema_alone() -> None:
    assert call(Usual, "OPTIONS").status_code == 405


def read(data: Any, **query: str) -> tuple[Any, bool]:
    request: Any = SimpleNamespace(query_params=query, data=data)
    return _read(request)


@pytest.mark.parametrize(
    ("query", "is_atomic"),
    [({}, True), ({"atomic": ""}, True), ({"atomic": "true"}, True), ({"atomic": "false"}, False)],
)
def test_a_batch_is_all_or_none_unless_it_says_otherwise(
    query: dict[str, str], is_atomic: bool
) -> None:
    assert read([1, 2], **query) == ([1, 2], is_atomic)
    assert read({"transactions": [1]}, **query) == ([1], is_atomic)
    assert read({}, **query) == (None, is_atomic)
    for said in (True, False):
        assert read({"transactions": [1], "atomic": said}, **query) == ([1], said)


@pytest.mark.parametrize(
    ("data", "query", "field"),
    [
        ([1], {"atomic": "True"}, "atomic"),
        ([1], {"atomic": "1"}, "atomic"),
        ({"transactions": [1], "atomic": "true"}, {}, "atomic"),
        ({"transactions": [1], "atomic": 1}, {}, "atomic"),
        ({"transactions": [1], "atomic": None}, {}, "atomic"),
        ({"transactions": [1], "other": 1}, {}, ""),
        ("text", {}, ""),
        (None, {}, ""),
    ],
)
def test_a_batch_of_another_shape_is_refused(data: Any, query: dict[str, str], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        read(data, **query)
    assert refused.value.detail.keys() == {field}  # type: ignore[union-attr]


def test_the_answer_says_what_became_of_a_line() -> None:
    line: Any = SimpleNamespace(number=7)
    booked = Transaction(id=uuid7())
    assert _line_result(line, booked) == {"line": 7, "status": 201, "id": str(booked.pk)}
    refusal = InsufficientFunds("Too little.")
    plain = _line_result(line, refusal)
    assert (plain.keys(), plain["status"]) == ({"line", "status", "problem"}, 422)
    assert plain["problem"]["detail"] == "Too little."
    assert _line_result(line, LineRefused(7, refusal)) == plain
