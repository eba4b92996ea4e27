"""The personal data in monthly statements, for exports and erasure."""

from collections.abc import Iterable, Iterator

from accounts.erased import ACCOUNT_NAME, NAME
from accounts.models import User
from banking.statement_files.models import MonthlyStatement
from transactions.privacy.personal_data import DataSection, PersonalData, Row, read, register
from transactions.privacy.traces import Erased, Traces, emptied, with_key


def _monthly_statements(person: User) -> Iterable[Row]:
    issued = MonthlyStatement.objects.filter(account__user=person)
    columns = (
        "account__number", "number", "month", "opening", "money_in", "money_out", "closing",
        "issued_at",
    )  # fmt: skip
    return read(issued.order_by("account", "number"), *columns)


def _texts(traces: Traces) -> Iterator[Erased]:
    """Yields the names to erase: all names on the person's statements, and the person's name on
    other people's statements. The digests stay correct, because they do not include names.
    """
    own = MonthlyStatement.objects.filter(account__in=traces.accounts)
    yield emptied(own, holder=NAME, account_name=ACCOUNT_NAME)
    others = MonthlyStatement.objects.filter(account__in=traces.others)
    for pk in traces.accounts:
        yield with_key(others, "names", str(pk), NAME)


register(
    PersonalData(
        sections=(
            DataSection(
                "monthly_statements",
                ("account", "number", "month", "opening", "in", "out", "closing", "issued"),
                _monthly_statements,
            ),
        ),
        texts=_texts,
        never_change=("monthly_statements",),
    )
)
