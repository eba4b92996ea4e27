"""Calls with an access token of the identity provider: whose they are, and what they may."""

from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.groups import OPERATIONS
from accounts.models import Account, User
from accounts.sign_in.providers import discovery, keys
from api import rate
from tests.api.calls import ACCOUNTS, TRANSACTIONS, balance_of, body, post, slug
from tests.conftest import colleague
from tests.identity_provider import There, mock_server, there
from tests.provider_tokens import accepts_tokens, connect_row, get, token

__all__ = ["mock_server", "there"]
pytestmark = pytest.mark.django_db
BATCH = f"{TRANSACTIONS}batch/"


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """No keys of an earlier test, and no failure to read them."""
    for module, names in ((discovery, ("_kept", "_failed")), (keys, ("_kept",))):
        for name in names:
            monkeypatch.setattr(module, name, {})


@pytest.fixture
def bank(there: There, mine: Account) -> There:
    accepts_tokens(there)
    connect_row(there, mine.user)
    return there


def bearer(there: There, *scopes: str, **claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(there, *scopes, **claims)}"}


def test_a_connected_person_reads_and_pays(
    client: Client, bank: There, mine: Account, theirs: Account
) -> None:
    text = token(bank, "read", "pay")
    (row,) = get(text).json()["results"]
    assert row["id"] == str(mine.pk)
    answer = post(client, TRANSACTIONS, body(mine, theirs), Authorization=f"Bearer {text}")
    assert answer.status_code == 201
    assert not answer.cookies


def test_without_the_setting_a_providers_token_is_no_token(bank: There) -> None:
    bank.configure(api_audience="")
    answer = get(token(bank, "read"))
    assert (answer.status_code, slug(answer)) == (401, "token-not-accepted")


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"scope": "openid ledger.see"}, 200),
        ({"scope": None, "scp": "ledger.see"}, 200),
        ({"scope": None, "scp": ["openid", "ledger.see"]}, 200),
        ({"scope": "read"}, 403),
        ({"scope": "LEDGER.SEE"}, 403),
        ({"scope": {"ledger.see": True}}, 403),
        ({"scope": None}, 403),
    ],
)
def test_the_providers_scopes_are_mapped_to_ours(
    bank: There, claims: dict[str, Any], status: int
) -> None:
    accepts_tokens(bank, api_scopes={"ledger.see": "read"})
    assert get(token(bank, **claims)).status_code == status


def test_a_missing_scope_is_told_in_the_header(
    client: Client, bank: There, mine: Account, theirs: Account
) -> None:
    answer = post(client, TRANSACTIONS, body(mine, theirs), **bearer(bank, "read"))
    assert (answer.status_code, slug(answer)) == (403, "not-allowed")
    told = answer.headers["WWW-Authenticate"]
    assert told.startswith("Bearer ")
    assert 'error="insufficient_scope"' in told
    assert 'scope="pay"' in told


def test_a_call_without_a_token_is_told_of_no_error(client: Client) -> None:
    answer = client.get(ACCOUNTS)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Ledger"'


def test_a_scope_gives_no_right_that_the_person_lacks(client: Client, bank: There) -> None:
    header = bearer(bank, "read", "staff", "report")
    assert client.get(f"{TRANSACTIONS}?whose=bank", headers=header).status_code in (400, 403)
    assert client.get("/api/v1/audit/", headers=header).status_code == 403


def staff_there(there: There) -> User:
    clerk = colleague(OPERATIONS, "Clerk")
    connect_row(there, clerk, "sub-clerk")
    return clerk


def test_staff_act_as_staff_by_a_second_factor_that_is_trusted(
    client: Client, bank: There, theirs: Account, settings: Any
) -> None:
    """As the sign-in counts it: OIDC_SECOND_FACTOR among `amr`, or `acr`."""
    settings.LEDGER_STAFF_SECOND_FACTOR = True
    accepts_tokens(bank, second_factor=frozenset({"mfa"}))
    staff_there(bank)
    slip = {"to_account": str(theirs.pk), "amount": "25.00", "description": "Cash"}
    scopes = ("read", "pay", "staff")
    for claims in ({}, {"amr": ["pwd"]}, {"amr": "mfa"}, {"acr": "1"}):
        header = bearer(bank, *scopes, sub="sub-clerk", **claims)
        refused = post(client, TRANSACTIONS, slip, **header)
        assert (refused.status_code, slug(refused)) == (401, "token-not-accepted")
        told = refused.headers["WWW-Authenticate"]
        assert 'error="insufficient_user_authentication"' in told
    proved = bearer(bank, *scopes, sub="sub-clerk", amr=["pwd", "mfa"])
    assert post(client, TRANSACTIONS, slip, **proved).status_code == 201


