"""Which version runs: where it is read from, and where it is shown."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from ledger.env import BASE_DIR
from ledger.version import REVISION, UNKNOWN, VERSION, revision_of
from tests.factories import UserFactory
from tests.ledger.processes import environment, manage
from tests.metrics import TOKEN, figures_in, scrape

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = COMMIT[::-1]
LOAD_AS_A_SERVER = "import ledger.wsgi"
AWAY = "postgresql://ledger@127.0.0.1:1/ledger"


def write(folder: Path, **files: str) -> Path:
    """Files by their names in the folder, with `_` for each `/`."""
    for name, text in files.items():
        place = folder / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ana", "-c", "user.email=ana@bank.test")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "One")
    return folder


class TestTheRevision:
    """`revision_of`, compared with git itself."""

    def test_of_a_branch(self, checkout: Path) -> None:
        assert revision_of(checkout) == git(checkout, "rev-parse", "HEAD")

    def test_of_a_branch_whose_ref_is_packed(self, checkout: Path) -> None:
        git(checkout, "pack-refs", "--all")
        assert revision_of(checkout) == git(checkout, "rev-parse", "HEAD")

    def test_of_a_commit_that_is_checked_out(self, checkout: Path) -> None:
        git(checkout, "checkout", "--quiet", "--detach")
        assert revision_of(checkout) == git(checkout, "rev-parse", "HEAD")

    @pytest.mark.parametrize("is_packed", [False, True])
    def test_of_a_worktree(self, checkout: Path, is_packed: bool) -> None:
        git(checkout, "worktree", "add", "--quiet", "-b", "next", "../next")
        git(checkout.parent / "next", "commit", "--quiet", "--allow-empty", "--message", "Two")
        if is_packed:
            git(checkout, "pack-refs", "--all")
        found = revision_of(checkout.parent / "next")
        assert found == git(checkout, "rev-parse", "next") != revision_of(checkout)

    def test_of_an_image_is_that_of_its_build(self, tmp_path: Path) -> None:
        assert revision_of(write(tmp_path, REVISION=f"{COMMIT}\n")) == COMMIT

    def test_of_a_checkout_is_that_of_git_whatever_a_file_says(self, checkout: Path) -> None:
        assert revision_of(write(checkout, REVISION=COMMIT)) == git(checkout, "rev-parse", "HEAD")

    @pytest.mark.parametrize(
        "files",
        [
            {},
            {"REVISION": "\n"},  # of a build without the argument
            {"REVISION": "main; <b>"},
            {".git__config": ""},
            {".git__HEAD": "ref: refs/heads/main\n"},
            {".git__HEAD": "ref: refs/heads/main\n", ".git__packed-refs": f"{COMMIT} refs/x\n"},
            {".git": "gitdir: /nowhere/at/all\n"},
        ],
        ids=str,
    )
    def test_is_unknown_where_nothing_says_it(self, files: dict[str, str], tmp_path: Path) -> None:
        assert revision_of(write(tmp_path, **files)) == UNKNOWN

    def test_is_unknown_where_the_file_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "REVISION").write_bytes(b"\xff\xfe")
        assert revision_of(tmp_path) == UNKNOWN


def test_the_version_is_that_of_the_package() -> None:
    package = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    assert package["version"] == VERSION


@pytest.mark.django_db
def test_staff_read_the_version_and_others_do_not(staff: Client) -> None:
    told = staff.get("/readyz?verbose").json()
    assert (told["version"], told["revision"]) == (VERSION, REVISION)
    customer = Client()
    customer.force_login(UserFactory())
    for other in (Client(), customer):
        assert other.get("/readyz?verbose").json() == {"status": "ready"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/", "/admin/database/", "/admin/accounts/account/"])
def test_each_page_of_the_admin_ends_with_the_version(path: str, root: Client) -> None:
    page = root.get(path).content.decode()
    assert f"Ledger {VERSION}" in page.rpartition("<footer")[2]


@pytest.mark.django_db
def test_no_page_of_customers_and_strangers_has_the_version(client: Client) -> None:
    customer = Client()
    customer.force_login(UserFactory())
    for other in (client, customer):
        for path in ("/", "/account/login/", "/admin/", "/admin/login/", "/nowhere/", "/metrics"):
            answer = other.get(path, follow=True)
            shown = answer.content.decode() + str(answer.headers)
            assert f"Ledger {VERSION}" not in shown, path
            assert REVISION == UNKNOWN or REVISION[:7] not in shown, path


@pytest.mark.parametrize("is_of_staff", [False, True])
def test_a_page_of_the_admin_without_staff_has_no_version(
    is_of_staff: bool, rf: RequestFactory
) -> None:
    """No such page is there; one to come inherits this."""
    shown = {"has_permission": is_of_staff, "title": "A page", "user": AnonymousUser()}
    page = render_to_string("admin/base_site.html", shown, rf.get("/"))
    assert (VERSION in page) is is_of_staff


@pytest.mark.django_db(transaction=True)
def test_figures_name_what_runs(client: Client, settings: LazySettings) -> None:
    settings.LEDGER_METRICS_TOKEN = [TOKEN]
    figures = figures_in(scrape(client).content.decode())
    ((labels, value),) = [
        (dict(labels), value)
        for (name, labels), value in figures.items()
        if name == "ledger_build_info"
    ]
    assert value == 1
    assert (labels["version"], labels["revision"]) == (VERSION, REVISION)
    assert labels["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(labels) == {"version", "revision", "python", "django"}


def starts(printed: str, event: str = "process.started") -> list[dict[str, str]]:
    lines = [json.loads(line) for line in printed.splitlines()]
    return [line for line in lines if line.get("event") == event]


def test_the_log_of_a_web_process_begins_with_the_version(tmp_path: Path) -> None:
    given = environment(
        tmp_path, LOG_FORMAT="json", LEDGER_URL="http://localhost:8000", LEDGER_WEB_WORKERS="3"
    )
    done = subprocess.run(
        [sys.executable, "-c", LOAD_AS_A_SERVER],
        env={**given, "DATABASE_URL": AWAY}, cwd=BASE_DIR, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    (line,) = starts(done.stderr)
    assert (line["version"], line["revision"]) == (VERSION, REVISION)
    (unread,) = starts(done.stderr, "setting.unread")
    assert (unread["level"], unread["setting"]) == ("WARNING", "LEDGER_WEB_WORKERS")


def test_the_log_of_a_command_that_runs_unattended_begins_with_the_version(tmp_path: Path) -> None:
    given = {"DATABASE_URL": AWAY, "LOG_FORMAT": "json", "DB_OPTION": "3"}
    done = manage(tmp_path, "wait_for_db", "--timeout", "1", **given)
    assert [line["setting"] for line in starts(done.stderr, "setting.unread")] == ["DB_OPTION"]
    first = json.loads(done.stderr.splitlines()[0])
    assert starts(done.stderr) == [first]
    assert (first["command"], first["version"]) == ("wait_for_db", VERSION)


@pytest.mark.parametrize(
    ("command", "log_format"),
    [("wait_for_db --timeout 1", "text"), ("shell -v 0 -c pass", "json")],
)
def test_what_is_for_a_person_or_a_program_has_no_such_line(
    command: str, log_format: str, tmp_path: Path
) -> None:
    done = manage(tmp_path, *command.split(), DATABASE_URL=AWAY, LOG_FORMAT=log_format)
    assert VERSION not in done.stdout + done.stderr
