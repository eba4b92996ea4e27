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
        "key": {"type": "string", "description": "Of a payment: the key to send it again with."},
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
# Headers of answers, beside those of every HTTP answer.
HEADERS = {
    "RateLimit-Policy": "The calls of a minute, where they are limited.",
    "RateLimit": "How many of them are left, and the seconds until the minute ends.",
    "Retry-After": "Send the same again after so many seconds. With 409 only of busy.",
    "WWW-Authenticate": "Why, and what is missing (RFC 6750, RFC 9470).",
    "Idempotency-Replayed": '"true" if an earlier call had done it.',
    "Location": "The address of what was made.",
    "ETag": "Of this answer, for If-None-Match or If-Match.",
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
    "description": "The ETag of an earlier answer; 304 where it would be the same.",
}


def only_the_api(endpoints: Any) -> Any:
    """A hook of drf-spectacular: the addresses of this version."""
    return [each for each in endpoints if each[0].startswith(PREFIX)]


def add_shared_parts(result: Any, **_: Any) -> Any:
    """A hook of drf-spectacular: what all operations refer to."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    result["components"]["headers"] = {
        name: {"schema": {"type": "string"}, "description": what} for name, what in HEADERS.items()
    }
    return result


def add_picked_rows(result: Any, **_: Any) -> Any:
    """A hook of drf-spectacular: where `fields=` picks the fields of rows, a row with some of them
    is an answer too.
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
    if "$ref" not in row:  # done for another path
        return row
    name = row["$ref"].rsplit("/", 1)[-1]
    schemas[f"{name}Fields"] = {
        "type": "object",
        "description": f"The fields of {name} that `fields` asks for.",
        "properties": schemas[name]["properties"],
        "minProperties": 1,
        "additionalProperties": False,
    }
    return {"anyOf": [row, {"$ref": f"{row['$ref']}Fields"}]}


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
                    "content": {"application/problem+json": {"schema": {"$ref": OF_PROBLEM}}},
                },
            )
        self._add_headers(operation)
        return operation

    def _add_headers(self, operation: dict[str, Any]) -> None:
        """Names the headers of each answer; of rows that do not change, 304 too."""
        parameters = operation.setdefault("parameters", [])
        has_key = any(each["name"] == "Idempotency-Key" for each in parameters)
        if self.method == "GET" and getattr(self.view, "is_unchanging", False):
            parameters.append(IF_NONE_MATCH)
            operation["responses"]["304"] = {"description": "The caller has it already."}
        for status, answer in operation["responses"].items():
            named = ["RateLimit-Policy", "RateLimit", *OF_STATUS.get(status, [])]
            if status == "201" and has_key:
                named.append("Idempotency-Replayed")
            if "304" in operation["responses"] and status in ("200", "304"):
                named.append("ETag")
            if status in ("200", "201"):
                named += getattr(self.view, "headers_told", {}).get(self.method, [])
            answer["headers"] = {
                name: {"$ref": f"#/components/headers/{name}"} for name in dict.fromkeys(named)
            }

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
