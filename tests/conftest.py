"""Database, roles and staff for all tests."""

import atexit
import gc
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from importlib import import_module
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from threading import Thread
from typing import Any

import factory.random
import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.signals import connection_created
from django.db.models import QuerySet
from django.dispatch import receiver
from django.template.base import FilterExpression
from django.test import Client, TransactionTestCase
from django.test.client import ClientHandler
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg.pq import TransactionStatus
from pytest_django import DjangoDbBlocker
from pytest_django.plugin import blocking_manager_key

from accounts.groups import MANAGER, OPERATIONS, PEOPLE_ADMIN
from accounts.models import User
from api import rate
from ledger.db.rights.row_security import SignedReader, without_reader
from ledger.web import downloads, running_requests
from tests import emptying, pooler, template
from tests.factories import UserFactory
from tests.mutations.names import without_group
from tests.settings import THROUGH
from tests.sign_in import begin_session
from tests.strict_templates import remember_template, strict_resolve
from tests.words_of_python import words_of_python
from transactions.row_security.middleware import row_scope_of
from transactions.search.sql import common_prefixes

pytest_plugins = ["tests.selection", "tests.hints"]

# Collecting garbage as often as Python does by default takes an eighth of the time of all tests.
gc.set_threshold(100_000, 50, 1000)

# No example fails because the machine is busy.
hypothesis_settings.register_profile(
    "any clock", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("any clock")


# Fails a page whose template uses a name that its view does not give. From the first template on,
# which is compiled once.
setattr(FilterExpression, "__init__", remember_template)  # noqa: B010
setattr(FilterExpression, "resolve", strict_resolve)  # noqa: B010

FIGURE = "figure"
WITH_CODE = ("/cookbook/", "/admin/accounts/read/")  # pages with code, and with parts of addresses
LONGEST_NAME = 60  # of bytes that stand in the name of a test
OWN_SESSION = "needs a session of its own, which pgbouncer in transaction mode does not give"
OWN_CONNECTION = "needs a connection that opens and ends when it is told, which no pool gives"


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """In a fresh clone, each worker compiles half of the tests: all collect in the same order, so
    the second one imports them from the end first, and both find what the other has compiled.
    """
    worker = getattr(session.config, "workerinput", {}).get("workerid")
    if worker == "gw1" and session.config.args == session.config.getini("testpaths"):
        for file in sorted(Path(__file__).parent.rglob("test_*.py"), reverse=True):
            name = file.relative_to(session.config.rootpath).with_suffix("")
            with suppress(Exception, pytest.skip.Exception):  # which the collection reports
                import_module(".".join(name.parts))


@pytest.hookimpl(trylast=True)  # after -k and -m have chosen
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if THROUGH == "pgbouncer" and item.get_closest_marker("own_session"):
            item.add_marker(pytest.mark.skip(reason=OWN_SESSION))
        if THROUGH == "pool" and item.get_closest_marker("own_connection"):
            item.add_marker(pytest.mark.skip(reason=OWN_CONNECTION))
    # pytest-django makes no test database if no chosen test is marked: the fixtures of those that
    # are chosen would then write into the bank of the data folder.
    if not any(item.get_closest_marker("django_db") for item in items):
        for item in items:
            if "django_db_setup" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.django_db)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Names and account numbers of factories are the same each time that a test runs. By chance
    they are now and then what the test looks for.
    """
    factory.random.reseed_random(without_group(item.nodeid))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Names a case by the parameter, not by the content of a file, which each worker may make with
    other random bytes: workers have to collect the same names.
    """
    return argname if isinstance(val, bytes) and len(val) > LONGEST_NAME else None


def pytest_collection_finish() -> None:
    """Leaves all that is imported and collected out of every later collection of garbage, until
    Python ends and closes what the modules of a library hold.
    """
    gc.freeze()
    atexit.register(gc.unfreeze)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Notes what a test has measured; the run prints it at its end."""
    return partial(record_property, FIGURE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Also of workers, whose own output nobody sees."""
    ended = [each for kind in ("passed", "failed") for each in terminalreporter.getreports(kind)]
    measured = [
        (report.nodeid, told)
        for report in ended
        if report.when == "call"
        for name, told in report.user_properties
        if name == FIGURE
    ]
    if measured:
        terminalreporter.section("measured")
    for test, group in groupby(sorted(measured, key=itemgetter(0)), key=itemgetter(0)):
        terminalreporter.line(test)
        for _, told in group:
            terminalreporter.line(f"  {told}")


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: one worker for each processor, at least two."""
    return max(2, os.cpu_count() or 2)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Builds the template while the workers collect their tests."""

    def build() -> None:
        with config.stash[blocking_manager_key].unblock():
            template.ensure_early()

    if not config.getvalue("reuse_db"):
        Thread(target=build, daemon=True).start()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    django_db_blocker: DjangoDbBlocker,
    request: pytest.FixtureRequest,
) -> None:
    """The test database is a copy of the template, or with `--reuse-db` what it was."""
    if request.config.getvalue("reuse_db") and not request.config.getvalue("create_db"):
        return
    with django_db_blocker.unblock():
        connection.settings_dict["TEST"]["TEMPLATE"] = template.ensure()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterable[None]:
    """Commits that wait for no disk, which would be 2 ms each; no test database outlives a crash.
    Connects through a pooler from then on, if the tests were asked to.

    At the end, ends connections that threads of a last test are still closing: they would keep
    the test database from being dropped.
    """
    through = pooler.everything_through_pgbouncer if THROUGH == "pgbouncer" else nullcontext
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            name = connection.ops.quote_name(connection.settings_dict["NAME"])
            cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        connection.close()
        emptying.remember()
        stack = ExitStack()
        stack.enter_context(through())
    yield
    emptying.close()
    with django_db_blocker.unblock():
        stack.close()
    with django_db_blocker.unblock():
        connection.close()  # the last test may have had it ended
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend'"  # not autovacuum's
                " AND pg_has_role(current_user, usesysid, 'MEMBER')"  # nor an administrator's
            )
        connection.close()


