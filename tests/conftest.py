"""The database, the roles and the staff for all tests."""

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

pytest_plugins = ["tests.selection", "tests.hints", "tests.missing_programs"]

# Python's default frequency of garbage collection takes an eighth of the time of all tests.
gc.set_threshold(100_000, 50, 1000)

# No example fails because the machine is busy.
hypothesis_settings.register_profile(
    "any clock", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("any clock")


# Makes a page fail if its template uses a name that the view does not provide. This must be active
# before the first template is compiled, because templates are compiled only once.
setattr(FilterExpression, "__init__", remember_template)  # noqa: B010
setattr(FilterExpression, "resolve", strict_resolve)  # noqa: B010

FIGURE = "figure"
WITH_CODE = ("/cookbook/", "/admin/accounts/read/")  # pages that show code or parts of addresses
LONGEST_NAME = 60  # maximum number of bytes in the name of a test
OWN_SESSION = "needs a session of its own, which pgbouncer in transaction mode does not give"
OWN_CONNECTION = "needs a connection that opens and ends when it is told, which no pool gives"


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Lets the second worker import the tests in reverse order. So in a fresh clone, each of two
    workers compiles half of the tests, and finds the compiled files of the other worker.
    """
    worker = getattr(session.config, "workerinput", {}).get("workerid")
    if worker == "gw1" and session.config.args == session.config.getini("testpaths"):
        for file in sorted(Path(__file__).parent.rglob("test_*.py"), reverse=True):
            name = file.relative_to(session.config.rootpath).with_suffix("")
            with suppress(Exception, pytest.skip.Exception):  # the collection reports the error
                import_module(".".join(name.parts))


@pytest.hookimpl(trylast=True)  # after -k and -m have chosen
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if THROUGH == "pgbouncer" and item.get_closest_marker("own_session"):
            item.add_marker(pytest.mark.skip(reason=OWN_SESSION))
        if THROUGH == "pool" and item.get_closest_marker("own_connection"):
            item.add_marker(pytest.mark.skip(reason=OWN_CONNECTION))
    # pytest-django creates no test database if no chosen test is marked. Fixtures of the chosen
    # tests would then write into the bank of the data folder.
    if not any(item.get_closest_marker("django_db") for item in items):
        for item in items:
            if "django_db_setup" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.django_db)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Sets the seed of the factories, so that names and account numbers are the same in each run of
    a test. Random names would sometimes contain the text that the test looks for.
    """
    factory.random.reseed_random(without_group(item.nodeid))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Names a test case by its parameter and not by the content of a file. Each worker may create
    the file with other random bytes, but all workers must collect the same names.
    """
    return argname if isinstance(val, bytes) and len(val) > LONGEST_NAME else None


def pytest_collection_finish() -> None:
    """Excludes all imported and collected objects from later garbage collections, until the end of
    Python.
    """
    gc.freeze()
    atexit.register(gc.unfreeze)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Returns a function that records a measurement of a test. The run prints all measurements at
    its end.
    """
    return partial(record_property, FIGURE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the measurements of all tests, including the tests of workers."""
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
    """Returns the number of workers for `-n auto`: one for each processor, at least two."""
    return max(2, os.cpu_count() or 2)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Builds the template database while the workers collect their tests."""

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
    """Copies the test database from the template. With `--reuse-db`, keeps the existing test
    database.
    """
    if request.config.getvalue("reuse_db") and not request.config.getvalue("create_db"):
        return
    with django_db_blocker.unblock():
        connection.settings_dict["TEST"]["TEMPLATE"] = template.ensure()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterable[None]:
    """Sets up the test database with commits that do not wait for the disk, which would take 2 ms
    each. If requested, all later connections go through a pooler.

    At the end, ends connections that threads of the last test are still closing, so that the
    database can be dropped.
    """
    through = pooler.everything_through_pgbouncer if THROUGH == "pgbouncer" else nullcontext
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            name = connection.ops.quote_name(connection.settings_dict["NAME"])
            cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
            emptying.remember()
        connection.close()
        stack = ExitStack()
        stack.enter_context(through())
    yield
    emptying.close()
    with django_db_blocker.unblock():
        stack.close()
    with django_db_blocker.unblock():
        connection.close()  # the last test may have ended the connection
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
    """Replaces the end of tests with real commits: only the tables that have rows are emptied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            TransactionTestCase, "_fixture_teardown", lambda _test: emptying.empty_tables()
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_period() -> Iterable[None]:
    """Freezes two clocks. The first search in ten minutes, and a person's first call in a minute,
    need an additional query, but tests count queries.
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
    """Replaces `ClientHandler.__call__`: switches the role during each request, and checks the page
    in the response.
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
    """Switches the role without Django's cursor, because the page's queries are counted.

    A new connection in place of this connection also gets the role. Behind a pooler, a session
    keeps no role between transactions, so the connection signs in as the role.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.is_behind_pooler and not database.in_atomic_block:
        owner = database.settings_dict.get("OWNER", database.settings_dict)
        is_open = database.connection is not None
        connection.close()
        database.settings_dict = {**owner, "USER": role, "OWNER": owner} if role else owner
        if is_open:
            with suppress(RuntimeError):  # a test without the database may not connect
                connection.ensure_connection()
        return
    database.role_of_test = role
    raw = connection.connection
    if raw is not None and raw.info.transaction_status != TransactionStatus.INERROR:
        raw.execute(f"SET ROLE {role}" if role else "RESET ROLE")


@receiver(connection_created)
def keep_role(connection: Any, **_signal: Any) -> None:
    """Switches the role of a session that begins during a request, in place of a session that was
    closed.
    """
    if role := getattr(connection, "role_of_test", None):
        connection.connection.execute(f"SET ROLE {role}")


@contextmanager
def read_as(user: User) -> Iterator[None]:
    """Runs the `with` block like a request of this person, if the tests run with row-level
    security.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if settings.LEDGER_ROW_SECURITY:
        database.reader = SignedReader(lambda: user, row_scope_of)
    try:
        yield
    finally:
        database.reader = None


@contextmanager
def beside_the_request() -> Iterator[None]:
    """Runs the `with` block as the owner of the tables, during a request of a test client."""
    set_role(None)
    try:
        with without_reader():
            yield
    finally:
        set_role("ledger_web")


@pytest.fixture(autouse=True)
def _many_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes the limit of parallel requests per person, for tests of races."""
    many = running_requests.RunningRequests(most_running=1000, waiting=0)
    monkeypatch.setattr(running_requests, "_requests", many)


@pytest.fixture(autouse=True)
def _own_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives each test separate limits of downloads. Otherwise a test could wait for a download that
    an earlier test did not close.
    """
    monkeypatch.setattr(downloads, "_downloads", downloads.Downloads(downloads.MAX_PARALLEL))


@pytest.fixture(autouse=True)
def signed_in_just_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `force_login` count as a current sign-in by password, so that payments need no step-up.

    Tests of the step-up make the sign-in older with `tests.sign_in.let_pass`.
    """
    monkeypatch.setattr(Client, "force_login", begin_session)


@pytest.fixture(scope="session")
def practice_bank(django_db_setup: None) -> None:
    """The cookbook's practice bank, which the template database contains."""


def colleague(group: str, name: str) -> User:
    """Returns a new member of staff in this group."""
    person: User = UserFactory(is_staff=True, name=name)
    person.groups.add(Group.objects.get(name=group))
    return person


def permissions(*codenames: str) -> QuerySet[Permission]:
    """Returns the permissions with these code names."""
    return Permission.objects.filter(codename__in=codenames)


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def clerk() -> User:
    """A member of operations."""
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
    """The browser of a member of the group that manages people and groups."""
    return signed_in(colleague(PEOPLE_ADMIN, "Admin of people"))


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.com", name="Root"))
    return client


@pytest.fixture
def traced() -> Iterator[Any]:
    """The trace of this test, from `tests.ledger.tracing.recorded`. Skips the test without the
    extra otel.
    """
    from tests.ledger.tracing.recorded import recording

    with recording() as found:
        yield found
