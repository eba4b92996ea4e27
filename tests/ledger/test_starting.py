"""What a process loads when it starts, and what it leaves for later.

No test here measures a time: `python -m tests.bench.starting` does.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from django.template import TemplateSyntaxError
from django.template.loader import get_template

from ledger.embedded.removal import delete_everything
from ledger.env import BASE_DIR
from ledger.server import warm_up
from ledger.web import template_files
from tests.ledger.processes import LONG, MANAGE, environment, free_port

# Rooms that few commands and pages need, and what only tests and the server import.
LATER = (
    "ledger.urls",
    "ledger.server",
    "cookbook.recipes",
    "cookbook.practice",
    "cookbook.lab",
    "banking.berka.booking",
    "transactions.demo",
    "transactions.reports",
    "django.test",
    "gunicorn",
    "pytest",
)
LOADED = f"""
import sys
import django
django.setup()
print(*(name for name in {LATER!r} if name in sys.modules))
"""
# Large libraries that one page or one command needs, which imports them itself.
OF_ONE_PAGE = (
    "PIL",
    "babel",
    "bidi",
    "boto3",
    "django.test",
    "drf_spectacular",
    "fido2",
    "jwt",
    "maxminddb",
    "pygments",
    "pypdf",
    "qrcode",
    "reportlab",
    "requests",
    "rest_framework.views",
    "ua_parser",
    "uharfbuzz",
    "urllib3",
    "xlsxwriter",
    "yaml",
)
ADDRESSES = f"""
import sys
import django
django.setup()
from django.urls import reverse
reverse("account_login")
assert "transactions.statements.views" in sys.modules
print(*(name for name in {OF_ONE_PAGE!r} if name in sys.modules))
"""
# The database cannot be reached: whoever asks it anything fails.
WARM = """
import sys
import ledger.wsgi
from django.db import connection
from django.template import Template, loader
Template.compile_nodelist = None
for name in ("transactions/home.html", "account/login.html"):
    loader.get_template(name)
assert connection.connection is None
assert "transactions.statements.views" in sys.modules
assert "rest_framework.views" in sys.modules
"""
COLD = """
import sys
import ledger.wsgi
assert "ledger.urls" not in sys.modules
"""
FORKED = """
import os
from ledger.db.ids import uuid7
uuid7()  # the random numbers have begun before the fork
for _ in range(2):
    if os.fork() == 0:
        print(str(uuid7())[15:], flush=True)
        os._exit(0)
    os.wait()
"""


def run(code: str, data_dir: Path, **settings: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(data_dir, **settings),
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_setup_leaves_rooms_that_few_commands_need(tmp_path: Path) -> None:
    assert run(LOADED, tmp_path, DJANGO_SETTINGS_MODULE="ledger.settings").split() == []


def test_setup_and_addresses_leave_libraries_to_the_pages_that_need_them(tmp_path: Path) -> None:
    assert run(ADDRESSES, tmp_path, DJANGO_SETTINGS_MODULE="ledger.settings").split() == []


def test_a_web_process_is_warm_before_its_first_request(tmp_path: Path) -> None:
    nobody = f"postgresql://me@127.0.0.1:{free_port()}/ledger"
    run(WARM, tmp_path, DATABASE_URL=nobody, LEDGER_URL="http://localhost:8000")


def test_with_debug_a_web_process_starts_cold(tmp_path: Path) -> None:
    run(COLD, tmp_path, DEBUG="True")


def test_a_broken_template_breaks_its_own_page_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    (tmp_path / "broken.html").write_text("{% if %}")
    (engine,) = settings.TEMPLATES  # type: ignore[attr-defined]
    settings.TEMPLATES = [engine | {"DIRS": [tmp_path]}]  # type: ignore[attr-defined]
    monkeypatch.setattr(template_files, "get_app_template_dirs", lambda _name: ())
    monkeypatch.setattr("gc.freeze", lambda: None)

    warm_up.warm_up()

    with pytest.raises(TemplateSyntaxError):
        get_template("broken.html")


def test_two_first_starts_at_once_make_one_bank(folder: Path) -> None:
    prepare = [*MANAGE, "prepare", "--no-static"]
    settings = environment(folder, LEDGER_COOKBOOK="False")
    both = list[subprocess.Popen[bytes]]()
    try:
        both += [subprocess.Popen(prepare, env=settings, stderr=subprocess.PIPE) for _ in range(2)]
        written = [process.communicate(timeout=LONG)[1].decode() for process in both]
        assert [process.returncode for process in both] == [0, 0], written
        assert sorted("migrations" in lines for lines in written) == [False, True]
    finally:
        for process in both:
            process.kill()
        delete_everything(folder)


def test_web_processes_that_were_forked_do_not_make_the_same_ids(tmp_path: Path) -> None:
    one, other = run(FORKED, tmp_path).split()

    assert one != other


def test_a_web_server_that_nobody_opens_ends_with_its_parent(tmp_path: Path) -> None:
    server = [sys.executable, "-m", "ledger.server.web_process", "--bind", f":{free_port()}"]
    done = subprocess.run(
        [*server, "ledger.wsgi"],
        env=environment(tmp_path),
        cwd=BASE_DIR,
        stdin=subprocess.DEVNULL,
        timeout=LONG,
        check=False,
    )

    assert done.returncode == 0
