"""`python -m tests.bench.starting`: the start times of commands, imports and pages. See
docs/performance.md.

Prints medians of several runs in milliseconds: imports, commands, `manage.py serve` until its first
response, and the first and the second request for each page to a new web process. Uses a separate
data folder with demo data, and deletes it at the end.
"""

import argparse
import http.client
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from ledger.env import BASE_DIR
from tests.ledger.processes import MANAGE, environment, free_port, manage, own_data_dir

SETUP = "import django; django.setup()"
IMPORTS = {
    "import ledger.settings": "import ledger.settings",
    "django.setup()": SETUP,
    "django.setup(), the addresses": f"{SETUP}; import ledger.urls",
}
COMMANDS = {
    "manage.py help": ["help"],
    "manage.py check": ["check"],
    "manage.py shell -c pass": ["shell", "-c", "pass"],
    "manage.py migrate, nothing to do": ["migrate"],
}
SIGN_IN = "/account/login/"
# Signs in without a request, so that no page is warm before its first request.
SESSION = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from accounts.models import Account, User
from accounts.sign_in.session_store import SessionStore
user = User.objects.get(email="ana@example.com")
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print(session.session_key, Account.objects.filter(user=user).first().pk)
"""

SERVE = "manage.py serve --demo, until it answers"
LAST_LINE = "Press Ctrl-C"

Times = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.starting")
    parser.add_argument("--runs", type=int, default=9, help="how many runs the median is taken of")
    runs = parser.parse_args().runs
    with own_data_dir() as data_dir:
        _report(_measured(data_dir, runs))


def _measured(data_dir: Path, runs: int) -> Times:
    times: Times = defaultdict(list)
    manage(data_dir, "prepare", "--demo").check_returncode()
    session, account = manage(data_dir, "shell", "-v", "0", "-c", SESSION).stdout.split()
    for turn in range(runs + 1):
        found = times if turn else defaultdict(list)  # the first turn only warms up the file cache
        for name, code in IMPORTS.items():
            found[name].append(_time_of([sys.executable, "-c", code], data_dir))
        for name, arguments in COMMANDS.items():
            found[name].append(_time_of([*MANAGE, *arguments], data_dir))
    manage(data_dir, "stop_db").check_returncode()
    pages = {
        "sign-in": ("/account/login/", ""),
        "home": ("/", session),
        "statement": (f"/accounts/{account}/", session),
        "search": ("/search/?q=rent", session),
    }
    for _ in range(runs):
        for name, (path, cookie) in pages.items():
            with _served(data_dir, times[SERVE]) as port:
                first, second = _two_requests(port, path, cookie)
            times[f"{name}, first request"].append(first)
            times[f"{name}, second request"].append(second)
    return times


def _time_of(command: list[str], data_dir: Path) -> float:
    settings = environment(data_dir, DJANGO_SETTINGS_MODULE="ledger.settings")
    began = perf_counter()
    subprocess.run(command, env=settings, cwd=BASE_DIR, check=True, capture_output=True)
    return _since(began)


@contextmanager
def _served(data_dir: Path, times: list[float]) -> Iterator[int]:
    """Yields the port of a `manage.py serve`, after the last line of its output. Waits at the end
    until it has stopped the database.
    """
    port, began = free_port(), perf_counter()
    process = subprocess.Popen(
        [*MANAGE, "serve", "--demo"],
        env=environment(data_dir, PORT=str(port)),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        while LAST_LINE not in process.stdout.readline():
            assert process.poll() is None
        times.append(_since(began))
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def _two_requests(port: int, path: str, session: str) -> tuple[float, float]:
    """Returns the seconds of two requests on one connection, which stays with one web process."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    for _ in range(2):
        began = perf_counter()
        connection.request("GET", path, headers={"Cookie": f"sessionid={session}"})
        response = connection.getresponse()
        response.read()
        times.append(_since(began))
        assert response.status == http.HTTPStatus.OK, (path, response.status)
    connection.close()
    return times[0], times[1]


def _since(began: float) -> float:
    return (perf_counter() - began) * 1000


def _report(times: Times) -> None:
    print("| what | ms | fastest | slowest |", "| --- | --- | --- | --- |", sep="\n")
    for name, found in times.items():
        print(f"| {name} | {median(found):.0f} | {min(found):.0f} | {max(found):.0f} |")


if __name__ == "__main__":
    main()
