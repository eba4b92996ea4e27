"""Many payments in one call: all or none, or line by line; sent again, each is booked once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.db import transaction as db_transaction
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from accounts.services import close_account, set_sign_in
from accounts.sign_in import step_up, tokens
from api.caller import Caller
from api.transactions import batch, batch_views
from ledger.db.retry import OutcomeUnknown
from tests.access_ends import ENDS
from tests.accounts.tokens import issue
from tests.api.calls import ODD_AMOUNTS, TRANSACTIONS, balance_of, bearer, body, post, slug
from tests.attacks.waiting import WAITING
from tests.factories import AccountFactory, nobodys
from tests.sign_in import let_pass
from transactions import services
from transactions.models import NamesAsked, Transaction
from transactions.safeguards import quota

pytestmark = pytest.mark.django_db
BATCH = f"{TRANSACTIONS}batch/"
NDJSON = "application/x-ndjson"


def send(
    client: Client, lines: list[Any], *, atomic: bool = True, key: str = "k1", **more: str
) -> Any:
    return post(
        client, BATCH, {"transactions": lines, "atomic": atomic}, Idempotency_Key=key, **more
    )


def told(answer: Any) -> list[dict[str, Any]]:
    """The lines of a streamed answer."""
    text = b"".join(answer.streaming_content).decode()
    return [json.loads(line) for line in text.splitlines()]


def test_all_lines_are_booked_together(ana: Client, mine: Account, theirs: Account) -> None:
    answer = send(ana, [body(mine, theirs, amount="1.00"), body(mine, theirs, amount="2.00")])
    assert (answer.status_code, answer.json()["booked"]) == (201, 2)
    ids = [line["id"] for line in answer.json()["results"]]
    amounts = [Transaction.objects.get(pk=id).amount for id in ids]
    assert amounts == [1, 2]


def test_one_refused_line_books_none_and_is_named(
    ana: Client, mine: Account, theirs: Account
) -> None:
    answer = send(ana, [body(mine, theirs), body(mine, theirs, amount="5000")])
    assert (answer.status_code, slug(answer)) == (422, "insufficient-funds")
    assert answer.json()["line"] == 2
    assert balance_of(mine) == 1000


def test_line_by_line_each_stands_for_itself(ana: Client, mine: Account, theirs: Account) -> None:
    rich = AccountFactory(balance="10")
    lines = [
        body(mine, theirs, amount="1.00"),
        body(mine, theirs, amount="5000.00"),
        body(rich, theirs, amount="1.00"),
        body(mine, theirs, to_number="x", to_account=None),
        body(mine, theirs, amount="2.00"),
    ]
    answer = send(ana, lines, atomic=False)
    assert answer.headers["Content-Type"] == NDJSON
    *results, last = told(answer)
    assert [each["status"] for each in results] == [201, 422, 422, 422, 201]
    assert [each["line"] for each in results] == [1, 2, 3, 4, 5]
    assert results[2]["problem"]["field"] == "from_account"
    assert (last["done"], last["booked"], last["refused"]) == (True, 2, 3)
    assert balance_of(mine) == 997


@pytest.mark.parametrize("atomic", [True, False])
def test_sent_again_every_line_is_booked_once(
    ana: Client, mine: Account, theirs: Account, *, atomic: bool
) -> None:
    lines = [body(mine, theirs, amount=f"{n}.00") for n in range(1, 6)]
    ids = []
    for _ in range(2):
        answer = send(ana, lines, atomic=atomic)
        results = answer.json()["results"] if atomic else told(answer)[:-1]
        ids.append([line["id"] for line in results])
    assert ids[0] == ids[1]
    assert balance_of(mine) == 985
    other = send(ana, [body(mine, theirs, amount="9.00")], key="k1")
    assert (other.status_code, slug(other)) == (409, "idempotency-conflict")


def test_a_line_of_json_each(ana: Client, mine: Account, theirs: Account) -> None:
    text = "\n".join(json.dumps(body(mine, theirs)) for _ in range(3)) + "\n\n"
    answer = ana.post(
        f"{BATCH}?atomic=false", text, content_type=NDJSON,
        headers={"Idempotency-Key": "k", "Accept": NDJSON},
    )  # fmt: skip
    assert told(answer)[-1]["booked"] == 3


@pytest.mark.parametrize(
    "given", [None, [], {}, "x", [1], [{}], [{"amount": "1.00", "from": "x"}], [None]]
)
def test_a_line_that_cannot_be_read_books_nothing(
    ana: Client, mine: Account, theirs: Account, given: Any
) -> None:
    answer = send(ana, given)
    assert (answer.status_code, slug(answer)) == (400, "invalid-request")


@pytest.mark.parametrize("amount", ODD_AMOUNTS)
@pytest.mark.parametrize("limits", [{}, {"per_payment": Decimal(50), "currency": "USD"}])
def test_an_odd_amount_is_refused_at_its_line(
    mine: Account, theirs: Account, amount: str, limits: dict[str, Any]
) -> None:
    token = bearer(mine.user, "pay", **limits)["Authorization"]
    lines = [body(mine, theirs), body(mine, theirs, amount=amount)]

    together = send(Client(), lines, Authorization=token)
    assert (together.status_code, slug(together)) == (422, "invalid-amount")
    assert (together.json()["line"], together.json()["field"]) == (2, "amount")
    assert balance_of(mine) == 1000

    each = send(Client(), lines, atomic=False, key="k2", Authorization=token)
    first, second, _end = told(each)
    assert (first["status"], second["status"]) == (201, 422)
    assert second["problem"]["type"].endswith("#invalid-amount")
    assert second["problem"]["field"] == "amount"
    assert "Decimal" not in together.json()["detail"] + second["problem"]["detail"]


def test_a_key_is_needed(ana: Client, mine: Account, theirs: Account) -> None:
    answer = post(ana, BATCH, {"transactions": [body(mine, theirs)]})
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_numbers_are_looked_up_in_as_many_queries_as_for_one(
    ana: Client, mine: Account, theirs: Account, django_assert_max_num_queries: Any
) -> None:
    lines = [{**body(mine, theirs, to_number=theirs.number), "to_account": None} for _ in range(40)]
    with django_assert_max_num_queries(40):
        answer = send(ana, lines)
    assert answer.json()["booked"] == 40


def test_an_old_session_is_asked_to_confirm(ana: Client, mine: Account, theirs: Account) -> None:
    let_pass(ana, minutes=30)
    answer = send(ana, [body(mine, theirs)])
    assert (answer.status_code, slug(answer)) == (403, "confirmation-needed")


def answered(
    monkeypatch: pytest.MonkeyPatch, payer: Account, lines: list[Any], until: datetime | None,
    token: Any = None,
) -> Any:  # fmt: skip
    """What the view answers to a session that proved itself until then, or to a token."""
    monkeypatch.setattr(step_up, "fresh_until", lambda _request: until)
    request: Any = RequestFactory().post(
        BATCH, {"transactions": lines}, "application/json", headers={"Idempotency-Key": "k"}
    )
    request.user, request.api_token = payer.user, token
    request.session = SimpleNamespace(session_key=None)
    request._dont_enforce_csrf_checks = True
    anybody: dict[str, Any] = {"permission_classes": [], "throttle_classes": []}
    return batch_views.TransactionBatch.as_view(**anybody)(request)


def test_only_a_session_has_to_confirm_and_a_batch_that_is_repeated_says_so(
    mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Caller, "refuse_if_ended", lambda _caller: None)
    call = partial(answered, monkeypatch, mine, [body(mine, theirs), body(mine, theirs)])
    now, token = timezone.now(), issue(mine.user, "pay").row
    for until in (None, now):
        answer = call(until)
        kind = json.loads(answer.content)["type"].partition("#")[2]
        assert (answer.status_code, kind) == (403, "confirmation-needed")
    assert balance_of(mine) == 1000
    minute = timedelta(minutes=1)
    first, again, by_token = call(now + minute), call(now + minute), call(None, token)
    assert [answer.status_code for answer in (first, again, by_token)] == [201] * 3
    assert first.data.keys() == {"booked", "refused", "results"}
    assert (first.data["booked"], first.data["refused"]) == (2, 0)
    assert first.data == again.data == by_token.data
    replayed = [answer.headers.get("Idempotency-Replayed") for answer in (first, again, by_token)]
    assert replayed == [None, "true", "true"]
    assert balance_of(mine) == 975

    def fail(*_given: Any, **_more: Any) -> None:
        raise OutcomeUnknown("gone")

    monkeypatch.setattr(batch_views, "book_together", fail)
    lost = json.loads(call(now + minute).content)
    assert (lost["status"], lost["id"]) == (503, first.data["results"][0]["id"])


@pytest.mark.parametrize("atomic", [True, False])
def test_the_limits_of_a_token_hold_for_all_lines_together(
    client: Client, mine: Account, theirs: Account, *, atomic: bool
) -> None:
    text = issue(mine.user, "pay", per_day=Decimal(25), currency="USD").text
    lines = [body(mine, theirs, amount="10.00") for _ in range(3)]
    answer = send(client, lines, atomic=atomic, Authorization=f"Bearer {text}")
    if atomic:
        assert (answer.status_code, slug(answer)) == (422, "limit-exceeded")
        assert balance_of(mine) == 1000
    else:
        assert [each["status"] for each in told(answer)[:-1]] == [201, 201, 422]


def test_a_database_that_fails_ends_the_answer_without_done(
    ana: Client, mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(services, "post_together", fail)
    (last,) = told(send(ana, [body(mine, theirs)], atomic=False))
    assert (last["done"], last["status"]) == (False, 503)


@pytest.mark.parametrize("atomic", [True, False])
def test_a_token_of_one_currency_pays_in_no_other(
    ana: Client, mine: Account, theirs: Account, atomic: bool
) -> None:
    text = issue(mine.user, "pay", currency="EUR").text
    token = f"Bearer {text}"
    answer = send(Client(), [body(mine, theirs)], atomic=atomic, Authorization=token)
    if atomic:
        assert (answer.status_code, slug(answer)) == (422, "limit-exceeded")
    else:
        assert [line["status"] for line in told(answer)[:-1]] == [422]
    assert balance_of(mine) == 1000


def test_a_batch_that_was_booked_answers_the_same_after_the_day_is_full(
    mine: Account, theirs: Account
) -> None:
    text = issue(mine.user, "pay", per_day=Decimal(25), currency="USD").text
    token = f"Bearer {text}"
    lines = [body(mine, theirs, amount="20.00")]
    first = send(Client(), lines, Authorization=token)
    services.transfer(
        from_account=mine, to_account=theirs, amount=Decimal(20), created_by=mine.user
    )
    again = send(Client(), lines, Authorization=token)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["results"] == again.json()["results"]
    assert send(Client(), lines, key="another", Authorization=token).status_code == 422


def test_together_a_key_stands_for_one_list(ana: Client, mine: Account, theirs: Account) -> None:
    lines = [body(mine, theirs, amount=f"{n}.00") for n in range(1, 4)]
    first, again = send(ana, lines), send(ana, lines)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    for other in (lines[:2], [*lines, lines[0]], [lines[0], lines[2], lines[1]]):
        answer = send(ana, other)
        assert (answer.status_code, slug(answer)) == (409, "idempotency-conflict")
    assert balance_of(mine) == 994


def test_what_was_booked_line_by_line_is_not_booked_together(
    ana: Client, mine: Account, theirs: Account
) -> None:
    line = body(mine, theirs, amount="1.00")
    told(send(ana, [line], atomic=False))
    assert send(ana, [line, line]).status_code == 409
    assert balance_of(mine) == 999


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("counts", [(2, 3), (3, 2), (2, 2)])
def test_lists_with_one_key_at_the_same_moment_are_not_booked_both(
    mine: Account, theirs: Account, counts: tuple[int, int]
) -> None:
    lines = [body(mine, theirs, amount="1.00") for _ in range(3)]
    token = bearer(mine.user, "pay")["Authorization"]

    def send_elsewhere(count: int) -> Any:
        try:
            return send(Client(), lines[:count], Authorization=token)
        finally:
            connection.close()

    outside = psycopg.connect(**connection.get_connection_params(), autocommit=True)
    with outside, ThreadPoolExecutor(2) as pool:
        with db_transaction.atomic():
            Account.objects.locked([mine.pk]).get()
            sent = []
            for count in counts:
                sent.append(pool.submit(send_elsewhere, count))
                while len(outside.execute(WAITING).fetchall()) < len(sent):
                    assert not sent[-1].done(), "it did not wait"
        first, second = (each.result(timeout=60) for each in sent)
    assert first.status_code == 201
    assert balance_of(mine) == 1000 - counts[0]
    if counts[0] == counts[1]:
        assert second.json() == first.json()
        assert second.headers["Idempotency-Replayed"] == "true"
    else:
        assert (second.status_code, slug(second)) == (409, "idempotency-conflict")


@pytest.mark.parametrize("limits", [{}, {"per_day": Decimal(900), "currency": "USD"}])
@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_token_that_ends_meanwhile_books_no_line_more(
    mine: Account,
    theirs: Account,
    monkeypatch: pytest.MonkeyPatch,
    limits: dict[str, Any],
    end: str,
) -> None:
    monkeypatch.setattr(batch, "MAX_TOGETHER", 2)
    monkeypatch.setattr(batch, "CHUNK_OF_LIMITED", 2)
    text = issue(mine.user, "pay", **limits).text
    lines = [body(mine, theirs, amount="1.00") for _ in range(5)]
    answer = send(Client(), lines, atomic=False, Authorization=f"Bearer {text}")
    streamed = iter(answer.streaming_content)
    results = [json.loads(line) for line in next(streamed).splitlines()]
    if end == "revoked":
        tokens.revoke(token=mine.user.api_tokens.get(), by=mine.user)
    else:
        later = timezone.now() + timedelta(days=9999)
        monkeypatch.setattr("accounts.models.api_token.timezone.now", lambda: later)
    results += [json.loads(line) for part in streamed for line in part.splitlines()]
    *booked, last = results
    assert [line["status"] for line in booked] == [201, 201, 422, 422, 422]
    assert booked[-1]["problem"]["type"].endswith("token-ended")
    assert (last["booked"], last["refused"]) == (2, 3)
    assert balance_of(mine) == 998


@pytest.mark.parametrize("end", ENDS)
def test_a_session_that_ends_meanwhile_books_no_line_more(
    ana: Client, mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(batch, "MAX_TOGETHER", 2)
    answer = send(ana, [body(mine, theirs, amount="1.00") for _ in range(5)], atomic=False)
    streamed = iter(answer.streaming_content)
    results = [json.loads(line) for line in next(streamed).splitlines()]
    ENDS[end](mine.user)
    results += [json.loads(line) for part in streamed for line in part.splitlines()]
    *booked, last = results
    assert [line["status"] for line in booked] == [201, 201, 422, 422, 422]
    assert booked[-1]["problem"]["type"].endswith("session-ended")
    assert (last["booked"], last["refused"]) == (2, 3)
    assert balance_of(mine) == 998


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("by_token", [True, False])
def test_access_that_ends_while_a_part_is_booked_books_none_of_it(
    ana: Client,
    mine: Account,
    theirs: Account,
    monkeypatch: pytest.MonkeyPatch,
    *,
    atomic: bool,
    by_token: bool,
) -> None:
    """The sign-in is closed after the call's own check, before the part's transaction."""
    real = services.post_together

    def closed_before(*args: Any) -> None:
        set_sign_in(user=mine.user, is_open=False)
        real(*args)

    monkeypatch.setattr(services, "post_together", closed_before)
    more = bearer(mine.user, "pay") if by_token else {}
    answer = send(ana, [body(mine, theirs)] * 2, atomic=atomic, **more)
    kind = "token-ended" if by_token else "session-ended"
    if atomic:
        assert (answer.status_code, slug(answer)) == (422, kind)
    else:
        *lines, last = told(answer)
        assert [line["problem"]["type"].rpartition("#")[2] for line in lines] == [kind] * 2
        assert (last["done"], last["booked"]) == (True, 0)
    assert balance_of(mine) == 1000


def test_together_a_line_above_the_limit_of_a_payment_is_refused(
    mine: Account, theirs: Account
) -> None:
    text = issue(mine.user, "pay", per_payment=Decimal(5), currency="USD").text
    lines = [body(mine, theirs, amount="5.00"), body(mine, theirs, amount="5.01")]
    for atomic in (True, False):
        answer = send(
            Client(), lines, atomic=atomic, key=f"{atomic}", Authorization=f"Bearer {text}"
        )
        if atomic:
            assert (answer.status_code, answer.json()["line"]) == (422, 2)
            assert balance_of(mine) == 1000
        else:
            assert [line["status"] for line in told(answer)[:-1]] == [201, 422]


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("", {"transactions": [], "atomic": "yes"}),
        ("?atomic=1", []),
        ("", {"lines": []}),
        ("", "text"),
        ("", []),
    ],
)
def test_what_is_no_list_of_payments_is_refused(ana: Client, query: str, sent: Any) -> None:
    answer = ana.post(
        f"{BATCH}{query}", json.dumps(sent), content_type="application/json",
        headers={"Idempotency-Key": "k1"},
    )  # fmt: skip
    assert (answer.status_code, slug(answer)) == (400, "invalid-request")


def test_a_call_has_no_more_lines_than_the_limit(
    ana: Client, mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_SEPARATE", 1)
    answer = send(ana, [body(mine, theirs)] * 2, atomic=False)
    assert (answer.status_code, balance_of(mine)) == (400, 1000)


def test_together_a_call_has_fewer_lines(
    ana: Client, mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They lock the accounts of others until the last one is booked."""
    monkeypatch.setattr(batch, "MAX_TOGETHER", 2)
    lines = [body(mine, theirs, amount="1.00")] * 3
    assert send(ana, lines[:2], key="k1").status_code == 201
    answer = send(ana, lines, key="k2")
    assert (answer.status_code, slug(answer)) == (400, "invalid-request")
    assert balance_of(mine) == 998
    assert told(send(ana, lines, key="k2", atomic=False))[-1]["booked"] == 3


