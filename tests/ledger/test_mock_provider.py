"""The mock provider: what it says it is, and what even a mock refuses."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from ledger.server.mock_provider import pages
from ledger.server.mock_provider.provider import MockRefusal
from ledger.server.mock_provider.server import MockServer

ASKED = {
    "client_id": "ledger",
    "response_type": "code",
    "redirect_uri": "http://127.0.0.1:8000/back/",
    "scope": "openid email",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
    "state": "s",
    "nonce": "n",
}
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # of the challenge, as in RFC 7636


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(0, "ledger", "secret") as server:
        yield server


def ask(
    server: MockServer, method: str, path: str, form: dict[str, str] | None = None
) -> tuple[int, str, str]:
    connection = HTTPConnection(urlsplit(server.provider.issuer).netloc, timeout=10)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    connection.request(method, path, urlencode(form) if form else None, headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, response.headers.get("Location", ""), body


def test_its_page_says_what_it_is(server: MockServer) -> None:
    status, _, body = ask(server, "GET", f"/oauth2/authorize?{urlencode(ASKED)}")
    assert status == 200
    assert "This is a mock." in body
    assert "Nina Novak" in body


def test_an_unknown_page_says_so_without_markup_of_the_visitor(server: MockServer) -> None:
    status, _, body = ask(server, "GET", "/nowhere")
    assert (status, body) == (404, pages.message("Nothing here", "No such page."))
    said = pages.message("<A>", "<b>")
    assert "<h1>&lt;A&gt;</h1>" in said
    assert "<p>&lt;b&gt;</p></main>" in said


def test_it_listens_on_this_machine_alone(server: MockServer) -> None:
    assert server.provider.issuer.startswith("http://127.0.0.1:")
    assert server.address[0] == "127.0.0.1"


def test_a_code_becomes_tokens_once(server: MockServer) -> None:
    form = {**ASKED, "subject": "mock-nina", "fault": ""}
    _, location, _ = ask(server, "POST", "/oauth2/authorize", form)
    token = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(location).query)["code"][0],
        "redirect_uri": ASKED["redirect_uri"],
        "code_verifier": VERIFIER,
        "client_id": "ledger",
        "client_secret": "secret",
    }
    status, _, body = ask(server, "POST", "/oauth2/token", token)
    assert status == 200
    assert {*json.loads(body)} >= {"access_token", "id_token"}
    status, _, body = ask(server, "POST", "/oauth2/token", token)
    assert (status, json.loads(body)) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://evil.example/"},
        {"client_id": "another"},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
        {"scope": "email"},
    ],
)
def test_a_wrong_request_is_refused(server: MockServer, change: dict[str, str]) -> None:
    with pytest.raises(MockRefusal):
        server.provider.authorize({**ASKED, **change}, "mock-nina")


@pytest.mark.parametrize(
    "change",
    [{"client_secret": "guessed"}, {"code_verifier": "another"}, {"redirect_uri": "http://a/"}],
)
def test_wrong_proof_brings_no_token(server: MockServer, change: dict[str, str]) -> None:
    back = server.provider.authorize(ASKED, "mock-nina")
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(back).query)["code"][0],
        "redirect_uri": ASKED["redirect_uri"],
        "code_verifier": VERIFIER,
        "client_secret": "secret",
        **change,
    }
    with pytest.raises(MockRefusal):
        server.provider.token(form, "ledger", form["client_secret"])


def test_signing_out_leads_to_this_machine_alone(server: MockServer) -> None:
    for name in ("logout?logout_uri", "end-session?post_logout_redirect_uri"):
        status, location, _ = ask(server, "GET", f"/{name}=http://127.0.0.1:1/in&client_id=ledger")
        assert (status, location) == (302, "http://127.0.0.1:1/in")
        status, _, _ = ask(server, "GET", f"/{name}=https://evil.example/&client_id=ledger")
        assert status == 400
