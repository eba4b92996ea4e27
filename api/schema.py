"""Customises drf-spectacular for the API: paths, authentication and errors.

`manage.py write_openapi` writes the schema into `api/openapi.json`.
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
        "detail": {"type": "string", "description": "A message for people."},
        "field": {"type": "string", "description": "The field that the problem is about."},
        "id": {"type": "string", "format": "uuid", "description": "For a payment: its id."},
        "key": {"type": "string", "description": "For a payment: the key for repeating it."},
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
OF_PROBLEM = "#/components/schemas/Problem"
# Errors that every call can return, and errors of calls that write.
ALWAYS = {
    "400": "The request cannot be read.",
    "401": "No token, or a token that is not accepted.",
    "403": "The token lacks a scope, or its user a right.",
    "404": "The caller may read nothing at this address.",
    "406": "The response is JSON.",
    "422": "The bank refused it; no money moved.",
    "429": "Too many calls in this minute.",
    "503": "The database, or the identity provider, does not respond.",
}
OF_WRITES = {
    "409": "The key was used for another request, or the account was busy.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
}
# Headers of responses. The usual HTTP headers are not listed.
HEADERS = {
    "RateLimit-Policy": "Allowed calls per minute, if they are limited.",
    "RateLimit": "Remaining calls, and the seconds until the minute ends.",
    "Retry-After": "Repeat the request after this many seconds. With status 409 only for busy.",
    "WWW-Authenticate": "The reason, and what is missing (RFC 6750, RFC 9470).",
    "Idempotency-Replayed": '"true" if an earlier call did the action.',
    "Location": "The URL of the created object.",
    "ETag": "The ETag of this response, for If-None-Match or If-Match.",
}
OF_STATUS = {
    "401": ["WWW-Authenticate"],
    "403": ["WWW-Authenticate"],
    "409": ["Retry-After"],
    "429": ["Retry-After"],
    "503": ["Retry-After"],
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "The ETag of an earlier response; status 304 if nothing has changed.",
}


def only_the_api(endpoints: Any) -> Any:
    """Returns the endpoints of this version of the API. drf-spectacular calls this hook."""
    return [each for each in endpoints if each[0].startswith(PREFIX)]


def add_shared_parts(result: Any, **_: Any) -> Any:
    """Adds the parts that all operations refer to, and returns the schema. drf-spectacular calls
    this hook.
    """
    result["components"]["schemas"]["Problem"] = PROBLEM
    result["components"]["headers"] = {
        name: {"schema": {"type": "string"}, "description": what} for name, what in HEADERS.items()
    }
    return result


def add_picked_rows(result: Any, **_: Any) -> Any:
    """Adds schemas of rows with only some of their fields, for operations with the parameter
    `fields=`, and returns the schema. drf-spectacular calls this hook.
    """
    schemas = result["components"]["schemas"]
    for path in result["paths"].values():
        named = {each["name"] for each in path.get("get", {}).get("parameters", [])}
        if "fields" not in named:
            continue
        answer = path["get"]["responses"]["200"]["content"]["application/json"]
        whole = schemas[answer["schema"]["$ref"].rsplit("/", 1)[-1]]
        if results := whole["properties"].get("results"):
            results["items"] = _whole_or_picked(results["items"], schemas)
        else:
            answer["schema"] = _whole_or_picked(answer["schema"], schemas)
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


def _whole_or_picked(row: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in row:  # already changed for another path
        return row
    name = row["$ref"].rsplit("/", 1)[-1]
    schemas[f"{name}Fields"] = {
        "type": "object",
        "description": f"The fields of {name} that `fields` selects.",
        "properties": schemas[name]["properties"],
        "minProperties": 1,
        "additionalProperties": False,
    }
    return {"anyOf": [row, {"$ref": f"{row['$ref']}Fields"}]}


def first_sentence(text: str) -> str:
    """Returns the text before the first full stop that ends a sentence."""
    return re.split(r"\.\s|\.$", " ".join(text.split()), maxsplit=1)[0]


class ViewSchema(AutoSchema):
    """The schema of a view, with a summary and the possible problems of each operation."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the operation of a method, with its possible errors and headers. Returns None if
        the method has no operation.
        """
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
                    "content": {"application/problem+json": {"schema": {"$ref": OF_PROBLEM}}},
                },
            )
        self._add_headers(operation)
        return operation

    def _add_headers(self, operation: dict[str, Any]) -> None:
        """Adds the headers of each response to the operation. Also adds the status 304 for rows
        that never change.
        """
        parameters = operation.setdefault("parameters", [])
        has_key = any(each["name"] == "Idempotency-Key" for each in parameters)
        if self.method == "GET" and getattr(self.view, "is_unchanging", False):
            parameters.append(IF_NONE_MATCH)
            operation["responses"]["304"] = {"description": "The caller already has this response."}
        for status, answer in operation["responses"].items():
            named = ["RateLimit-Policy", "RateLimit", *OF_STATUS.get(status, [])]
            if status == "201" and has_key:
                named.append("Idempotency-Replayed")
            if "304" in operation["responses"] and status in ("200", "304"):
                named.append("ETag")
            if status in ("200", "201"):
                named += getattr(self.view, "response_headers", {}).get(self.method, [])
            answer["headers"] = {
                name: {"$ref": f"#/components/headers/{name}"} for name in dict.fromkeys(named)
            }

    def get_summary(self) -> str:
        """Returns the first sentence of the description of the method."""
        return first_sentence(self.get_description())

    def get_tags(self) -> list[str]:
        """Returns the first part of the path as the only tag, such as accounts or transactions."""
        return [self.path.removeprefix(PREFIX).split("/")[0]]


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Authentication with a personal access token, or with a token of the identity provider."""

    target_class = "api.sign_in.ByToken"
    name: ClassVar[list[str]] = ["token", "provider"]  # type: ignore[misc]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """Returns two alternative requirements, one for each kind of token."""
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        """Returns the definitions for `components.securitySchemes`."""
        bearer = {"type": "http", "scheme": "bearer"}
        theirs = (
            "An access token (OAuth 2) of the bank's identity provider, if the bank accepts them."
        )
        return [
            {**bearer, "description": "A personal access token."},
            {**bearer, "bearerFormat": "JWT", "description": theirs},
        ]


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Authentication with the session of a browser."""

    target_class = "api.sign_in.BySession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Returns the definition for `components.securitySchemes`."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
