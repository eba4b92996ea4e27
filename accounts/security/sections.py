"""The sections of the page "Security", from top to bottom.

A section is a partial template with a function. The function returns the context of the template,
which the template reads as `section.facts`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accounts.requests import PersonRequest
from accounts.security import connected, protection, sign_ins, token_views


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page. `read(request)` returns the context of the template."""

    template: str
    read: Callable[[PersonRequest], Any]


SECTIONS = (
    Section("accounts/security/_protection.html", protection.read),
    Section("accounts/security/_connected.html", connected.read),
    Section("accounts/security/_tokens.html", token_views.read),
    Section("accounts/security/_sessions.html", sign_ins.read_sessions),
    Section("accounts/security/_sign_ins.html", sign_ins.read_sign_ins),
)


def read_sections(request: PersonRequest) -> list[dict[str, Any]]:
    """Returns the template and the context of each section."""
    return [{"template": part.template, "facts": part.read(request)} for part in SECTIONS]
