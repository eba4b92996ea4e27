"""A person who is erased is named by no outside statement either, also by no frozen one."""

from io import BytesIO

import pytest
from django.contrib.admin.models import CHANGE, LogEntry

from accounts.models import Account, User
from banking.reconciliation import services
from banking.reconciliation.models import (
    Reconciliation,
    ReconciliationLine,
    ReconciliationMatch,
)
from tests.banking.reconciliation.files import (
    paid_in,
    settled,
    sign,
    statement,
    today,
)
from tests.factories import AccountFactory, UserFactory
from tests.refusals import refused_by
from transactions.privacy.erasure import erase

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Account:
    return AccountFactory(user__name="Ana Ferreira")


@pytest.mark.parametrize("signatures", [0, 1, 2])
def test_a_name_goes_from_lines_whatever_is_signed(ana: Account, signatures: int) -> None:
    clerks: list[User] = [UserFactory(name=name) for name in ("First", "Second")]
    paid_in(ana, "40")
    rows = ("40.00,ANA FERREIRA,Salary,R1", f"7.00,Other,Loan of {ana.user.email},R2",
            "8.00,Ana Ferreira,Of a namesake,R3")  # fmt: skip
    whose = statement(*rows, name="Ana Ferreira.csv")
    settled(whose, clerks[0], f"{ana.user.email} comes tomorrow")
    LogEntry.objects.log_actions(clerks[0].pk, [whose], CHANGE, "Ferreira", single_object=True)
    for clerk in clerks[:signatures]:
        sign(whose, clerk)
    erase(ana.user)
    texts = ReconciliationLine.objects.order_by("number")
    kept = list(texts.values_list("amount", "other", "description", "reference"))
    assert kept == [
        (40, "", "Salary", "R1"),
        (7, "Other", "", "R2"),
        (8, "Ana Ferreira", "Of a namesake", "R3"),
    ]
    assert not ReconciliationLine.objects.filter(leftover__contains="@").exists()
    assert "Ferreira" not in Reconciliation.objects.get().name
    assert not LogEntry.objects.filter(object_repr__contains="Ferreira").exists()
    assert ReconciliationMatch.objects.count() == 1
    if signatures:
        sql = "UPDATE reconciliation_lines SET leftover = 'x'"
        assert refused_by(sql) == "line_of_signed_stays", "the triggers are back"


def test_a_line_without_its_reason_is_still_settled(ana: Account) -> None:
    first, second = (UserFactory(name=name) for name in ("First", "Second"))
    whose = settled(statement("7.00,Other,,"), first, f"{ana.user.email} comes tomorrow")
    erase(ana.user)
    sign(whose, first)
    assert sign(whose, second).is_frozen


def test_a_name_goes_from_the_other_banks_ids(ana: Account) -> None:
    file = f"Date,Amount,Id\n{today()},7.00,{ana.user.email}/1\n{today()},8.00,2\n"
    services.upload(BytesIO(file.encode()), by=UserFactory(), name="nostro.csv", currency="USD")
    erase(ana.user)
    ids = ReconciliationLine.objects.order_by("number").values_list("outside_id", flat=True)
    assert list(ids) == ["", "2"]
