"""The panel "Show the work" of an account statement, with its SQL queries."""

from typing import Any

from accounts.models import Account
from accounts.requests import PersonRequest
from ledger.db.queries.work import QueryLog
from ledger.text.literals import literal
from transactions.models import EntryQuerySet
from transactions.statements.address import StatementAddress
from transactions.statements.page import entries_of, statement_page
from transactions.statements.totals import totals_of
from transactions.work_panel import WorkPanel, page_panel

IN_SHELL = """from datetime import date, datetime

from transactions.statements.page import Filters, statement_page

account = Account.objects.get(pk={pk!r})
statement_page(account, Filters({filters}){place})"""


def statement_panel(
    request: PersonRequest, work: QueryLog, account: Account, address: StatementAddress
) -> WorkPanel:
    """Returns the panel for one page of an account statement."""
    form = address.form
    marks = {name: form.data[name] for name in ("before", "after", "paper") if form.data.get(name)}

    def url(**more: Any) -> str:
        return address.url(**marks, **more)

    return page_panel(
        request,
        work,
        url=url,
        parts=(
            statement_page,
            entries_of,
            EntryQuerySet.for_rows,
            *((totals_of,) if form.filters.are_set else ()),
        ),
        in_shell=_in_shell(account, address),
        shows="keyset pages, index range of a UNION ALL view",
        known=[account.pk],
    )


def _in_shell(account: Account, address: StatementAddress) -> str:
    form = address.form
    filters = form.filters
    chosen = {name: getattr(filters, name) for name in ("start", "end", "direction", "text")}
    place = {name: form.mark(name) for name in ("before", "after")}
    return IN_SHELL.format(
        pk=str(account.pk), filters=_arguments(chosen), place=_arguments(place, ", ")
    )


def _arguments(values: dict[str, Any], before: str = "") -> str:
    """Returns the values as keyword arguments in Python source code, without empty values."""
    given = [f"{name}={literal(value)}" for name, value in values.items() if value]
    return f"{before}{', '.join(given)}" if given else ""
