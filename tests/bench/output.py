"""The results of a run as JSON, and as Markdown for docs/performance.md."""

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from textwrap import fill

from ledger.env import BASE_DIR
from tests.bench import hordak
from tests.bench.figures import HEAD, Figure
from tests.bench.results import Results
from tests.bench.scale import Scale
from tests.bench.servers import admin

BEGINS, ENDS = "<!-- the run begins -->", "<!-- the run ends -->"
SETTINGS = ("server_version", "shared_buffers", "fsync", "synchronous_commit")
WIDTH = 118  # maximum number of characters in a line of the docs


def machine() -> dict[str, str]:
    """Returns the machine and the versions on which the results depend."""
    with admin() as server:
        postgres = {
            name: str(row[0])
            for name in SETTINGS
            if (row := server.execute(f"SHOW {name}").fetchone())
        }
    return {
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
        "revision": _revision(),
        "processors": str(_processors()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "django": version("django"),
        "psycopg": version("psycopg"),
        "django-hordak": hordak.version() or "not installed",
        **postgres,
    }


def as_json(where: dict[str, str], scale: Scale, results: Results) -> str:
    figures = [
        {**asdict(figure), "target": str(figure.target or ""), "met": figure.met}
        for figure in results.figures
    ]
    plans = {title: [asdict(plan) for plan in plans] for title, plans in results.plans.items()}
    whole = {"machine": where, "scale": asdict(scale), "figures": figures, "plans": plans}
    return json.dumps(whole, indent=1, default=str)


def as_markdown(where: dict[str, str], results: Results) -> str:
    """Returns the table, and each plan in a folded block."""
    lines = [
        fill(", ".join(f"{name} {value}" for name, value in where.items()) + ".", WIDTH),
        "",
        _line(HEAD),
        _line(["---"] * len(HEAD)),
        *(_line(_cells(figure)) for figure in results.figures),
    ]
    for title, plans in results.plans.items():
        lines += ["", "<details>", f"<summary>Plan: {title}</summary>", ""]
        for plan in plans:
            lines += ["```sql", *plan.text, "```"]
        lines += ["", "</details>"]
    return "\n".join(lines)


def write_markdown(file: Path, run: str) -> None:
    """Replaces the text between the two markers of the file with the run. Replaces the whole file
    if it has no markers.
    """
    text = file.read_text() if file.exists() else ""
    before, begins, rest = text.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    file.write_text(
        f"{before}{BEGINS}\n\n{run}\n\n{ENDS}{after}" if begins and ends else f"{run}\n"
    )


def _cells(figure: Figure) -> list[str]:
    return [cell.replace("|", "\\|") for cell in figure.cells]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _processors() -> int | None:
    """Returns the number of processors that this process and its children may use, for example
    fewer with `taskset`.
    """
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _revision() -> str:
    """Returns the commit, if there is a repository."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=BASE_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"
