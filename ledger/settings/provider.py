"""Reads the identity provider from the settings OIDC_... or COGNITO_....

If a value or a combination is wrong, the process stops with one message. Without these settings
there is no provider, and pages do not mention one.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ledger import env

OIDC = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
COGNITO = (
    "COGNITO_USER_POOL_ID",
    "COGNITO_REGION",
    "COGNITO_DOMAIN",
    "COGNITO_CLIENT_ID",
    "COGNITO_CLIENT_SECRET",
)
DETAILS = (
    "OIDC_NAME",
    "OIDC_SCOPES",
    "OIDC_ALGORITHM",
    "OIDC_VERIFIED_CLAIM",
    "OIDC_GROUPS_CLAIM",
    "OIDC_GROUPS",
    "OIDC_SIGNUP",
    "OIDC_SECOND_FACTOR",
    "OIDC_ORIGINS",
    "OIDC_API_AUDIENCE",
    "OIDC_API_SCOPES",
    "OIDC_API_CLIENTS",
)
TOKEN_SCOPES = ("read", "pay", "staff", "report")  # the scopes of Ledger's access tokens
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")  # only algorithms with public keys are allowed
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
POOL = re.compile(r"([a-z0-9-]+)_[A-Za-z0-9]+")
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
MOCK_CLIENT, MOCK_SECRET = "ledger", "mock-secret"
MOCK_GROUPS = "bank-analysts=analysts"  # one person of the mock provider is in bank-analysts


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """The settings of an identity provider."""

    name: str  # the name on the button
    issuer: str  # a token must contain exactly this text as its issuer
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    algorithm: str = "RS256"  # the only algorithm that is accepted
    verified_claim: str = "email_verified"
    groups_claim: str = "groups"
    # Maps the provider's groups to Ledger's groups.
    groups: Mapping[str, str] = field(default_factory=dict)
    allows_sign_up: bool = True
    # Values of amr or acr that replace Ledger's second factor.
    second_factor: frozenset[str] = frozenset()
    # Only for Cognito; other providers have this URL in their discovery document.
    sign_out_url: str = ""
    other_origins: tuple[str, ...] = ()
    # The audience of access tokens that the API accepts; "" if it accepts none.
    api_audience: str = ""
    # Maps the provider's scopes to Ledger's scopes.
    api_scopes: Mapping[str, str] = field(default_factory=dict)
    # Clients whose tokens are accepted; empty means all clients.
    api_clients: frozenset[str] = frozenset()

    @property
    def origins(self) -> list[str]:
        """The provider's origins, to which the Content-Security-Policy allows forms to redirect."""
        known = [_origin(self.sign_out_url)] if self.sign_out_url else [_origin(self.issuer)]
        return [*known, *self.other_origins]


def read(*, mock_port: int, is_demo: bool, is_https: bool) -> ProviderSettings | None:
    """Returns the identity provider from the environment variables, or None.

    `is_demo` is true for demo data on the embedded server. The mock provider runs only with demo
    data.
    """
    found = {name for name in (*OIDC, *COGNITO) if env.text(name)}
    if env.choice("OIDC", "", ["", "mock"]) == "mock":
        return _mock(mock_port, found, is_demo=is_demo, is_https=is_https)
    if not found:
        for name in DETAILS:
            if env.text(name):
                env.refuse(name, "it is about a provider, but OIDC_ISSUER is not set")
        return None
    if found & {*OIDC} and found & {*COGNITO}:
        env.refuse(min(found & {*COGNITO}), "OIDC_... is set too, and there is one provider")
    for name in OIDC if found & {*OIDC} else COGNITO:
        if not env.text(name):
            env.refuse(name, f"{min(found)} is set, and a provider needs this setting too")
    return _oidc(is_https=is_https) if found & {*OIDC} else _cognito()


