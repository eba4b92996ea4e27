"""`manage.py post_file`: the same from the command line, safe to run twice."""

import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account
from banking.payment_files import booking
from banking.payment_files.booking import book_rest
from banking.payment_files.models import PaymentFile, PaymentLine
from tests.banking.payment_files.files import checked, csv_of, pay
from tests.factories import balances
from tests.pages import lacks
from transactions import services
from transactions.audit.audit import audit
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)
Run = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture
def run(tmp_path: Path, everyday: Account) -> Run:
    """Runs it over some lines; the exit code, and what it printed."""

    def post_file(*lines: str, flags: tuple[str, ...] = (), **options: Any) -> Any:
        path = tmp_path / "salaries.csv"
        path.write_bytes(csv_of(*lines).read())
        out, err = io.StringIO(), io.StringIO()
        arguments = ["post_file", str(path), "--from", everyday.number, *flags]
        try:
            call_command(*arguments, stdout=out, stderr=err, **options)
            code = 0
        except SystemExit as end:
            code = int(str(end.code))
        return code, out.getvalue().splitlines(), err.getvalue().splitlines()

    return post_file


def transfers() -> int:
    return int(Transaction.objects.filter(type="transfer").count())


def test_it_pays_everybody_and_says_so(
    run: Run, everyday: Account, mara: Account, jo: Account
) -> None:
    code, (counts, booked), err = run(pay(mara, 600), pay(jo, 400))
    assert (code, booked, err) == (0, "Booked 2 payments.", [])
    assert not lacks(counts, "0 booked before", "2 can be booked", "1,000.00 USD", "0 cannot")
    assert balances(everyday, mara, jo) == [0, 600, 400]
    assert audit().clean


def test_all_or_nothing_is_what_it_does_unless_told(run: Run, mara: Account) -> None:
    for flags in ((), ("--all-or-nothing",)):
        code, out, err = run(pay(mara, 600), pay(mara, 500), flags=flags)
        assert (code, out[1:]) == (1, ["Booked 0 payments."])
        nothing, refusal = err
        assert nothing == "Nothing was booked."
        assert not lacks(refusal, "line 3: ", "400.00", "500.00", "by 100.00")
    assert transfers() == 0


def test_what_can_be_booked_is_booked_and_the_rest_named(run: Run, mara: Account) -> None:
    code, out, err = run(pay(mara, 600), pay(mara, 500), flags=("--what-can-be-booked",))
    assert (code, out[1]) == (1, "Booked 1 payment.")
    (refusal,) = err
    assert refusal == f"line 3: {PaymentLine.objects.refused().get().verdict}"
    assert transfers() == 1


def test_a_long_file_is_told_how_it_can_be_booked(
    run: Run, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booking, "MAX_TOGETHER", 1)
    code, out, (refusal,) = run(pay(mara, 1), pay(mara, 2))
    assert (code, out[1], transfers()) == (1, "Booked 0 payments.", 0)
    assert "--what-can-be-booked" in refusal
    assert run(pay(mara, 1), pay(mara, 2), flags=("--what-can-be-booked",))[0] == 0


def test_a_second_run_books_nothing_twice(run: Run, mara: Account) -> None:
    for flags in ((), (), ("--what-can-be-booked",)):
        assert run(pay(mara, 1), pay(mara, 1), flags=flags)[0] == 0
    assert transfers() == 2
    assert PaymentFile.objects.count() == 1


def test_a_second_run_books_what_can_be_booked_by_now(
    run: Run, everyday: Account, mara: Account
) -> None:
    flags = ("--what-can-be-booked",)
    assert run(pay(mara, 600), pay(mara, 500), flags=flags)[0] == 1
    services.deposit(to_account=everyday, amount=Decimal(500))
    code, (counts, booked), _ = run(pay(mara, 600), pay(mara, 500), flags=flags)
    assert (code, booked) == (0, "Booked 1 payment.")
    assert not lacks(counts, "1 booked before", "1 can be booked", "500.00 USD", "0 cannot")


def test_another_run_pays_the_same_file_again_on_purpose(run: Run, mara: Account) -> None:
    for label in ("2026-11", "2026-12", "2026-12"):
        assert run(pay(mara, 1), flags=("--run", label))[0] == 0
    assert transfers() == 2


def test_a_dry_run_leaves_nothing_behind(run: Run, mara: Account) -> None:
    code, out, err = run(pay(mara, 1), "12,5", flags=("--dry-run",))
    assert code == 1
    (counts,), (refusal,) = out, err
    assert not lacks(counts, "0 booked before", "1 can be booked", "1.00 USD", "1 cannot")
    assert not lacks(refusal, "line 3: ", "12 digits")
    assert run(pay(mara, 1), flags=("--dry-run",))[0] == 0
    assert (transfers(), PaymentFile.objects.count()) == (0, 0)


def test_a_dry_run_of_a_file_that_was_paid_removes_nothing(run: Run, mara: Account) -> None:
    run(pay(mara, 1))
    assert run(pay(mara, 1), flags=("--dry-run",))[0] == 0
    assert PaymentFile.objects.get().booked_count == 1


def test_the_result_is_written_where_asked(run: Run, mara: Account, tmp_path: Path) -> None:
    target = tmp_path / "result.csv"
    run(pay(mara, 1), "12,5", flags=("--what-can-be-booked", "--output", str(target)))
    head, first, second = target.read_text(encoding="utf-8").splitlines()
    assert head.startswith("line,to,name,amount,currency,")
    assert first.startswith(f"2,{mara.number},,1.00,USD,Rent,R-1,paid,,")
    verdict = PaymentLine.objects.refused().get().verdict
    assert second.startswith(f"3,12,,5.00,USD,,,refused,{verdict}")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--from", "12"), "An account number has 12 digits. This number has 2."),
        (("--from", "123456789002"), "The check digits do not match"),
    ],
)
def test_a_wrong_account_is_answered_in_a_sentence(
    run: Run, mara: Account, flags: tuple[str, ...], says: str
) -> None:
    with pytest.raises(CommandError, match=says):
        run(pay(mara, 1), flags=flags)


def test_a_file_that_is_not_there_or_cannot_be_read_is_answered_in_a_sentence(
    run: Run, everyday: Account
) -> None:
    with pytest.raises(CommandError, match=r"^nowhere\.csv cannot be read"):
        call_command("post_file", "nowhere.csv", "--from", everyday.number)
    with pytest.raises(CommandError, match="no payments below it"):
        run()


def test_both_ways_at_once_are_refused(run: Run, mara: Account) -> None:
    with pytest.raises(CommandError, match="not allowed with"):
        run(pay(mara, 1), flags=("--all-or-nothing", "--what-can-be-booked"))


def test_what_was_paid_in_the_browser_is_not_paid_again_without_a_label(
    run: Run, everyday: Account, mara: Account
) -> None:
    book_rest(checked(everyday, pay(mara, 600)))
    with pytest.raises(CommandError, match=r"by salaries\.csv .*--run LABEL"):
        run(pay(mara, 600))
    assert (transfers(), PaymentFile.objects.count()) == (1, 1)
    assert run(pay(mara, 100))[0] == 0
    with pytest.raises(CommandError, match="paid before"):
        run(pay(mara, 600), flags=("--dry-run",))
    assert balances(mara) == [700]


def test_a_place_that_cannot_be_written_to_is_named_before_money_moves(
    run: Run, mara: Account, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        run(pay(mara, 1), output=tmp_path / "nowhere" / "result.csv")
    assert transfers() == 0