def test_staff_read_their_own_without_a_second_factor(
    client: Client, bank: There, mine: Account, settings: Any
) -> None:
    """Their token without the scope staff is a customer's, also a personal one."""
    settings.LEDGER_STAFF_SECOND_FACTOR = True
    staff_there(bank)
    header = bearer(bank, "read", "pay", sub="sub-clerk")
    assert client.get(ACCOUNTS, headers=header).json()["results"] == []
    address = f"{TRANSACTIONS}{mine.received.get().pk}/"
    assert client.get(address, headers=header).status_code == 404


def test_where_customers_need_a_second_factor_so_do_their_tokens(
    bank: There, settings: Any
) -> None:
    settings.LEDGER_CUSTOMER_SECOND_FACTOR = True
    accepts_tokens(bank, second_factor=frozenset({"mfa"}))
    assert get(token(bank, "read")).status_code == 401
    assert get(token(bank, "read", acr="mfa")).status_code == 200


def test_it_pays_in_a_day_what_needs_no_step_up(
    client: Client, bank: There, mine: Account, theirs: Account, settings: Any
) -> None:
    settings.LEDGER_STEP_UP_OVER = {"*": 100}
    header = bearer(bank, "pay")

    def paid(amount: str) -> int:
        sent = body(mine, theirs, amount=amount)
        return int(post(client, TRANSACTIONS, sent, **header).status_code)

    assert [paid("60"), paid("40.01"), paid("40"), paid("0.01")] == [201, 422, 201, 422]
    assert balance_of(mine) == 900


@pytest.mark.parametrize("is_atomic", [True, False])
def test_a_batch_by_it_stays_below_the_same_limit(
    client: Client, bank: There, mine: Account, theirs: Account, settings: Any, is_atomic: bool
) -> None:
    settings.LEDGER_STEP_UP_OVER = {"*": 100}
    lines = [body(mine, theirs, amount="60"), body(mine, theirs, amount="60")]
    sent = {"transactions": lines, "atomic": is_atomic}
    answer = post(client, BATCH, sent, Idempotency_Key="run 1", **bearer(bank, "pay"))
    b"".join(answer) if answer.streaming else answer.content
    assert answer.status_code == (422 if is_atomic else 200)
    assert balance_of(mine) == (1000 if is_atomic else 940)


def test_all_tokens_of_a_subject_share_one_limit_of_calls(
    bank: There, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_API_RATE = 3
    monkeypatch.setattr(rate, "_leases", {})
    monkeypatch.setattr(rate, "_now", lambda: 1_800_000_030)
    texts = [token(bank, "read", jti=str(number)) for number in range(4)]
    assert [get(text).status_code for text in texts] == [200, 200, 200, 429]
    staff_there(bank)
    assert get(token(bank, "read", sub="sub-clerk")).status_code == 200


def test_disconnecting_the_provider_ends_its_tokens(bank: There) -> None:
    text = token(bank, "read")
    assert get(text).status_code == 200
    SocialAccount.objects.all().delete()
    assert get(text).status_code == 401


def test_tokens_of_named_clients_alone_where_the_setting_names_some(bank: There) -> None:
    accepts_tokens(bank, api_clients=frozenset({"budget-app"}))
    assert get(token(bank, "read")).status_code == 200
    assert get(token(bank, "read", azp="budget-app", client_id=None)).status_code == 200
    others: list[dict[str, Any]] = [
        {"client_id": "another"}, {"client_id": None}, {"azp": "another"}, {"azp": ["budget-app"]},
    ]  # fmt: skip
    for claims in others:
        assert get(token(bank, "read", **claims)).status_code == 401


def test_rotated_keys_are_read_again_and_made_up_ones_not_each_time(
    bank: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(keys, "_now", lambda: now)
    assert get(token(bank, "read")).status_code == 200
    reads = bank.provider.key_reads
    bank.provider.rotate_keys()
    new = token(bank, "read")
    assert [get(new).status_code for _ in range(3)] == [401, 401, 401]
    assert bank.provider.key_reads == reads
    now += 31
    assert [get(new).status_code for _ in range(3)] == [200, 200, 200]
    assert bank.provider.key_reads == reads + 1


def test_without_the_providers_keys_the_answer_is_503(
    bank: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(keys, "_now", lambda: now)
    reads = 0

    def away() -> Any:
        nonlocal reads
        reads += 1
        raise OSError("away")

    text = token(bank, "read")
    assert get(text).status_code == 200
    now += keys.KEPT_SECONDS
    bank.provider.key_set = away  # type: ignore[method-assign]
    try:
        answers = [get(text) for _ in range(3)]
    finally:
        del bank.provider.key_set
    assert [slug(answer) for answer in answers] == ["provider-away"] * 3
    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in answers} == {
        (503, "5")
    }
    assert reads == 1
    now += discovery.FAILED_SECONDS
    assert get(text).status_code == 200


def test_without_the_discovery_document_the_answer_is_503(bank: There) -> None:
    bank.configure(issuer="http://127.0.0.1:9/")
    assert (slug(get(token(bank, "read")))) == "provider-away"
