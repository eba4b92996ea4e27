"""A small bank in the Berka format, made by hand for one test."""

import io
import re
from pathlib import Path

from django.core.management import call_command

from accounts.models import Account
from banking.berka.identity import number_of

HEADERS = {
    "client.asc": '"client_id";"birth_number";"district_id"',
    "account.asc": '"account_id";"district_id";"frequency";"date"',
    "disp.asc": '"disp_id";"client_id";"account_id";"type"',
    "trans.asc": (
        '"trans_id";"account_id";"date";"type";"operation";"amount";"balance";'
        '"k_symbol";"bank";"account"'
    ),
}
# Two accounts: client 1 owns both, client 2 may use the second.
BANK = {
    "client.asc": ['1;"810220";40', '2;"795104";46'],
    "account.asc": ['10;1;"POPLATEK MESICNE";930101', '20;1;"POPLATEK TYDNE";930202'],
    "disp.asc": ['1;1;10;"OWNER"', '2;1;20;"OWNER"', '3;2;20;"DISPONENT"'],
}


def trans(
    trans_id: int,
    account: int,
    date: str,
    amount: str,
    balance: str,
    codes: tuple[str, str, str] = ("PRIJEM", "VKLAD", ""),
    partner: str = ";",
) -> str:
    """A line of trans.asc."""
    kind, operation, purpose = codes
    return (
        f'{trans_id};{account};{date};"{kind}";"{operation}";{amount};{balance};'
        f'"{purpose}";{partner}'
    )


OUT = ("VYDAJ", "VYBER", "")
HISTORY = [
    trans(1, 10, "930101", "700.00", "700.00"),
    trans(2, 20, "930202", "900.00", "900.00"),
    trans(3, 10, "930105", "200.00", "500.00", OUT),
    trans(4, 10, "930131", "1.50", "501.50", ("PRIJEM", "", "UROK")),
    trans(5, 20, "930210", "400.00", "500.00", OUT),
    trans(6, 20, "930211", "100.00", "400.00", ("VYDAJ", "PREVOD NA UCET", "SIPO"), '"YZ";"871"'),
]


def write_bank(directory: Path, history: list[str], **files: list[str]) -> Path:
    """The bank with this trans.asc; `account=`, `disp=`, `client=` replace another file."""
    contents = {**BANK, "trans.asc": history}
    contents |= {f"{name}.asc": lines for name, lines in files.items()}
    for name, lines in contents.items():
        text = "\n".join([HEADERS[name], *lines]) + "\n"
        (directory / name).write_text(text, encoding="latin-1")
    return directory


def account(account_id: int) -> Account:
    """The account in the books."""
    return Account.objects.get(number=number_of(account_id))


def counts(out: list[str]) -> tuple[int, ...]:
    """How many transactions an import booked, found in the books, and refused."""
    numbers = re.search(r"Imported ([\d,]+) \D+ skipped ([\d,]+) \D+ refused ([\d,]+)", out[0])
    assert numbers, out
    return tuple(int(number.replace(",", "")) for number in numbers.groups())


def run_import(directory: Path) -> tuple[int, list[str], list[str]]:
    """Exit code, lines of output and lines of errors."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("import_berka", str(directory), stdout=out, stderr=err)
    except SystemExit as exit:
        code = int(exit.code or 0)
    return code, out.getvalue().splitlines(), err.getvalue().splitlines()
