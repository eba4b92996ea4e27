"""A file of any length is measured, read and imported in the same memory."""

import tracemalloc
from collections.abc import Callable
from io import BytesIO

import pytest

from banking.outside import services
from tests.banking.outside.files import guessed, outside_account
from tests.banking.outside.samples import camt, camt_entry, ofx2

pytestmark = pytest.mark.django_db(transaction=True)
KIB = 1024


def sheet(count: int) -> str:
    return "Date,Amount,Description\n" + "".join(
        f"2026-11-{n % 28 + 1:02},-{n}.20,Coffee {n}\n" for n in range(count)
    )


def camt_of(count: int) -> str:
    entries = (
        camt_entry(f"2026-11-{n % 28 + 1:02}", "2.80", "DBIT", f"A{n}", "Cafe", "Espresso")
        for n in range(count)
    )
    return camt("".join(entries), opening=f"{count * 3}.00", closing=f"{count * 0.2:.2f}")


def ofx_of(count: int) -> str:
    return ofx2(
        "".join(
            f"<STMTTRN><DTPOSTED>20261102</DTPOSTED><TRNAMT>-{n}.20</TRNAMT><FITID>{n}</FITID>"
            f"<NAME>Cafe</NAME></STMTTRN>\n"
            for n in range(count)
        )
    )


def ofx1_of(count: int) -> str:
    return "OFXHEADER:100\n\n" + ofx_of(count).split("?>\n", 2)[2]


def qif_of(count: int) -> str:
    return "!Type:Bank\n" + "".join(f"D11/02'26\nT-{n}.20\nPCafe\n^\n" for n in range(count))


def mt940_of(count: int) -> str:
    moves = "".join(":61:2611021102D2,8NMSCNONREF\n:86:Espresso\n" for _ in range(count))
    closing = f"{count * 0.2:.2f}".replace(".", ",")
    return f":20:A\n:25:B\n:28C:1\n:60F:C261101EUR{count * 3},\n{moves}:62F:C261130EUR{closing}\n"


MADE: dict[str, Callable[[int], str]] = {
    "csv": sheet, "camt053": camt_of, "ofx1": ofx1_of, "ofx2": ofx_of, "qif": qif_of,
    "mt940": mt940_of,
}  # fmt: skip


def peaks(name: str, count: int) -> dict[str, int]:
    """The most memory that Python held in each step, in KiB."""
    account = outside_account()
    body = MADE[name](count).encode()
    source = BytesIO(body)
    mapping = guessed(body) if name == "csv" else {}
    found = {}

    def step(called: str, function: Callable[[], object]) -> object:
        tracemalloc.start()
        result = function()
        found[called] = tracemalloc.get_traced_memory()[1] // KIB
        tracemalloc.stop()
        return result

    stored = step("upload", lambda: services.upload(source, account=account, name="a"))
    if name == "csv":
        step("columns", lambda: services.name_columns(source=stored, mapping=mapping))  # type: ignore[arg-type]
        stored.refresh_from_db()  # type: ignore[attr-defined]
    read = step("read", lambda: services.read_rest(stored))  # type: ignore[arg-type]
    done = step("confirm", lambda: services.confirm(source=read))  # type: ignore[arg-type]
    assert (done.format, done.entry_count) == (name, count)  # type: ignore[attr-defined]
    step("undo", lambda: services.undo(source=done))  # type: ignore[arg-type]
    return found


@pytest.mark.own_session  # behind a pooler all rows come at once: docs/databases.md
@pytest.mark.parametrize("name", MADE)
def test_ten_times_the_lines_take_no_more_memory(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "PART", 50)
    monkeypatch.setattr("banking.outside.file_parts.PART_BYTES", 16 * KIB)
    peaks(name, 100)  # what is imported and compiled on the way
    few, many = (peaks(name, count) for count in (300, 3000))
    grown = {step: many[step] - few[step] for step in few}
    # A list of 3,000 lines would take over 1,500 KiB.
    assert max(grown.values()) < 400, (few, many)
