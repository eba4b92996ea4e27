"""The provider's discovery document: read from it alone, with endpoints on HTTPS alone."""

import json
from typing import Any

import pytest
import requests

from accounts.sign_in.providers import discovery
from accounts.sign_in.providers.refusals import ProviderRefused

ISSUER = "https://login.example"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_kept", {})
    monkeypatch.setattr(discovery, "_failed", {})


def serve(monkeypatch: pytest.MonkeyPatch, document: Any, status: int = 200) -> list[Any]:
    """Answers each request with the document. Returns the options of the requests."""
    sent = []

    def answer(_session: Any, request: requests.PreparedRequest, **options: Any) -> Any:
        sent.append(options)
        response = requests.Response()
        response.status_code, response.url, response.request = status, str(request.url), request
        response.headers["Location"] = f"{ISSUER}/elsewhere"
        response._content = json.dumps(document).encode()
        return response

    monkeypatch.setattr(requests.Session, "send", answer)
    return sent


def test_the_endpoints_of_a_safe_document_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, DOCUMENT)
    assert discovery.endpoint(ISSUER, "token_endpoint") == f"{ISSUER}/token"


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "url", ["http://login.example/x", "http://127.0.0.1/x", "ftp://login.example/x", "//x", None, 7]
)
def test_an_endpoint_that_is_not_https_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, url: Any
) -> None:
    serve(monkeypatch, {**DOCUMENT, name: url})
    with pytest.raises(ProviderRefused, match="endpoint_unsafe"):
        discovery.discover(ISSUER)


def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = serve(monkeypatch, DOCUMENT, status=302)
    with pytest.raises(ProviderRefused, match="unreadable"):
        discovery.discover(ISSUER)
    assert [options["allow_redirects"] for options in sent] == [False]


def test_the_document_of_another_issuer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {**DOCUMENT, "issuer": "https://evil.example"})
    with pytest.raises(ProviderRefused, match="wrong_issuer"):
        discovery.discover(ISSUER)
