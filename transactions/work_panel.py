"""The panel "Show the work": the code behind a page, its queries, and the plans of the queries.

Reports show the panel below each result. Any other page has a link to itself with `?work=1`,
because the panel is longer than the page. `?plans=1` also runs each query again under EXPLAIN, for
readers who may see plans. The queries are always recorded, and discarded if the panel is closed.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, repeat
from textwrap import dedent
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from accounts.models import User
from accounts.requests import PersonRequest
from accounts.shown import add_unnamed, opened_by_right
from ledger.db.queries.work import QueryLog, watched
from transactions.scope import may_read_bank, may_see_names, may_see_plans

UUIDS = re.compile(r"\b(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")
HIDDEN = "\N{HORIZONTAL ELLIPSIS}"
LEFT_OUT = "Ids of other people are left out of the SQL."


class Lesson(NamedTuple):
    """A link to a page that explains a feature of the SQL."""

    title: str
    url: str


# Functions that return the lessons for a text of SQL. Other apps add functions when they start.
LESSONS: list[Callable[[str], Iterable[Lesson]]] = []


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """A query in the panel. `plan` is "" without plans. `explorer_url` is "" if the reader may not
    open the query in the explorer.
    """

    sql: str
    milliseconds: float
    plan: str
    explorer_url: str = ""


@dataclass(frozen=True, slots=True)
class WorkPanel:
    """The panel "Show the work" of a page. `parts` are functions and classes, whose source code the
    panel shows. `in_shell` is code for `manage.py shell` with the same result. `shows` names the
    features of Postgres and the ORM that the page uses.

    If `is_open` is false, the page shows only a link to `url`. `plans_url` is the URL of the page
    with plans, or "" if the reader may not see plans or already sees the plans. `summary` is a text
    above the queries, for example that ids are left out. `cached` contains the rows of an earlier
    run of a report, and `fresh_url` runs the report again. `known_ids` are the ids that the SQL may
    show, or None for all ids. `explorer_urls` has one URL for each query.
    """

    parts: Sequence[Callable[..., Any]]
    in_shell: str
    work: QueryLog
    shows: str
    url: str = ""
    plans_url: str = ""
    is_open: bool = False
    summary: str = ""
    cached: Any = None
    fresh_url: str = ""
    known_ids: frozenset[UUID] | None = None
    explorer_urls: Sequence[str] = ()

    @property
    def code(self) -> str:
        return "\n\n".join(dedent(inspect.getsource(part)) for part in self.parts)

    @property
    def count(self) -> int:
        """The number of SQL queries that the page sent."""
        return len(self.work.queries)

    @property
    def lessons(self) -> list[Lesson]:
        """The lessons about features that the queries contain."""
        sql = "\n".join(query.sql for query in self.work.queries)
        return [lesson for of in LESSONS for lesson in of(sql)]

    @property
    def queries(self) -> Iterator[PanelQuery]:
        for query, url in zip(
            self.work.queries, chain(self.explorer_urls, repeat("")), strict=False
        ):
            yield PanelQuery(self._shown(query.sql), query.milliseconds, query.plan, url)

    def _shown(self, sql: str) -> str:
        """Returns the SQL with "…" in place of unknown ids. An id contains the time when its row
        was created, so the ids of other people are hidden.
        """
        if self.known_ids is None:
            return sql
        known = self.known_ids
        return UUIDS.sub(lambda found: found[0] if UUID(found[0]) in known else HIDDEN, sql)


def may_see_lookups(reader: User) -> bool:
    """Returns whether the reader may see the queries that look up words in the names of all people.
    For customers and analysts, returns False and sends no query.
    """
    is_staff = reader.is_staff or reader.is_superuser
    return settings.DEBUG or (is_staff and may_see_names(reader))


@contextmanager
def page_work(request: PersonRequest) -> Iterator[QueryLog]:
    """Records the queries of the block. Also records the plans after the block, if the reader
    requests plans and may see them.
    """
    with watched(texts_later=True) as work:
        yield work
        if "plans" in request.GET and may_see_plans(request.user):
            work.explain()
            note_plans(request.user)


def note_plans(reader: User) -> None:
    """Records in the read log that the response contains plans. The row counts in plans include
    rows of other people, even if the query found nothing, see Note [Whose data].
    """
    if may_read_bank(reader):
        opened_by_right()
        add_unnamed()


def page_panel(
    request: PersonRequest,
    work: QueryLog,
    *,
    url: Callable[..., str],
    parts: Sequence[Callable[..., Any]],
    in_shell: str,
    shows: str,
    known: Iterable[UUID] = (),
) -> WorkPanel:
    """Returns the panel of a page. If the URL does not open the panel, the panel is only a link.

    `url` returns the page's URL with more parameters. The SQL shows the reader's id and the `known`
    ids. Other ids are hidden unless the reader may see them.
    """
    has_plans = "plans" in request.GET
    if not (has_plans or "work" in request.GET):
        return WorkPanel(parts, in_shell, work, shows, url=f"{url(work=1)}#work")
    may_plan, sees_all = may_see_plans(request.user), may_see_lookups(request.user)
    return WorkPanel(
        parts,
        in_shell,
        work,
        shows,
        plans_url=f"{url(plans=1)}#work" if may_plan and not has_plans else "",
        is_open=True,
        summary="" if sees_all else LEFT_OUT,
        known_ids=None if sees_all else frozenset((request.user.pk, *known)),
    )
