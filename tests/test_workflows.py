"""The workflows of .github: rules of this repository that linters do not know."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
CHECKS = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text())
OLDEST_PYTHON, FIRST_WITHOUT = 11, 14


def steps_of(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: str(workflow.name))
class TestEachWorkflow:
    def test_every_action_is_pinned_by_digest_with_its_version_beside(self, workflow: Path) -> None:
        used = re.findall(r"uses: (.*)", workflow.read_text())
        assert used
        for action in used:
            assert re.fullmatch(r"[\w/.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action

    def test_every_make_target_exists(self, workflow: Path) -> None:
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        named = [
            target
            for step in steps_of(workflow)
            for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))
        ]
        assert set(named) <= targets

    def test_a_job_gets_no_right_that_it_does_not_name(self, workflow: Path) -> None:
        read = yaml.safe_load(workflow.read_text())
        assert read["permissions"] == {}
        assert all("permissions" in job for job in read["jobs"].values())


def test_the_tests_run_on_each_python_that_the_package_allows() -> None:
    allowed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert allowed == f">=3.{OLDEST_PYTHON},<3.{FIRST_WITHOUT}"
    versions = CHECKS["jobs"]["python"]["strategy"]["matrix"]["python"]
    assert versions == [f"3.{minor}" for minor in range(OLDEST_PYTHON, FIRST_WITHOUT)]


def test_the_tests_run_on_each_postgres_from_15_to_18() -> None:
    job = CHECKS["jobs"]["postgres"]
    assert job["strategy"]["matrix"]["postgres"] == ["15", "16", "17", "18"]
    assert job["env"]["POSTGRES"] == "postgres:${{ matrix.postgres }}"


def test_every_check_of_ci_run_is_one_of_a_job() -> None:
    """Tests every check of .ci/run. The last job runs .ci/run itself, but not for a pull
    request.
    """
    lines = re.findall(r"^ *make ((?:[a-z-]+ ?)+)", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    wanted = {target for line in lines for target in line.split() if target[0] != "-"}
    assert {"check", "workflows", "audit", "test"} <= wanted
    ran = {
        target
        for job in CHECKS["jobs"].values()
        if "if" not in job
        for step in job["steps"]
        for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))
    }
    # Slow tests, the older server, pools and faults run after the merge.
    assert wanted - ran <= {"test-all", "test-older", "test-pool", "test-pgbouncer", "faults"}


def test_a_django_that_is_not_supported_may_fail_and_says_so() -> None:
    job = CHECKS["jobs"]["django"]
    assert job["continue-on-error"] is True
    assert "may fail" in job["name"]


def test_a_pipeline_that_could_not_look_at_the_dependencies_fails() -> None:
    commands = [step.get("run", "") for step in steps_of(ROOT / ".github/workflows/checks.yml")]
    assert [line for line in commands if "make audit" in line] == ["make audit REQUIRED=1"]


LOGIN = {
    "username": "${{ secrets.DOCKERHUB_USER }}",
    "password": "${{ secrets.DOCKERHUB_TOKEN }}",
}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: str(workflow.name))
def test_docker_hub_is_signed_in_to_before_a_pull_if_there_is_a_login(workflow: Path) -> None:
    """Tests the sign-in to Docker Hub. GitHub refuses empty credentials for the containers of a
    job, so no job has credentials.
    """
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    assert not [job for job in jobs if {"services", "container"} & {*job}]
    pulling = [job for job in jobs if "docker" in f"{job['steps']}"]
    assert pulling
    for job in pulling:
        steps = [step for step in job["steps"] if "docker" in f"{step}".lower()]
        assert steps[0]["uses"].startswith("docker/login-action@")
        assert steps[0]["if"] == "env.DOCKERHUB_USER != ''"
        assert job["env"]["DOCKERHUB_USER"] == LOGIN["username"]
        assert steps[0]["with"] == LOGIN


def test_the_image_that_is_tried_is_the_one_that_was_built() -> None:
    (job,) = yaml.safe_load((ROOT / ".github/workflows/image.yml").read_text())["jobs"].values()
    (built,) = [step["with"]["tags"] for step in job["steps"] if step.get("with", {}).get("load")]
    with_compose = [step for step in job["steps"] if "docker compose" in step.get("run", "")]
    assert len(with_compose) == 4
    for step in with_compose:
        assert {**job["env"], **step.get("env", {})}["LEDGER_IMAGE"] == built, step["name"]


class TestTheImage:
    """`image.yml`: the pushed image is the tested image, and no tag is pushed twice."""

    IMAGE = ROOT / ".github/workflows/image.yml"

    def test_nothing_is_built_after_it_was_tried(self) -> None:
        steps = steps_of(self.IMAGE)
        names = [step.get("name", step.get("uses")) for step in steps]
        tried = names.index("Start a bank of it")
        for step in steps[tried:]:
            assert "build" not in step.get("uses", "") + step.get("run", "").replace(
                "--no-build", ""
            )
        builds = [step for step in steps[:tried] if "Build" in step.get("name", "")]
        assert [step["name"] for step in builds] == ["Build", "Build that of AWS"]
        assert builds[0]["with"]["tags"] == "ledger:tried"
        assert "BASE=ledger:tried" in builds[1]["run"]
        assert builds[1]["run"].split()[-1] == "deploy/aws"

    def test_what_is_pushed_was_asked_for_its_commit(self) -> None:
        steps = steps_of(self.IMAGE)
        (build,) = [step for step in steps if step.get("name") == "Build"]
        assert "REVISION=${{ github.sha }}" in build["with"]["build-args"].splitlines()
        names = [step.get("name") for step in steps]
        assert names.index("It knows its commit") < names.index("Push what was tried")

    def test_the_login_of_the_registry_is_in_the_secrets_alone(self) -> None:
        logins = [step for step in steps_of(self.IMAGE) if "login" in step.get("uses", "")]
        (login,) = [step for step in logins if "registry" in step["with"]]
        assert login["with"] == {
            "registry": "${{ env.REGISTRY }}",
            "username": "${{ secrets.REGISTRY_USER }}",
            "password": "${{ secrets.REGISTRY_PASSWORD }}",
        }
        assert "pull_request" in login["if"]

    def test_what_was_tried_is_pushed_by_a_tag_that_does_not_come_again(self) -> None:
        (push,) = [step for step in steps_of(self.IMAGE) if "docker push" in step.get("run", "")]
        assert 'docker tag "ledger:tried$suffix"' in push["run"]
        assert push["env"]["TAG"] == (
            "${{ github.ref_type == 'tag' && github.ref_name || github.sha }}"
        )
        assert "pull_request" in push["if"]


SLICES = CHECKS["jobs"]["slice"]["strategy"]["matrix"]["slice"]


Stages = Callable[..., list[str]]
SECURED = "with policies: "


@pytest.fixture
def stages_of_ci_run(tmp_path: Path) -> Stages:
    """A function that runs .ci/run at a commit, with programs that do nothing, and returns the
    stages.
    """
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    make = f'echo "${{LEDGER_ROW_SECURITY:+{SECURED}}}$*" >> ran'
    programs = {
        "make": make, "git": "echo $COMMIT", "dirname": "echo .ci", "ls": "", "pgbouncer": "",
    }  # fmt: skip
    for name, does in programs.items():
        (tmp_path / name).write_text(f"#!{shutil.which('bash')}\n{does}\n")
        (tmp_path / name).chmod(0o755)

    def stages(**environment: str) -> list[str]:
        (tmp_path / "ran").write_text("")
        subprocess.run(
            [str(shutil.which("bash")), ".ci/run"],
            cwd=tmp_path,
            env={"PATH": str(tmp_path), "PGBOUNCER": "./pgbouncer", **environment},
            capture_output=True,
            check=True,
        )
        return (tmp_path / "ran").read_text().splitlines()

    return stages


def parts_of(stages: list[str]) -> list[str]:
    """Returns the parts of the tests whose slow tests run."""
    found = (re.match(r"test-all .*-m slow --part=(\S+)$", stage) for stage in stages)
    return [match[1] for match in found if match]


# The commands that each configuration must run where it differs.
MONEY = {"tests/transactions/posting"}
FOLDERS = {
    "test-older": {"tests/cookbook", "tests/ledger", "tests/transactions/search", *MONEY},
    "test-pool": {"tests/accounts/security", "tests/banking/payment_files", *MONEY},
    "test-pgbouncer": {"tests/accounts/security", "tests/banking/payment_files", *MONEY},
}


def test_each_run_has_the_fast_tests_in_each_configuration(stages_of_ci_run: Stages) -> None:
    _install, _check, plain, secured, older, bouncer = stages_of_ci_run(LEDGER_CI_SLICE="0")
    assert plain == "test"
    assert secured == f"{SECURED}test TESTS=--database-only"
    for stage, name in ((older, "test-older"), (bouncer, "test-pgbouncer")):
        assert stage.startswith(f"{name} TESTS=-m 'not slow' --database-only tests/")
        assert {*stage.split()} >= MONEY


def test_each_slice_has_its_part_of_each_configuration(stages_of_ci_run: Stages) -> None:
    further = list[str]()
    for slice_ in SLICES:
        stages = stages_of_ci_run(LEDGER_CI_SLICE=slice_)[6:]
        part = f"--part={slice_}/{len(SLICES)}"
        plain, secured, *others = stages
        assert plain == f"test-all TESTS=-m slow {part}"
        assert secured.startswith(f"{SECURED}test-all TESTS=-m 'slow and not browser'")
        assert secured.endswith(part)
        for stage, (name, folders) in zip(others, FOLDERS.items(), strict=False):
            assert stage.startswith(f"{name} TESTS=")
            assert {part, *folders} <= {*stage.split()}
        further += others[len(FOLDERS) :]
    assert len([stage for stage in further if "tests/ledger/db/replicas/" in stage]) == 4
    assert f"{SECURED}test-all TESTS=tests/attacks/test_api.py" in " ".join(further)


def test_a_program_that_is_not_here_leaves_out_its_own_tests_alone(
    stages_of_ci_run: Stages,
) -> None:
    everything = stages_of_ci_run(LEDGER_CI_SLICE="6")
    without = stages_of_ci_run(LEDGER_CI_SLICE="6", PGBOUNCER="nowhere")
    assert [stage for stage in everything if "test-pgbouncer" not in stage] == without


def test_the_slices_of_the_pipeline_are_the_parts_of_the_suite(stages_of_ci_run: Stages) -> None:
    parts = parts_of(stages_of_ci_run(LEDGER_CI_SLICE=" ".join(SLICES)))
    assert parts == [f"{part}/{len(SLICES)}" for part in range(1, len(SLICES) + 1)]
    job = CHECKS["jobs"]["slice"]
    (step,) = [each for each in job["steps"] if ".ci/run" in each.get("run", "")]
    assert "--env LEDGER_CI_SLICE " in step["run"]
    assert step["env"]["LEDGER_CI_SLICE"] == "${{ matrix.slice }}"


def test_each_slice_is_that_of_some_commits(stages_of_ci_run: Stages) -> None:
    commits = range(0x9F1E2D3, 0x9F1E2D3 + len(SLICES))
    chosen = [parts_of(stages_of_ci_run(COMMIT=f"{commit:x}")) for commit in commits]
    assert sorted(chosen) == [[f"{slice_}/{len(SLICES)}"] for slice_ in SLICES]
