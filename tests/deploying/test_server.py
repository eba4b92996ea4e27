"""docs/deploy-server.md: its commands, on a Debian of its own with systemd."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploying.machine import Machine, machine, missing

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/deploy-server.md").read_text()
SECTIONS = dict(re.findall(r"```console (\w+)\n(.*?)```", PAGE, re.DOTALL))
LOCK = ROOT / "requirements-image.lock"
REPOSITORY = "https://git.example/ledger.git"
# Made by hand in place of an authority that everybody knows.
CERTIFICATE = """
cd /etc/ledger/tls
authority=/usr/local/share/ca-certificates/authority.crt
key="-newkey rsa:2048 -nodes -keyout"
openssl req -x509 $key /root/ca.key -subj /CN=authority -out $authority
openssl req $key privkey.pem -subj /CN=bank.example -addext subjectAltName=DNS:bank.example |
    openssl x509 -req -CA $authority -CAkey /root/ca.key -CAcreateserial \\
    -copy_extensions copy -out fullchain.pem
update-ca-certificates
echo 127.0.0.1 bank.example >> /etc/hosts
"""

absent = missing() or next(
    (name for name in ("nginx", "pg_ctlcluster", "openssl", "curl") if not shutil.which(name)), ""
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(absent), reason=f"needs {absent}, which is not here"),
]


def commands(section: str) -> list[str]:
    return [line[2:] for line in SECTIONS[section].splitlines() if line.startswith("$ ")]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip would load: the machine reaches no network."""
    folder = tmp_path_factory.mktemp("wheels")
    download = [str(folder / "venv/bin/python"), "-m", "pip", "download", "--quiet"]
    subprocess.run(["/usr/bin/python3", "-m", "venv", folder / "venv"], check=True)
    subprocess.run(
        [*download, "--require-hashes", "-r", str(LOCK), "-d", str(folder)],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the files of this folder as they are now."""
    folder = tmp_path_factory.mktemp("git") / "ledger"
    listed = [
        "git",
        "-C",
        str(ROOT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    names = subprocess.run(listed, check=True, capture_output=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    who = ["-c", "user.name=Tests", "-c", "user.email=tests@bank.example"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "As it is"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    return folder


@pytest.fixture(scope="module")
def debian(
    tmp_path_factory: pytest.TempPathFactory, wheels: Path, repository: Path
) -> Iterator[Machine]:
    """A Debian on which the packages of the page are installed and nothing else was done."""
    with machine(tmp_path_factory.mktemp("machine"), wheels, repository) as found:
        found.run("git config --system --add safe.directory '*'; systemctl start postgresql")
        yield found


def follow(debian: Machine, section: str, wheels: Path, repository: Path) -> str:
    """Runs the commands of a section, and returns what the last one printed."""
    printed = ""
    for command in commands(section):
        printed = debian.run(
            command.replace(REPOSITORY, str(repository)),
            PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels), PIP_DISABLE_PIP_VERSION_CHECK="1",
        )  # fmt: skip
    return printed


def test_the_packages_are_those_that_are_installed_here(debian: Machine) -> None:
    (_update, install) = commands("packages")
    named = install.removeprefix("apt-get install -y ").split()
    for package in named:
        debian.run(f"dpkg --status {package}")


def test_the_page_leads_to_a_bank_over_tls(debian: Machine, wheels: Path, repository: Path) -> None:
    for section in ("accounts", "program", "settings", "database"):
        follow(debian, section, wheels, repository)
    assert '"ready"' in follow(debian, "services", wheels, repository)
    debian.run(CERTIFICATE)
    assert '"alive"' in follow(debian, "nginx", wheels, repository)

    cookie = "--cookie __Host-sessionid=of-nobody"  # which is looked up in the database
    signing_in = debian.run(f"curl --silent --include --location {cookie} https://bank.example/")
    assert "strict-transport-security: max-age=31536000" in signing_in
    assert "Sign in" in signing_in
    assert debian.run("curl --silent --head http://bank.example/").startswith("HTTP/1.1 301")
    roles = "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'ledger'"
    debian.run("systemctl stop ledger-work")
    assert debian.run(f'runuser -u postgres -- psql -Atc "{roles}"').split() == ["ledger_web"]
    debian.run("systemctl start ledger-work")

    files = follow(debian, "backup", wheels, repository)
    assert re.search(r"-rw------- 1 ledger ledger .*\.bank\n", files)
    follow(debian, "upgrade", wheels, repository)
    assert "The books are clean" in debian.run("ledger audit_ledger")
    assert "no issues" in debian.run("ledger check --deploy 2>&1")
    assert "0 loaded units" in debian.run("systemctl --failed --no-pager")

    hidden = "cat /etc/ledger/ledger.env", "touch /srv/ledger/manage.py", "ls /var/backups/ledger"
    for command in hidden:
        with pytest.raises(AssertionError, match="Permission denied"):
            debian.run(f"runuser -u ledger_web -- {command}")
