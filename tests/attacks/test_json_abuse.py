"""JSON that is very large, deep or unusual: it is refused with a response, with little memory and
time.
"""

import io
import json
import tracemalloc
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client
from rest_framework.exceptions import ParseError

from accounts.models import Account, User
from api.parsing import MAX_LINES, BatchJSONParser, NDJSONParser, StrictJSONParser
from tests.accounts.tokens import issue
from tests.factories import AccountFactory, UserFactory
from tests.growth import MOST, times_as_long
from transactions import services
from transactions.exceptions import InvalidDetails
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
MEGABYTE = 2**20
DEEP = "[" * 100_000 + "]" * 100_000
DEEP_OBJECT = '{"a":' * 10_000 + "1" + "}" * 10_000
DEEP_AND_SHORT = "[" * 1_500 + "]" * 1_500  # within the length limits
ODD = (
    "",
    "null",
    "[]",
    "{}",
    '"text"',
    "NaN",
    "1e999",
    '{"a": 1',
    "\x00",
    DEEP,
    DEEP_AND_SHORT,
    DEEP_OBJECT,
)
PASSKEY_SIGN_IN = "/account/2fa/webauthn/login/"
REPORTS = "/csp-report/"
# The readers of JSON: the address, and the type of the body, or "" for a form field.
DOORS = {
    "passkey": (PASSKEY_SIGN_IN, ""),
    "report": (REPORTS, "application/csp-report"),
    "payment": ("/api/v1/transactions/", "application/json"),
    "batch": ("/api/v1/transactions/batch/", "application/json"),
}
# The texts before (repeated) and after the value. The names in objects are unknown.
SHAPES = {
    "one name": ("{", '"a":1,', '"a":1}'),
    "one name inside": ('{"metadata":{', '"a":1,', '"a":1}}'),
    "objects": ("[", "{},", "{}]"),
    "payments": ('{"transactions":[', '{"amount":"1"},', "{}]}"),
    "numbers": ('{"amount":[', "1,", "1]}"),
    "digits": ('{"amount":', "1", "}"),
    "fraction": ('{"amount":1.', "1", "}"),
    "escapes": ('{"amount":"', "\\u0041", '"}'),
    "white space": ('{"amount":', " ", '"1"}'),
    "brackets": ("", "[", ""),
    "braces": ("", '{"a":', ""),
    "lines": ("", "1\n", ""),
}


@pytest.fixture
def payer() -> Client:
    """The client of a program that may pay."""
    return program_of(UserFactory())


def program_of(person: User) -> Client:
    headers = {"Authorization": f"Bearer {issue(person, 'pay').text}"}
    return Client(headers=headers | {"Idempotency-Key": "k"})


@pytest.mark.parametrize("text", ODD, ids=lambda text: repr(text[:8]))
def test_a_stranger_signs_in_with_no_odd_credential(text: str) -> None:
    client = Client()
    answer = client.post(PASSKEY_SIGN_IN, {"credential": text})
    if text == DEEP:  # longer than the limit for a stranger
        assert answer.status_code == 413
    else:
        assert answer.status_code == 302
        assert answer.headers["Location"] == "/account/login/"
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("text", ODD, ids=lambda text: repr(text[:8]))
def test_a_report_of_an_odd_shape_is_answered(text: str) -> None:
    answer = Client().post(REPORTS, text.encode(), content_type="application/csp-report")
    assert answer.status_code in (204, 400, 413)


@pytest.mark.parametrize("text", ODD, ids=lambda text: repr(text[:8]))
@pytest.mark.parametrize("url", ["/api/v1/transactions/", "/api/v1/transactions/batch/"])
def test_the_api_reads_no_odd_payment(url: str, text: str, payer: Client) -> None:
    answer = payer.post(url, text.encode(), content_type="application/json")
    assert answer.status_code == 400
    assert not Transaction.objects.filter(type="transfer").exists()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("door", DOORS)
