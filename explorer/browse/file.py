"""The groups of a page as a file, see Note [Tables as files]."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from explorer.browse.page import BrowsePage
from ledger.web.table_files import DataTable, figure_cell

OF_ONES_OWN = ["group", "payments", "currency", "in", "out", "between_own"]
OF_THE_BANK = ["group", "payments", "currency", "moved"]


def groups_table(page: BrowsePage) -> DataTable:
    """Returns a table with a row for each group and currency. The column `payments` counts the
    payments of the group in all currencies.
    """
    columns = OF_THE_BANK if page.scope.is_bank else OF_ONES_OWN
    return DataTable("groups", columns, _rows(page))


def _rows(page: BrowsePage) -> Iterator[list[Any]]:
    for line, group in zip(page.lines, page.found.groups, strict=True):
        for each in group.sums:
            amounts = [each.moved]
            if not page.scope.is_bank:
                is_between_own = not (each.money_in or each.money_out)
                between = each.moved if is_between_own else Decimal(0)
                amounts = [each.money_in, each.money_out, between]
            cells = [figure_cell(amount, each.currency) for amount in amounts]
            yield [line.label, line.count, each.currency, *cells]