def test_a_line_without_a_recipient_is_refused(ana: Client, mine: Account, theirs: Account) -> None:
    lines = [body(mine, theirs), {**body(mine, theirs), "to_account": None}]
    answer = send(ana, lines)
    assert (answer.status_code, slug(answer)) == (422, "account-not-found")
    assert (answer.json()["line"], balance_of(mine)) == (2, 1000)


def test_wrong_numbers_of_a_batch_count_towards_those_of_the_day(
    ana: Client, mine: Account, theirs: Account
) -> None:
    close_account(account=theirs, reason="Left")
    lines = [{**body(mine, theirs, to_number=theirs.number), "to_account": None}] * 2
    told(send(ana, lines, atomic=False))
    assert NamesAsked.objects.get(user=mine.user).numbers == 2


@pytest.mark.parametrize("atomic", [True, False])
def test_after_the_wrong_numbers_of_a_day_a_batch_tells_of_no_stranger(
    ana: Client, mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch, *, atomic: bool
) -> None:
    monkeypatch.setattr(quota, "WRONG_NUMBERS_A_DAY", 2)
    friend, savings = AccountFactory(), AccountFactory(user=mine.user)
    services.transfer(from_account=mine, to_account=friend, amount=Decimal(1))
    lines = [
        {**body(mine, theirs, to_number=number), "to_account": None}
        for number in (nobodys(1), nobodys(2), theirs.number, nobodys(3))
    ]
    if atomic:
        for number in range(2):
            send(ana, lines[number : number + 1], key=f"{number}")
        answers = [send(ana, [line], key=f"again {n}") for n, line in enumerate(lines[2:])]
        assert [slug(answer) for answer in answers] == ["too-many-numbers"] * 2
    else:
        problems = [line["problem"] for line in told(send(ana, lines, atomic=False))[:-1]]
        slugs = [problem["type"].partition("#")[2] for problem in problems]
        assert slugs == ["account-not-found"] * 2 + ["too-many-numbers"] * 2
        assert problems[2] == problems[3]
    known = [
        {**body(mine, theirs, to_number=each.number), "to_account": None}
        for each in (friend, savings)
    ]
    assert send(ana, known, key="known").status_code == 201
    assert NamesAsked.objects.get(user=mine.user).numbers == 2


def test_payments_at_the_same_moment_cannot_pass_the_limit_of_a_day_together(
    mine: Account, theirs: Account
) -> None:
    text = issue(mine.user, "pay", per_day=Decimal(25), currency="USD").text
    with CaptureQueriesContext(connection) as sent:
        send(Client(), [body(mine, theirs, amount="1.00")], Authorization=f"Bearer {text}")
    sums = [query["sql"] for query in sent if "paid_to_others" in query["sql"]]
    assert sums
    assert all(sql.endswith("true)") for sql in sums), "in the turn of the person"
