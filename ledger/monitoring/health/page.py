"""The admin page "Database", for users with the permission VIEW."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import DEFAULT_DB_ALIAS, DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from accounts.admin.parts import person_of
from ledger.db import replicas
from ledger.monitoring.health import bloat, queries
from ledger.monitoring.health.bloat import BloatPart, bloat_part
from ledger.monitoring.health.locks import LocksPart, locks_part
from ledger.monitoring.health.queries import ServerFacts
from ledger.monitoring.health.reading import HealthAnswer, reader_of
from ledger.monitoring.health.statements import StatementsPart, statements_part, texts_of
from ledger.text.lines import counted
from ledger.text.measures import span
from ledger.web.error_text import described

VIEW = "ledger_db.view_database_health"
WRITER = "writer"
NO_FACTS = ServerFacts("", "", "", None, False, None)


@dataclass(frozen=True)
class Health:
    """The content of the page "Database" for one server."""

    server: ServerFacts
    locks: LocksPart
    statements: StatementsPart
    bloat: BloatPart
    texts: dict[int, str]
    work: list[HealthAnswer[Any]]

    @property
    def care(self) -> list[str]:
        """Messages about problems that staff should solve now."""
        return [*self.locks.care, *self.bloat.care]

    @property
    def headline(self) -> str:
        """The headline of a page without problems. If Postgres refused queries, the headline
        contains the number of these queries.
        """
        if self.refused:
            return f"Postgres refused {counted(self.refused, 'statement')} of this page."
        return "No session waits for a lock, and no table or transaction needs attention."

    @property
    def refused(self) -> int:
        return sum(bool(each.refused) for each in (*self.locks.answers, *self.bloat.answers))

    @property
    def counted_for(self) -> str:
        """A text that shows since when the server has counted reads."""
        if self.server.counted_seconds is None:
            return "Since the database was made, or the server last crashed"
        return f"In {span(self.server.counted_seconds)}, since the counters were reset"

    @property
    def milliseconds(self) -> float:
        return sum(each.milliseconds for each in self.work)


@require_safe
def database_health(request: HttpRequest) -> HttpResponse:
    """Shows the locks, SQL statements and tables of a database server. The query parameter `server`
    is the name of a replica (default: the writer).
    """
    if not person_of(request).has_perm(VIEW):
        raise PermissionDenied
    servers = {WRITER: DEFAULT_DB_ALIAS, **{name: name for name in replicas.aliases()}}
    chosen = request.GET.get("server", WRITER)
    if chosen not in servers:
        raise Http404
    sort = _one_of(queries.ORDERS, request.GET.get("sort"))
    by = _one_of(bloat.ORDERS, request.GET.get("tables"))
    context = {
        **admin.site.each_context(request), "title": "Database", "servers": list(servers),
        "chosen": chosen, "sort": sort, "by": by, "most": queries.MAX_ROWS,
        "sorts": list(queries.ORDERS), "web_role": settings.LEDGER_WEB_ROLE,
    }  # fmt: skip
    try:
        context["health"] = health_of(servers[chosen], sort=sort, by=by)
    except DatabaseError as error:
        if chosen == WRITER:
            raise  # Ledger then shows the page for a failed database
        context["away"] = described(error)
    return TemplateResponse(
        request, "admin/database_health.html", context, status=503 if "away" in context else 200
    )


def health_of(alias: str, *, sort: str, by: str) -> Health:
    """Returns the state of the server with this alias. Raises DatabaseError if the server cannot be
    reached.
    """
    with reader_of(alias) as reader:
        server = (reader.ask(queries.SERVER, ServerFacts).rows or [NO_FACTS])[0]
        locks = locks_part(reader)
        statements = statements_part(reader, server, sort)
        tables = bloat_part(reader, server, by, locks.sessions.rows, locks.prepared.rows)
        texts = texts_of(reader, statements.schema, (each.query_id for each in locks.open))
        return Health(server, locks, statements, tables, texts, reader.asked)


def _one_of(choices: dict[str, Any], wanted: str | None) -> str:
    """Returns `wanted` if it is one of the choices, otherwise the first choice."""
    return wanted if wanted in choices else next(iter(choices))