def test_no_shape_takes_longer_than_its_length(door: str, shape: str, payer: Client) -> None:
    url, content_type = DOORS[door]

    def send(text: str) -> None:
        if content_type:
            answer = payer.post(url, text.encode(), content_type, REMOTE_ADDR=next(addresses))
        else:
            answer = payer.post(url, {"credential": text}, REMOTE_ADDR=next(addresses))
        assert answer.status_code < 500
        assert answer.status_code != 429, "nothing was read"

    begin, part, end = SHAPES[shape]
    addresses = (f"192.0.{n // 250}.{n % 250 + 1}" for n in count())
    assert times_as_long(send, lambda size: begin + part * (size // len(part)) + end) < MOST


@pytest.mark.parametrize("url", [PASSKEY_SIGN_IN, REPORTS, "/api/v1/transactions/"])
def test_huge_json_is_refused_before_it_is_read(url: str, payer: Client) -> None:
    body = json.dumps({"credential": "x" * (8 * MEGABYTE)})
    tracemalloc.start()
    try:
        answer = payer.post(url, body, content_type="application/json")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status_code == 413
    assert peak < 20 * MEGABYTE  # the test client itself copies the body


@pytest.mark.parametrize(
    ("number", "many"), [("1e3999", 20_000), ("1e-3998", 20_000), ("1e99999999", 1)]
)
@pytest.mark.parametrize("field", ["name", "currency"])
def test_no_number_is_written_without_its_exponent(
    field: str, number: str, many: int, payer: Client
) -> None:
    """Fields of other kinds write a list as text, in the message that the list is invalid."""
    body = f'{{"{field}":[{",".join([number] * many)}]}}'
    tracemalloc.start()
    try:
        answer = payer.post("/api/v1/accounts/", body, content_type="application/json")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status_code == 400
    assert peak < 40 * MEGABYTE


@pytest.mark.parametrize("metadata", ["[{}]", '{{"a": [{}]}}', '{{"a": [[{}]]}}'])
@pytest.mark.parametrize("url", ["/api/v1/transactions/", "/api/v1/transactions/batch/"])
def test_no_number_of_metadata_is_written_before_its_size_is_known(url: str, metadata: str) -> None:
    """9,000 numbers of 4,000 digits are 36 MB without their exponents."""
    mine, theirs = AccountFactory(balance=10), AccountFactory()
    payment = {"from_account": str(mine.pk), "to_account": str(theirs.pk), "amount": "1"}
    text = json.dumps({**payment, "metadata": "here"})
    text = text.replace('"here"', metadata.format(",".join(["1e3999"] * 9_000)))
    body = text if url.endswith("/transactions/") else f'{{"transactions":[{text}]}}'
    tracemalloc.start()
    try:
        answer = program_of(mine.user).post(url, body, content_type="application/json")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status_code in (400, 422)
    assert b"etadata" in answer.content
    assert peak < 20 * MEGABYTE


@pytest.mark.parametrize(
    ("parser", "text"),
    [
        (StrictJSONParser, "[" + '"",1.5,' * 11_000 + "1]"),
        (BatchJSONParser, "[" + '"",1.5,' * 60_000 + "1]"),
        (NDJSONParser, '["",1.5%s]' % (",1.5" * 15_000) * 8),
        (StrictJSONParser, '"%s\U0001f600"' % ("x" * MEGABYTE)),
        (BatchJSONParser, '{"transactions":"%s"}' % ("x" * MEGABYTE)),
        (NDJSONParser, " \n" * MEGABYTE),
    ],
    ids=["values", "values of a batch", "values of lines", "text", "text of a batch", "lines"],
)
def test_no_more_is_read_than_payments_have(parser: type[StrictJSONParser], text: str) -> None:
    with patch("api.parsing.loads") as loads, pytest.raises(ParseError):
        parser().parse(io.BytesIO(text.encode()))
    assert not loads.called


def lines_with(blank: int) -> io.BytesIO:
    """Returns blank lines, with one line that is not blank in each part that MAX_UNQUOTED
    checks.
    """
    return io.BytesIO((('"a"\n' + " \n" * 10_000) * (blank // 10_000)).encode())


def test_far_more_blank_lines_than_payments_are_refused() -> None:
    assert len(NDJSONParser().parse(lines_with(blank=10 * MAX_LINES - 10_000))) == 49
    with pytest.raises(ParseError, match="lines"):
        NDJSONParser().parse(lines_with(blank=10 * MAX_LINES))


@pytest.mark.parametrize("line", [b'"10"\n', b'""\n\n', b'" "\n \n'])
def test_lines_are_read_in_little_memory(line: bytes) -> None:
    body = line * (9 * MAX_LINES // line.count(b"\n"))
    tracemalloc.start()
    try:
        found = NDJSONParser().parse(io.BytesIO(body))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) <= MAX_LINES + 1
    assert peak < 3 * len(body)


def nested(levels: int) -> dict[str, Any]:
    metadata: dict[str, Any] = {"a": 1}
    for _ in range(levels):
        metadata = {"a": metadata}
    return metadata


@pytest.mark.parametrize("metadata", [nested(5_000), {"a": "x" * MEGABYTE}], ids=["deep", "huge"])
def test_no_payment_carries_deep_or_huge_metadata(metadata: dict[str, Any]) -> None:
    sender: Account = AccountFactory(balance="10")
    with pytest.raises(InvalidDetails):
        services.transfer(
            from_account=sender,
            to_account=AccountFactory(),
            amount=sender.balance,
            metadata=metadata,
            created_by=UserFactory(),
        )
    assert not Transaction.objects.filter(from_account=sender).exists()