@pytest.fixture(scope="session", autouse=True)
def _quick_flush() -> Iterable[None]:
    """Tests with real commits end by emptying the tables that have rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            TransactionTestCase, "_fixture_teardown", lambda _test: emptying.empty_tables()
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_period() -> Iterable[None]:
    """The first search of each ten minutes, and the first call of a person in each minute, take one
    more query, which tests count.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(common_prefixes, "_period", lambda: 0)
        patch.setattr(rate, "_now", lambda: 1_800_000_030)
        yield


@pytest.fixture(autouse=True)
def _pages_as_the_web_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serves every request of a test client with the rights of a web process."""
    monkeypatch.setattr(ClientHandler, "__call__", as_web_role)


_handle = ClientHandler.__call__


def as_web_role(self: ClientHandler, environ: dict[str, Any]) -> Any:
    """In place of `ClientHandler.__call__`: switches the role around each request, and looks at the
    page that it answers.
    """
    set_role("ledger_web")
    try:
        answer: Any = _handle(self, environ)
    finally:
        set_role(None)
    is_page = answer.headers.get("Content-Type", "").startswith("text/html")
    has_code = environ["PATH_INFO"].startswith(WITH_CODE) or answer.status_code == 500
    if is_page and not has_code:
        found = words_of_python(answer.content.decode(), environ.get("QUERY_STRING", ""))
        assert found == [], environ["PATH_INFO"]
    return answer


def set_role(role: str | None) -> None:
    """SET ROLE without Django's cursor, which would count it among the page's queries. A session
    that takes the place of this one has the role too. Behind a pooler, where a session keeps no
    role between transactions, it signs in as the role.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.is_behind_pooler and not database.in_atomic_block:
        owner = database.settings_dict.get("OWNER", database.settings_dict)
        is_open = database.connection is not None
        connection.close()
        database.settings_dict = {**owner, "USER": role, "OWNER": owner} if role else owner
        if is_open:
            with suppress(RuntimeError):  # of a test without the database, which may not connect
                connection.ensure_connection()
        return
    database.role_of_test = role
    raw = connection.connection
    if raw is not None and raw.info.transaction_status != TransactionStatus.INERROR:
        raw.execute(f"SET ROLE {role}" if role else "RESET ROLE")


@receiver(connection_created)
def keep_role(connection: Any, **_signal: Any) -> None:
    """For a session that begins in the middle of a request, in place of one that was given up."""
    if role := getattr(connection, "role_of_test", None):
        connection.connection.execute(f"SET ROLE {role}")


@contextmanager
def read_as(user: User) -> Iterator[None]:
    """Runs the block as a request of this person, where the tests run with row-level security."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    if settings.LEDGER_ROW_SECURITY:
        database.reader = SignedReader(lambda: user, row_scope_of)
    try:
        yield
    finally:
        database.reader = None


@contextmanager
def beside_the_request() -> Iterator[None]:
    """Runs the block as the owner of the tables, in the middle of a request of a test client."""
    set_role(None)
    try:
        with without_reader():
            yield
    finally:
        set_role("ledger_web")


@pytest.fixture(autouse=True)
def _many_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets tests of races send as many requests of one person as they like."""
    many = running_requests.RunningRequests(most_running=1000, waiting=0)
    monkeypatch.setattr(running_requests, "_requests", many)


@pytest.fixture(autouse=True)
def _own_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for a download that another has not closed: Python ends it at some later time,
    with the response that was forgotten.
    """
    monkeypatch.setattr(downloads, "_downloads", downloads.Downloads(downloads.MAX_PARALLEL))


@pytest.fixture(autouse=True)
def signed_in_just_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """`force_login` counts as a sign-in by password of this moment, so payments need no step-up.

    Tests of the step-up make the sign-in older, by `tests.sign_in.let_pass`.
    """
    monkeypatch.setattr(Client, "force_login", begin_session)


@pytest.fixture(scope="session")
def practice_bank(django_db_setup: None) -> None:
    """The cookbook's practice bank, which the template has."""


def colleague(group: str, name: str) -> User:
    """A new person who is staff, in this group."""
    person: User = UserFactory(is_staff=True, name=name)
    person.groups.add(Group.objects.get(name=group))
    return person


def permissions(*codenames: str) -> QuerySet[Permission]:
    """The permissions with these names."""
    return Permission.objects.filter(codename__in=codenames)


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def clerk() -> User:
    """Somebody of operations."""
    return colleague(OPERATIONS, "Clerk")


@pytest.fixture
def staff(client: Client, clerk: User) -> Client:
    """The clerk's browser."""
    client.force_login(clerk)
    return client


@pytest.fixture
def boss() -> User:
    """A manager."""
    return colleague(MANAGER, "Boss")


@pytest.fixture
def manager(boss: User) -> Client:
    """The manager's browser."""
    return signed_in(boss)


@pytest.fixture
def people_admin() -> Client:
    """The browser of somebody who looks after people and groups."""
    return signed_in(colleague(PEOPLE_ADMIN, "Admin of people"))


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.com", name="Root"))
    return client


@pytest.fixture
def traced() -> Iterator[Any]:
    """What is traced from here on, as tests.ledger.tracing.recorded has it; skipped without the
    extra otel.
    """
    from tests.ledger.tracing.recorded import recording

    with recording() as found:
        yield found
