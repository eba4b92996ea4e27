"""Requests for direct calls of views, without middleware and without rendering a page."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.storage.session import SessionStorage
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpResponse
from django.test import RequestFactory
from django_htmx.middleware import HtmxDetails

from accounts.models import User
from tests.sign_in import note_proof

HTMX = {"HX-Request": "true"}


def request_of(
    person: User,
    data: Mapping[str, Any] | None = None,
    *,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    path: str = "/",
    is_fresh: bool = True,
) -> Any:
    """Returns a GET request of this person, or a POST request with `data`, in a session that is not
    stored. With `is_fresh`, the person has just confirmed their identity.
    """
    factory, params = RequestFactory(headers=headers), dict(query or {})
    request: Any = (
        factory.get(path, query_params=params)
        if data is None
        else factory.post(path, data, query_params=params)
    )
    request.user, request.session, request.htmx = person, SessionBase(), HtmxDetails(request)
    request._messages = SessionStorage(request)
    if is_fresh:
        note_proof(request.session, person)
    return request


def messages_of(request: Any) -> list[tuple[str, str]]:
    """Returns the level and the text of each message that the view has added."""
    return [(message.level_tag, str(message)) for message in get_messages(request)]


class Unrendered(HttpResponse):
    """A page that is not rendered: its template and its context."""

    def __init__(self, template: str, context: dict[str, Any], status: int) -> None:
        super().__init__(status=status)
        self.template, self.context = template, context


def leave_unrendered(
    monkeypatch: pytest.MonkeyPatch, views: ModuleType
) -> list[tuple[str, dict[str, Any]]]:
    """Makes the views of a module return an Unrendered in place of each page. Returns the list of
    templates and contexts, to which each page appends its own.
    """
    pages = list[tuple[str, dict[str, Any]]]()

    def render(_request: Any, template: str, context: Any, *, status: int = 200) -> Unrendered:
        pages.append((template, context))
        return Unrendered(template, context, status)

    monkeypatch.setattr(views, "render", render)
    return pages
