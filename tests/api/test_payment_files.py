"""Payment files by the API: uploaded, checked, paid and removed as on the pages."""

import csv
import io
import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import Account
from api.payment_files import CSVParser
from banking.payment_files import booking
from banking.payment_files.models import PaymentFile
from banking.payment_files.parser import MAX_BYTES, UnreadableFile, rows_of
from tests.api.calls import balance_of, bearer, post, slug
from tests.banking.payment_files.files import checked, csv_of, fates, pay
from tests.factories import AccountFactory
from tests.sign_in import let_pass
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)
FILES = "/api/v1/payment-files/"


@pytest.fixture
def payer(mine: Account) -> dict[str, str]:
    """The header of a token that reads and pays."""
    return bearer(mine.user, "read", "pay")


def upload(header: dict[str, str], sender: Account, *lines: str, **more: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return Client().post(
        f"{FILES}?from_account={sender.pk}&name=salaries.csv",
        csv_of(*lines).getvalue(), content_type="text/csv", headers={**header, **named},
    )  # fmt: skip


def paid(header: dict[str, str], data: Any, **changes: Any) -> Any:
    sent = {"agreed": data["agreed"], **changes}
    return post(Client(), f"{FILES}{data['id']}/pay/", sent, **header)


def transfers() -> int:
    return int(Transaction.objects.filter(type="transfer").count())


def test_of_a_file_that_is_too_large_only_the_beginning_is_read() -> None:
    source = io.BytesIO(bytes(MAX_BYTES + 1000))
    read = CSVParser().parse(source)
    assert source.tell() == MAX_BYTES + 1
    with pytest.raises(UnreadableFile):
        next(rows_of(read))


def test_an_upload_is_checked_and_pays_nothing(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    answer = upload(payer, mine, pay(theirs, 600), pay(theirs, 500), "12,5")
    assert answer.status_code == 201, answer.content
    data = answer.json()
    assert (data["state"], data["line_count"], data["waiting_count"]) == ("checked", 3, 1)
    assert (data["waiting_total"], data["refused_count"]) == ("600.00", 2)
    assert Client().get(answer.headers["Location"], headers=payer).json() == data
    assert transfers() == 0


def test_a_file_is_paid_whole_and_once(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    data = upload(payer, mine, pay(theirs, 600), pay(theirs, 100)).json()
    answers = [paid(payer, data) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert (answers[0].json()["state"], answers[0].json()["booked_total"]) == ("done", "700.00")
    assert (balance_of(mine), transfers()) == (Decimal(300), 2)


def test_whole_refuses_a_file_with_a_refused_line_and_without_it_pays_the_rest(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    data = upload(payer, mine, pay(theirs, 600), pay(theirs, 500)).json()
    refusal = paid(payer, data)
    assert (refusal.status_code, slug(refusal), transfers()) == (422, "lines-refused", 0)
    rest = paid(payer, data, whole=False).json()
    assert (rest["state"], rest["booked_count"], rest["refused_count"]) == ("done", 1, 1)


def test_a_long_file_is_paid_without_whole(
    mine: Account, theirs: Account, payer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booking, "MAX_TOGETHER", 1)
    data = upload(payer, mine, pay(theirs, 1), pay(theirs, 2)).json()
    refusal = paid(payer, data)
    assert (refusal.status_code, slug(refusal), transfers()) == (422, "too-many-together", 0)
    assert paid(payer, data, whole=False).json()["state"] == "done"


def test_other_lines_than_those_agreed_to_are_not_paid(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    data = upload(payer, mine, pay(theirs, 600)).json()
    for agreed in ("", "1 600.0000 x"):
        answer = paid(payer, {**data, "agreed": agreed})
        assert (answer.status_code, slug(answer)) == (422, "checked-anew")
    assert transfers() == 0


def test_the_same_key_is_the_same_file(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    key = str(uuid4())
    first = upload(payer, mine, pay(theirs, 5), Idempotency_Key=key)
    again = upload(payer, mine, pay(theirs, 5), Idempotency_Key=key)
    assert first.json() == again.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    other = upload(payer, mine, pay(theirs, 6), Idempotency_Key=key)
    assert (other.status_code, slug(other)) == (409, "idempotency-conflict")
    assert PaymentFile.objects.count() == 1


def test_the_lines_are_read_as_json_and_csv(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    data = upload(payer, mine, pay(theirs, 600), "12,5").json()
    paid(payer, data, whole=False)
    address = f"{FILES}{data['id']}/lines/"
    lines = b"".join(Client().get(address, headers=payer).streaming_content)  # type: ignore[attr-defined]
    first, second = json.loads(lines)
    assert (first["result"], first["amount"], second["result"]) == ("paid", "600.00", "refused")
    assert Transaction.objects.filter(pk=first["transaction"]).exists()
    answer = Client().get(address, {"format": "csv"}, headers=payer)
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert [row["result"] for row in csv.DictReader(io.StringIO(text))] == ["paid", "refused"]


def test_a_token_pays_within_its_limits(mine: Account, theirs: Account) -> None:
    limits = {"currency": "USD", "per_payment": Decimal(50), "per_day": Decimal(80)}
    header = bearer(mine.user, "read", "pay", **limits)
    large = upload(header, mine, pay(theirs, 51)).json()
    many = upload(header, mine, pay(theirs, 50), pay(theirs, 40)).json()
    good = upload(header, mine, pay(theirs, 50), pay(theirs, 30)).json()
    for data in (large, many):
        for whole in (True, False):
            answer = paid(header, data, whole=whole)
            assert (answer.status_code, slug(answer)) == (422, "limit-exceeded")
    assert transfers() == 0
    assert paid(header, good).json()["state"] == "done"


def test_a_token_without_the_scope_pay_only_reads(mine: Account, theirs: Account) -> None:
    file = checked(mine, pay(theirs, 5))
    header = bearer(mine.user, "read")
    assert Client().get(f"{FILES}{file.pk}/", headers=header).status_code == 200
    assert upload(header, mine, pay(theirs, 5)).status_code == 403
    assert post(Client(), f"{FILES}{file.pk}/pay/", {}, **header).status_code == 403
    assert Client().delete(f"{FILES}{file.pk}/", headers=header).status_code == 403
    assert fates(file) == ["waiting"]


def test_a_session_needs_a_step_up_for_a_new_recipient(
    ana: Client, mine: Account, theirs: Account
) -> None:
    let_pass(ana, minutes=30)
    file = checked(mine, pay(theirs, 5))
    data = ana.get(f"{FILES}{file.pk}/").json()
    answer = post(ana, f"{FILES}{file.pk}/pay/", {"agreed": data["agreed"]})
    assert (answer.status_code, slug(answer)) == (403, "confirmation-needed")
    assert transfers() == 0


def test_a_stranger_finds_no_file(mine: Account, theirs: Account, payer: dict[str, str]) -> None:
    file = checked(theirs, pay(mine, 5))
    assert Client().get(FILES, headers=payer).json()["results"] == []
    for path in ("", "lines/"):
        assert Client().get(f"{FILES}{file.pk}/{path}", headers=payer).status_code == 404
    assert paid(payer, {"id": file.pk, "agreed": "1"}).status_code == 404
    assert Client().delete(f"{FILES}{file.pk}/", headers=payer).status_code == 404
    assert upload(payer, theirs, pay(mine, 5)).status_code == 400


def test_a_file_of_the_bank_is_only_read(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    file = checked(mine, pay(theirs, 5), created_by=AccountFactory().user)
    data = Client().get(f"{FILES}{file.pk}/", headers=payer).json()
    assert data["is_from_bank"] is True
    for answer in (
        paid(payer, data),
        Client().delete(f"{FILES}{file.pk}/", headers=payer),
    ):
        assert (answer.status_code, slug(answer)) == (422, "not-possible")
    assert fates(file) == ["waiting"]


def test_a_file_is_removed_unless_a_part_is_paid(
    mine: Account, theirs: Account, payer: dict[str, str]
) -> None:
    gone, kept = (upload(payer, mine, pay(theirs, amount)).json() for amount in (5, 6))
    paid(payer, kept)
    assert Client().delete(f"{FILES}{gone['id']}/", headers=payer).status_code == 204
    answer = Client().delete(f"{FILES}{kept['id']}/", headers=payer)
    assert (answer.status_code, slug(answer)) == (422, "not-possible")
    assert [str(file.pk) for file in PaymentFile.objects.all()] == [kept["id"]]


@pytest.mark.parametrize("body", [b"", b"nothing\r\n", b"PK\x03\x04", b"to,amount\r\n\xff,5\r\n"])
def test_a_file_that_cannot_be_read_is_refused(
    mine: Account, payer: dict[str, str], body: bytes
) -> None:
    answer = Client().post(
        f"{FILES}?from_account={mine.pk}", body, content_type="text/csv", headers=payer
    )
    assert (answer.status_code, slug(answer)) == (400, "invalid-request")
    assert answer.json()["errors"][0]["field"] == "file"
    assert not PaymentFile.objects.exists()
