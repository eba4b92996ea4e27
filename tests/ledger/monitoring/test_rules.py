"""The files of `deploy/monitoring/` and the docs name metrics, labels and alarms that exist."""

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from ledger.env import BASE_DIR
from ledger.metrics.exposition import text_of
from ledger.monitoring import page
from ledger.monitoring.polling import Poller
from tests.ledger.monitoring.alarms import CASES, promtool_files
from tests.ledger.monitoring.promql import ADDED, known_metrics, selected_in, wrong_in
from tests.metrics import figures_in
from tests.programs import needs

FILES = BASE_DIR / "deploy" / "monitoring"
RUNBOOK = BASE_DIR / "docs" / "runbook.md"
MONITORING = BASE_DIR / "docs" / "monitoring.md"
PROMTOOL = shutil.which("promtool")
# Labels whose values the code knows before anything happens, so that a first one is an increase.
BEGIN_AT_ZERO = {"outcome", "kind", "reason", "error", "event", "method"}
needs_promtool = needs("prometheus", PROMTOOL)


@pytest.fixture
def known(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    monkeypatch.setattr(page, "_poller", Poller(page.QUESTIONS))
    return known_metrics()


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FILES / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FILES / "dashboard.json").read_text())["panels"]
    return found


def expressions() -> list[str]:
    """Of all alarms and panels."""
    of_panels = [each["expr"] for panel in panels() for each in panel.get("targets", [])]
    return [rule["expr"] for rule in rules()] + of_panels


def test_every_metric_and_label_of_alarms_and_panels_exists(known: dict[str, set[str]]) -> None:
    wrong = {text: found for text in expressions() if (found := list(wrong_in(text, known)))}
    assert wrong == {}
    assert len(expressions()) > 60


def test_an_expression_with_a_wrong_name_is_found(known: dict[str, set[str]]) -> None:
    for wrong in (
        "ledger_db_upp == 0",
        'ledger_payments_total{outcom="booked"}',
        "sum by (kinds) (ledger_payments_total)",
        "time() > 0",
    ):
        assert list(wrong_in(wrong, known)), wrong


def test_the_values_that_alarms_wait_for_begin_at_zero() -> None:
    there = set(figures_in(text_of().decode()))
    asked = {
        (each.name, label, value)
        for rule in rules()
        for each in selected_in(rule["expr"])
        for label, sign, value in each.matchers
        if label in BEGIN_AT_ZERO and sign == "=" and each.name.endswith("_total")
    }
    assert len(asked) >= 4
    known = {(name, *pair) for name, labels in there for pair in labels}
    assert asked <= known


def test_every_metric_is_in_the_docs_with_its_labels_and_no_other(
    known: dict[str, set[str]],
) -> None:
    told: dict[str, set[str]] = {}
    for line in MONITORING.read_text().splitlines():
        cells = [re.findall(r"`(\w+)`", cell) for cell in line.split("|")]
        if len(cells) < 4 or not any(name.startswith(("ledger_", "process_")) for name in cells[1]):
            continue
        labels = set[str]()
        for name in cells[1]:
            told[name] = set(cells[2])
            labels |= known.get(name, known.get(f"{name}_bucket", {"there is none"}))
        assert labels == set(cells[2]), cells[1]
    histograms = {name.removesuffix("_bucket") for name in known if name.endswith("_bucket")}
    single = {name for name in known if re.sub("_(bucket|sum|count)$", "", name) not in histograms}
    assert set(told) == single - {"up"} | histograms


def test_no_label_is_one_that_prometheus_adds_itself(known: dict[str, set[str]]) -> None:
    assert {name for name, labels in known.items() if labels & ADDED} == {"up"}


def test_each_alarm_has_its_place_in_the_runbook_and_the_runbook_no_other() -> None:
    headings = re.findall(r"^### (\w+)$", RUNBOOK.read_text(), re.MULTILINE)
    assert headings == [rule["alert"] for rule in rules()]
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"].endswith(".")


def test_each_place_says_what_it_means_and_what_to_do() -> None:
    for place in RUNBOOK.read_text().split("\n### ")[1:]:
        assert "**Meaning.**" in place, place
        assert "**What to do.**" in place, place


def test_the_panels_do_not_lie_on_each_other() -> None:
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))
    for one, other in combinations([panel["gridPos"] for panel in panels()], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
    assert all(0 <= panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels())


def test_the_dashboard_asks_the_prometheus_that_its_reader_chose() -> None:
    sources = re.findall(r'"uid": "([^"]+)"', (FILES / "dashboard.json").read_text())
    assert set(sources) == {"ledger", "${datasource}"}


def run_promtool(*arguments: str | Path) -> None:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=FILES
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_promtool_takes_the_rules_and_the_configuration() -> None:
    run_promtool("check", "rules", "alerts.yml")
    run_promtool("check", "config", "--syntax-only", "prometheus.yml")


def test_alarms_go_to_an_alertmanager() -> None:
    configuration = yaml.safe_load((FILES / "prometheus.yml").read_text())
    (alertmanager,) = configuration["alerting"]["alertmanagers"]
    assert alertmanager["static_configs"] == [{"targets": ["localhost:9093"]}]


@needs_promtool
def test_the_alarms_ring_when_they_should() -> None:
    run_promtool("test", "rules", "alerts_test.yml")


def test_each_alarm_has_figures_by_which_it_must_ring() -> None:
    assert {case.alert for case in CASES} == {rule["alert"] for rule in rules()}


@needs_promtool
def test_each_alarm_rings_above_its_limit_after_its_time_and_not_below(tmp_path: Path) -> None:
    tests = []
    for rule in rules():
        alone, of_it = promtool_files(rule)
        tests.append(tmp_path / f"test-{rule['alert']}.yml")
        (tmp_path / f"{rule['alert']}.yml").write_text(yaml.safe_dump(alone))
        tests[-1].write_text(yaml.safe_dump(of_it))
    run_promtool("test", "rules", *tests)


@needs_promtool
def test_promtool_takes_the_expressions_of_the_panels(tmp_path: Path) -> None:
    texts = [each["expr"] for panel in panels() for each in panel.get("targets", [])]
    of_panels = [
        {"record": f"panel:{number}", "expr": text.replace("$instance", ".*")}
        for number, text in enumerate(texts)
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": of_panels}]}))
    run_promtool("check", "rules", file)


@needs_promtool
def test_promtool_takes_the_text_of_the_page() -> None:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=text_of(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