def is_loopback(url: str) -> bool:
    """Returns whether the host of a URL is this computer."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _mock(port: int, found: set[str], *, is_demo: bool, is_https: bool) -> ProviderSettings:
    if found:
        env.refuse("OIDC", f"the mock is itself a provider, but {min(found)} is set too")
    if not is_demo or is_https:
        env.refuse("OIDC", "the mock lets everybody in; it runs only for the demo of `make run`")
    issuer = f"http://127.0.0.1:{port}"
    return _provider(
        "Mock Cognito",
        issuer,
        MOCK_CLIENT,
        MOCK_SECRET,
        groups_claim="cognito:groups",
        groups=MOCK_GROUPS,
        sign_out_url=f"{issuer}/logout",
    )


def _oidc(*, is_https: bool) -> ProviderSettings:
    issuer = env.text("OIDC_ISSUER")
    parts = urlsplit(issuer)
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        env.refuse("OIDC_ISSUER", "it is not an address such as https://login.example/realms/bank")
    if parts.scheme != "https" and (is_https or parts.scheme != "http" or not is_loopback(issuer)):
        env.refuse("OIDC_ISSUER", "it does not begin with https://; http:// is for this machine")
    return _provider(
        parts.hostname, issuer, env.text("OIDC_CLIENT_ID"), env.text("OIDC_CLIENT_SECRET")
    )


def _cognito() -> ProviderSettings:
    region, pool = env.text("COGNITO_REGION"), env.text("COGNITO_USER_POOL_ID")
    domain = env.text("COGNITO_DOMAIN").removeprefix("https://").rstrip("/")
    if not REGION.fullmatch(region):
        env.refuse("COGNITO_REGION", f"{region!r} is not a region such as eu-west-1")
    named = POOL.fullmatch(pool)
    if not named or named[1] != region:
        env.refuse("COGNITO_USER_POOL_ID", f"it does not look like {region}_aBcDeF123")
    if not HOST.fullmatch(domain):
        env.refuse("COGNITO_DOMAIN", "it is not a host like bank.auth.eu-west-1.amazoncognito.com")
    return _provider(
        "Amazon Cognito",
        f"https://cognito-idp.{region}.amazonaws.com/{pool}",
        env.text("COGNITO_CLIENT_ID"),
        env.text("COGNITO_CLIENT_SECRET"),
        groups_claim="cognito:groups",
        sign_out_url=f"https://{domain}/logout",
    )


def _provider(
    name: str,
    issuer: str,
    client_id: str,
    client_secret: str,
    *,
    groups_claim: str = "groups",
    groups: str = "",
    sign_out_url: str = "",
) -> ProviderSettings:
    """Returns the provider, with the settings that all kinds of providers have."""
    audience = _api_audience(client_id)
    return ProviderSettings(
        name=env.text("OIDC_NAME", name),
        issuer=issuer,
        client_id=client_id,
        client_secret=client_secret,
        scopes=_scopes(),
        algorithm=env.choice("OIDC_ALGORITHM", "RS256", ALGORITHMS),
        verified_claim=env.text("OIDC_VERIFIED_CLAIM", "email_verified"),
        groups_claim=env.text("OIDC_GROUPS_CLAIM", groups_claim),
        groups=_groups(groups),
        allows_sign_up=env.flag("OIDC_SIGNUP", default=True),
        second_factor=frozenset(env.items("OIDC_SECOND_FACTOR")),
        sign_out_url=sign_out_url,
        other_origins=tuple(env.origins("OIDC_ORIGINS")),
        api_audience=audience,
        api_scopes=_api_scopes(),
        api_clients=frozenset(env.items("OIDC_API_CLIENTS")),
    )


def _scopes() -> tuple[str, ...]:
    scopes = tuple(env.text("OIDC_SCOPES", "openid email profile").split())
    if not {"openid", "email"} <= {*scopes}:
        env.refuse("OIDC_SCOPES", "it needs openid and email, as in: openid email profile")
    return scopes


def _groups(default: str) -> dict[str, str]:
    return _pairs("OIDC_GROUPS", default, example="bank-auditors=auditor")


def _api_audience(client_id: str) -> str:
    audience = env.text("OIDC_API_AUDIENCE")
    if audience == client_id:
        env.refuse("OIDC_API_AUDIENCE", "it is the client's id, so the API would accept ID tokens")
    for name in ("OIDC_API_SCOPES", "OIDC_API_CLIENTS"):
        if env.text(name) and not audience:
            env.refuse(name, "it is about access tokens, but OIDC_API_AUDIENCE is not set")
    return audience


def _api_scopes() -> dict[str, str]:
    usual = ",".join(f"{scope}={scope}" for scope in TOKEN_SCOPES)
    scopes = _pairs("OIDC_API_SCOPES", usual, example="ledger.read=read")
    for ours in scopes.values():
        if ours not in TOKEN_SCOPES:
            env.refuse("OIDC_API_SCOPES", f"{ours!r} is none of {', '.join(TOKEN_SCOPES)}")
    return scopes


def _pairs(name: str, default: str, *, example: str) -> dict[str, str]:
    """Returns the pairs in a setting of the form theirs=ours,theirs=ours as a dict."""
    found = {}
    for pair in env.items(name, default):
        theirs, equals, ours = pair.rpartition("=")
        if not equals or not theirs.strip() or not ours.strip():
            env.refuse(name, f"{pair!r} is not a pair such as {example}")
        found[theirs.strip()] = ours.strip()
    return found


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
