"""docs/api.md lists what only a browser can do: each page is there, or the API has calls for it."""

import json
import re

import pytest

from api.pages import SCHEMA
from banking.statement_files.files import LABELS
from ledger.env import BASE_DIR
from ledger.web.table_files import TYPES
from tests.attacks.walk import Pattern, patterns

HEADING = "## What only a browser can do\n"
# The calls that do what a page does, by the name of its address; its files have the same.
CALLS = {
    "home": "accounts_list accounts_entries",
    "latest": "accounts_entries",
    "accounts:list": "accounts_list accounts_read",
    "accounts:open": "accounts_open",
    "transactions:categories": "categories_list categories_change categories_changes",
    "transactions:categories_undo": "categories_undo",
    "transactions:detail": "transactions_read categories_read categories_give",
    "transactions:file": "payment_files_read payment_files_lines payment_files_pay"
    " payment_files_remove",
    "transactions:file_new": "payment_files_upload",
    "transactions:file_result": "payment_files_lines",
    "transactions:files": "payment_files_list",
    "transactions:metadata": "transactions_read",
    "transactions:monthly_statement": "accounts_statement_file",
    "transactions:monthly_statements": "accounts_statements",
    "transactions:note": "notes_read notes_write",
    "transactions:payee": "payees_saved_read payees_rename",
    "transactions:payee_new": "payees_save",
    "transactions:payee_remove": "payees_forget",
    "transactions:payees": "payees_saved",
    "transactions:report": "reports_read",
    "transactions:reports": "reports_list",
    "transactions:search": "search",
    "transactions:sides": "transactions_read",
    "transactions:standing_order": "standing_orders_read",
    "transactions:standing_order_amount": "standing_orders_amount",
    "transactions:standing_order_end": "standing_orders_end",
    "transactions:standing_order_new": "standing_orders_set_up",
    "transactions:standing_order_pause": "standing_orders_pause",
    "transactions:standing_order_resume": "standing_orders_resume",
    "transactions:standing_order_skip": "standing_orders_skip",
    "transactions:standing_orders": "standing_orders_list",
    "transactions:statement": "accounts_entries accounts_statement accounts_balance",
    "transactions:transfer": "payees_list transactions_create",
}
# Addresses that programs ask, not people.
OF_PROGRAMS = {"csp_report", "metrics", "nothing_here", "readyz_verbose", "security_txt"}

pytestmark = pytest.mark.whole_code


def left_out() -> list[str]:
    """The addresses of the table; `*` stands for an argument."""
    text = (BASE_DIR / "docs" / "api.md").read_text()
    _before, _heading, after = text.partition(HEADING)
    rows = [line for line in after.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    addresses = re.findall(r"`(/[^`]*)`", "\n".join(rows))
    return [re.sub(r"<\w+>", "*", address) for address in addresses]


def address_of(page: Pattern) -> str:
    return "/" + re.sub(r"%\(\w+\)s", "*", page.template)


def name_of(page: Pattern) -> str:
    """The name of its address; of a file, that of its page."""
    name, _, kind = page.name.rpartition("_")
    return name if name and kind in {*TYPES, *LABELS} else page.name


def pages() -> list[Pattern]:
    return [
        page for page in patterns()
        if not page.name.startswith("api:") and page.name not in OF_PROGRAMS
    ]  # fmt: skip


def test_each_page_has_its_calls_or_is_in_the_list() -> None:
    listed = tuple(left_out())
    wrong = {
        address_of(page): page.name
        for page in pages()
        if address_of(page).startswith(listed) == (name_of(page) in CALLS)
    }
    assert wrong == {}, "give each its calls in CALLS, or a line in docs/api.md, but not both"
    assert len(pages()) > 150


def test_the_list_has_no_page_that_is_not_there() -> None:
    found = [address_of(page) for page in pages()]
    assert [each for each in left_out() if not any(it.startswith(each) for it in found)] == []
    assert CALLS.keys() - {name_of(page) for page in pages()} == set()
    assert len(left_out()) > 15


def test_the_calls_are_those_of_the_schema() -> None:
    paths = json.loads(SCHEMA.read_text())["paths"]
    there = {call["operationId"] for methods in paths.values() for call in methods.values()}
    assert {name for names in CALLS.values() for name in names.split()} - there == set()
