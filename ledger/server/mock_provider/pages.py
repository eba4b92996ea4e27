"""The HTML pages of the mock provider, each with a warning that the provider is a mock."""

from collections.abc import Mapping
from html import escape

from ledger.server.mock_provider.people import MockPerson
from ledger.server.mock_provider.provider import FAULTS

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem;"
    "color:#14201f;background:#fff7e6}button{display:block;width:100%;margin:.5rem 0;"
    "padding:.75rem;font:inherit;text-align:left}select{font:inherit;max-width:100%}"
    ".mock{border:2px dashed #8a5a00;padding:1rem}"
)
WARNING = (
    '<p class="mock"><strong>This is a mock.</strong> It does not check passwords: everybody can'
    " sign in as any of these people. It runs only on this computer, to try out a sign-in.</p>"
)


def sign_in(parameters: Mapping[str, str], people: list[MockPerson]) -> str:
    """Returns the sign-in page: a form with a button for each person, and a list of faults to
    choose from.
    """
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in parameters.items()
    )
    buttons = "".join(
        f'<button name="subject" value="{escape(person.subject)}">{escape(person.name)},'
        f" {escape(_about(person))}</button>"
        for person in people
    )
    faults = "".join(f"<option>{escape(fault)}</option>" for fault in FAULTS)
    return _page(
        "Sign in",
        f'<form method="post" action="/oauth2/authorize">{hidden}<p>Sign in as</p>{buttons}'
        f'<p><label for="fault">Fault</label> <select id="fault" name="fault">'
        f'<option value="">nothing</option>{faults}</select></p></form>',
    )


def message(title: str, text: str) -> str:
    return _page(title, f"<p>{escape(text)}</p>")


def _about(person: MockPerson) -> str:
    facts = [person.email, *(f"group {name}" for name in person.groups)]
    return ", ".join([*facts, *([] if person.email_verified else ["address not verified"])])


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<title>{escape(title)} · mock identity provider</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{WARNING}{body}</main></body></html>"
    )
