"""How drf-spectacular tells of the API: which paths, how callers sign in, which errors there are.

`manage.py write_openapi` writes `api/openapi.json`.
"""

import re
from typing import Any, ClassVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

PREFIX = "/api/v1/"
PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened, for people."},
        "field": {"type": "string", "description": "The field that it is about."},
        "id": {"type": "string", "format": "uuid", "description": "Of a payment: ask for it."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
    "additionalProperties": True,
}
# Which errors every call may have, and which only those that write.
ALWAYS = {
    "400": "The request cannot be read.",
    "401": "No token, or one that is not accepted.",
    "403": "The token lacks a scope, or its person a right.",
    "404": "There is nothing there that the caller may read.",
    "406": "The answer is JSON.",
    "422": "The bank refuses it; nothing moved.",
    "429": "Too many calls in this minute.",
    "503": "The database, or the identity provider, does not answer.",
}
OF_WRITES = {
    "409": "The key was used for something else, or others were booking on the account.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
}


def only_the_api(endpoints: Any) -> Any:
    """A hook of drf-spectacular: the addresses of this version."""
    return [each for each in endpoints if each[0].startswith(PREFIX)]


def first_sentence(text: str) -> str:
    """Until the first full stop that a space follows, without it."""
    return re.split(r"\.\s|\.$", " ".join(text.split()), maxsplit=1)[0]


class ViewSchema(AutoSchema):
    """Adds a summary and the problems to each operation."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """The operation of a method, with its errors."""
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        errors = dict(ALWAYS)
        if self.method not in ("GET", "HEAD"):
            errors |= OF_WRITES
        for status, description in errors.items():
            operation["responses"].setdefault(
                status,
                {
                    "description": description,
                    "content": {"application/problem+json": {"schema": PROBLEM}},
                },
            )
        return operation

    def get_summary(self) -> str:
        """The first sentence of what the method says of itself."""
        return first_sentence(self.get_description())

    def get_tags(self) -> list[str]:
        """The first part of the path: accounts, transactions."""
        return [self.path.removeprefix(PREFIX).split("/")[0]]


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A personal access token, or one of the identity provider."""

    target_class = "api.sign_in.ByToken"
    name: ClassVar[list[str]] = ["token", "provider"]  # type: ignore[misc]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """Either of them."""
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        """For `components.securitySchemes`."""
        bearer = {"type": "http", "scheme": "bearer"}
        theirs = "An access token (OAuth 2) of the bank's identity provider, where it accepts them."
        return [
            {**bearer, "description": "A personal access token."},
            {**bearer, "bearerFormat": "JWT", "description": theirs},
        ]


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The session of a browser."""

    target_class = "api.sign_in.BySession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """For `components.securitySchemes`."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
