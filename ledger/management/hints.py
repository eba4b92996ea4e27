"""Hints for command lines that Django refuses without an explanation."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from django.apps import AppConfig, apps
from django.conf import settings

from ledger.db.server.creation import how_to_start_over
from ledger.db.unknown_alias import how_to_add_reader

# Commands whose arguments are app labels.
COMMANDS_WITH_APPS = frozenset({
    "check", "dumpdata", "makemigrations", "migrate", "optimizemigration", "showmigrations",
    "sqlflush", "sqlmigrate", "sqlsequencereset", "squashmigrations",
})  # fmt: skip
DATABASE = "--database"
ONLY_OF_PSQL = re.compile(r"-(?!v\b)[A-Za-z]|--(command|file|list|tuples-only|no-align|csv)\b")
PSQL_HINT = "Write arguments for psql after --, as in: manage.py dbshell -- -c 'SELECT 1'."
FIXTURES = (
    "Add the path of a file that manage.py dumpdata -o bank.json wrote. For demo data, run"
    " manage.py seed_demo."
)

# Commands that exist in other projects or in old versions of Django.
WORK = "Scheduled work is manage.py work."
NO_INDEX = "There is nothing to reindex: docs/search.md explains why."
# Commands of `ledger.embedded`. They do not exist if the bank uses another database server.
ONLY_EMBEDDED = (
    "DATABASE_URL or DB_NAME names your own server, and this command is for the embedded server."
)
OTHER_COMMANDS = {
    "celery": WORK,
    "create_groups": "manage.py migrate creates the groups of staff (docs/staff.md).",
    "crontab": WORK,
    "drf_create_token": "manage.py create_token makes a token of the API.",
    "failover": (
        f"{ONLY_EMBEDDED} Promote your standby with its own tools: `pg_ctl promote`, Patroni, or"
        " the console of RDS (docs/databases.md)."
    ),
    "graph_models": "docs/columns.md has the tables and columns, docs/schema.md their rules.",
    "pg_dump": "manage.py backup writes the whole bank into a file, with pg_dump.",
    "pg_restore": "manage.py restore reads a file of manage.py backup.",
    "psql": "manage.py dbshell opens psql.",
    "qcluster": WORK,
    "rebuild_index": NO_INDEX,
    "runcrons": WORK,
    "runscript": "manage.py shell < FILE runs a script.",
    "runserver_plus": "make dev serves with reloading.",
    "seed": "manage.py seed_demo makes the people and payments of the demo.",
    "shell_plus": "make shell has every model.",
    "show_urls": "docs/where-to-find.md and ledger/urls.py have the addresses.",
    "spectacular": "manage.py generateschema prints the schema of the API.",
    "sqlall": "manage.py sqlmigrate accounts 0001 prints the SQL of a migration.",
    "standby": (
        f"{ONLY_EMBEDDED} No server needs to be promoted. Start your standby again with its"
        " own tools, such as `pg_ctl start`, systemd or Patroni, or make a new one with"
        " pg_basebackup; waiting commits continue once it follows. Or let them continue without it:"
        " a superuser sets `synchronous_standby_names` to '' on the primary and reloads its"
        " configuration (docs/databases.md)."
    ),
    "stop_db": ONLY_EMBEDDED,
    "syncdb": "manage.py migrate makes the tables.",
    "update_index": NO_INDEX,
    "validate": "manage.py check looks at models, settings and database.",
}


def hint_for_unknown(command: str) -> str | None:
    """Returns a hint for a command that exists only in other projects, or None."""
    return how_to_start_over() if command == "reset_db" else OTHER_COMMANDS.get(command)


def hint_for(line: Sequence[str]) -> str | None:
    """Returns a hint for a failed command, or None. `line` contains the name of the command and its
    arguments.
    """
    command, arguments = line[0], line[1:]
    if found := _database_in(arguments):
        return _databases() if found not in settings.DATABASES else None
    if command == "dbshell" and any(map(ONLY_OF_PSQL.match, arguments)):
        return PSQL_HINT if "--" not in arguments else None
    if command == "loaddata" and not any(map(_is_there, arguments)):
        return FIXTURES
    if command in COMMANDS_WITH_APPS and any(map(_is_no_app, arguments[:1])):
        own = ", ".join(sorted(app.label for app in apps.get_app_configs() if _is_of_project(app)))
        return f"The apps of this project are {own}. docs/new-app.md adds one."
    return None


def _is_there(argument: str) -> bool:
    return argument == "-" or os.path.exists(argument)  # noqa: PTH110 - Path raises for a long name


def _database_in(arguments: Sequence[str]) -> str | None:
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == DATABASE:
            return value if equals else next(iter(arguments[place + 1 :]), "")
    return None


def _databases() -> str:
    names = " and ".join(settings.DATABASES)
    return f"Here {DATABASE} takes {names}.{how_to_add_reader()} docs/databases.md has more."


def _is_no_app(argument: str) -> bool:
    label = argument.partition(".")[0]  # dumpdata also accepts app.Model
    is_option = argument.startswith("-")
    return not is_option and label not in {app.label for app in apps.get_app_configs()}


def _is_of_project(app: AppConfig) -> bool:
    """Returns whether the app has models and is in the project's folder."""
    is_ours = (
        Path(app.path).resolve().is_relative_to(settings.BASE_DIR)
        and "site-packages" not in app.path
    )
    return app.models_module is not None and is_ours
