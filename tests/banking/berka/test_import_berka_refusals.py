"""`import_berka` on broken files: each refusal names file and line and stops nothing else."""

from pathlib import Path

import pytest
from django.core.management import CommandError

from accounts.models import Account
from accounts.services import freeze_account
from banking.berka.identity import number_of
from tests.banking.berka.berka_files import (
    BANK,
    HISTORY,
    account,
    counts,
    run_import,
    trans,
    write_bank,
)
from tests.factories import AccountFactory, UserFactory
from tests.pages import lacks
from transactions.audit import sealing
from transactions.audit.audit import audit
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


BROKEN = {
    "bad date": (trans(9, 10, "930231", "5.00", "5.00"), "date '930231' is not a day"),
    "no date": (trans(9, 10, "", "5.00", "5.00"), "the field date is empty"),
    "unknown type": (trans(9, 10, "930301", "5.00", "5.00", ("X", "VKLAD", "")), "type 'X'"),
    "unknown operation": (
        trans(9, 10, "930301", "5.00", "5.00", ("PRIJEM", "VKLADY", "")),
        "the operation 'VKLADY' is unknown",
    ),
    "unknown purpose": (
        trans(9, 10, "930301", "5.00", "5.00", ("VYDAJ", "VYBER", "SIPOX")),
        "the k_symbol 'SIPOX' is unknown",
    ),
    "no codes": (
        trans(9, 10, "930301", "5.00", "5.00", ("PRIJEM", "", " ")),
        "operation and k_symbol are both empty",
    ),
    "codes at odds": (
        trans(9, 10, "930301", "5.00", "5.00", ("PRIJEM", "VYBER", "")),
        "does not go with a credit",
    ),
    "amount of 0": (trans(9, 10, "930301", "0.00", "5.00"), "0.00 is not above zero"),
    "negative amount": (trans(9, 10, "930301", "-5.00", "5.00"), "-5.00 is not above zero"),
    "no number": (trans(9, 10, "930301", "5,00", "5.00"), "'5,00' is not an amount"),
    "too few fields": ("9;10;930301", "3 fields where the first line names 10"),
    "open quotation mark": ('9;10;930301;"PRIJEM;"VKLAD";5.00;5.00;"";;', "quotation marks"),
    "unknown account": (trans(9, 99, "930301", "5.00", "5.00"), "account 99 is not open"),
    "id used twice": (trans(1, 10, "930301", "5.00", "5.00"), "is on line 2 with other content"),
    "partner": (
        trans(9, 10, "930301", "5.00", "5.00", ("PRIJEM", "PREVOD Z UCTU", ""), "A\tB;1"),
        "partner's bank",
    ),
}


@pytest.mark.parametrize(("line", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_row_is_named_and_stops_nothing_else(
    tmp_path: Path, line: str, reason: str
) -> None:
    code, out, err = run_import(write_bank(tmp_path, [*HISTORY[:1], line, *HISTORY[1:]]))
    assert code == 1
    assert err[0].startswith("trans.asc line 3: ")
    assert reason in err[0]
    assert counts(out) == (6, 0, 1)
    assert Transaction.objects.count() == 6


@pytest.mark.parametrize(
    ("file", "line", "reason"),
    [
        ("client", '3;"811320";1', "birth_number '811320' is not a day"),
        ("client", 'x;"810220";1', "client_id 'x' is not a number"),
        ("account", '30;1;"POPLATEK MESICNE";931301', "date '931301' is not a day"),
        ("account", '10;1;"POPLATEK MESICNE";930102', "is on line 2 with another date"),
        ("account", '30;1;"POPLATEK MESICNE";930101', "account 30 has no owner"),
        ("disp", '9;1;20;"GUEST"', "neither OWNER nor DISPONENT"),
        ("disp", '9;7;20;"DISPONENT"', "no client 7 in client.asc"),
        ("disp", '9;1;70;"OWNER"', "no account 70 in account.asc"),
        ("disp", '9;2;20;"OWNER"', "account 20 has an owner, client 1"),
    ],
)
def test_a_broken_row_of_another_file_stops_nothing_else(
    tmp_path: Path, file: str, line: str, reason: str
) -> None:
    lines = [*BANK[f"{file}.asc"], line]
    code, out, err = run_import(write_bank(tmp_path, HISTORY, **{file: lines}))
    assert code == 1
    assert err[0].startswith(f"{file}.asc line {len(lines) + 1}: ")
    assert reason in err[0]
    assert counts(out) == (6, 0, 1)


def test_a_row_that_the_books_refuse_is_named(tmp_path: Path) -> None:
    run_import(write_bank(tmp_path, HISTORY[:2]))
    freeze_account(account=account(20))
    code, out, err = run_import(write_bank(tmp_path, HISTORY))
    assert code == 1
    assert [line.split(":")[0] for line in err[:2]] == ["trans.asc line 6", "trans.asc line 7"]
    assert not lacks(err[0], "trans_id 5, account 20", "is frozen")
    assert counts(out) == (2, 2, 2)
    assert audit().clean


def test_a_bank_with_sealed_days_is_left_as_it_is(tmp_path: Path) -> None:
    """Each row would be refused, after people and accounts were made for it."""
    AccountFactory(balance=1)
    assert sealing.seal()
    with pytest.raises(CommandError, match=r"6 rows .*sealed"):
        run_import(write_bank(tmp_path, HISTORY))
    assert Account.objects.filter(user__isnull=False).count() == 1


def test_an_import_that_is_complete_can_be_repeated_after_a_seal(tmp_path: Path) -> None:
    run_import(write_bank(tmp_path, HISTORY[:-1]))
    assert sealing.seal()
    code, out, _ = run_import(write_bank(tmp_path, HISTORY[:-1]))
    assert (code, counts(out)) == (0, (0, 5, 0))
    with pytest.raises(CommandError, match=r"1 row .*sealed"):
        run_import(write_bank(tmp_path, HISTORY))


@pytest.mark.parametrize("changed", [("930101", "701.00"), ("930102", "700.00")])
def test_a_row_that_comes_again_with_other_content_is_refused(
    tmp_path: Path, changed: tuple[str, str]
) -> None:
    run_import(write_bank(tmp_path, HISTORY))
    code, _, err = run_import(write_bank(tmp_path, [trans(1, 10, *changed, "700.00")]))
    assert code == 1
    assert err[0].startswith("trans.asc line 2: trans_id 1")
    assert not lacks(err[0], "account 10", "This id")
    assert Transaction.objects.count() == 6


def test_somebody_elses_address_or_account_number_is_not_taken_over(tmp_path: Path) -> None:
    UserFactory(email="client-1@berka.example")
    code, _, err = run_import(write_bank(tmp_path, HISTORY))
    assert code == 1
    assert "signs in as client-1@berka.example" in err[0]
    assert not Transaction.objects.exists()
    AccountFactory(number=number_of(10))
    assert "another account has its number" in run_import(tmp_path)[2][0]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"There is no directory .*nowhere"):
        run_import(tmp_path / "nowhere")
    write_bank(tmp_path, HISTORY)
    (tmp_path / "disp.asc").write_text('"client_id";"account"\n')
    with pytest.raises(CommandError, match=r"disp\.asc .* column account_id, type"):
        run_import(tmp_path)
    (tmp_path / "disp.asc").unlink()
    with pytest.raises(CommandError, match=r"There is no file .*disp\.asc"):
        run_import(tmp_path)
    (tmp_path / "disp.asc").mkdir()
    with pytest.raises(CommandError, match=r"disp\.asc cannot be read"):
        run_import(tmp_path)
    assert not Account.objects.exists()
