"""The bank of docs/deploy-server.md, on a Debian of its own with systemd."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.console import Block, blocks_of, missing_line
from tests.deploying.machine import Machine, machine, missing
from tests.deploying.wrapper import WRAPPER

ROOT = WRAPPER.parents[2]
PAGE = "docs/deploy-server.md"
SECTIONS = {block.where: block for block in blocks_of(PAGE)}
LOCK = ROOT / "requirements-image.lock"
REPOSITORY = "https://git.example/ledger.git"
# The page asks for a host of one's own in place of its example.
EXAMPLE, HOST = "bank.example", "bank.test"
BACKUP = "2026-11-20.bank"
BASE, MOMENT = "2026-11-20T023000", "2026-11-20 09:30:00+00"
AUTHORITY = "/usr/local/share/ca-certificates/authority.crt"
# Made by hand in place of an authority that everybody knows.
CERTIFICATE = f"""
cd /etc/ledger/tls
authority={AUTHORITY}
key="-newkey rsa:2048 -nodes -keyout"
openssl req -x509 $key /root/ca.key -subj /CN=authority -out $authority
openssl req $key privkey.pem -subj /CN={HOST} -addext subjectAltName=DNS:{HOST} |
    openssl x509 -req -CA $authority -CAkey /root/ca.key -CAcreateserial \\
    -copy_extensions copy -out fullchain.pem
chmod 644 $authority
update-ca-certificates
echo 127.0.0.1 {HOST} >> /etc/hosts
"""
SETTINGS = f"""
cd /etc/ledger
sed -i 's|{EXAMPLE}|{HOST}|' ledger.env
sed -i 's|^EMAIL_URL=.*|EMAIL_URL=smtp://127.0.0.1:2525|' ledger.env
"""
MAIL_SERVER = """
systemd-run --quiet --unit=mail --property=StandardOutput=file:/root/mails \\
    python3 -u -W ignore -m smtpd -n -c DebuggingServer 127.0.0.1:2525
"""

PROGRAMS = ("nginx", "pg_ctlcluster", "openssl", "curl", "logrotate")
absent = missing() or next((name for name in PROGRAMS if not shutil.which(name)), "")
NEEDS_A_MACHINE = pytest.mark.skipif(bool(absent), reason=f"needs {absent}, which is not here")
Follow = Callable[..., str]


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
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"]
    names = subprocess.run(listed, check=True, capture_output=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    commit(folder, "As it is")
    return folder


def commit(repository: Path, message: str) -> None:
    who = ["-c", "user.name=Tests", "-c", "user.email=tests@bank.example"]
    for command in (["add", "-A"], [*who, "commit", "-qm", message]):
        subprocess.run(["git", "-C", str(repository), *command], check=True)


@pytest.fixture(scope="module")
def debian(
    tmp_path_factory: pytest.TempPathFactory, wheels: Path, repository: Path
) -> Iterator[Machine]:
    """A Debian on which the packages of the page are installed and nothing else was done."""
    with machine(tmp_path_factory.mktemp("machine"), wheels, repository) as found:
        found.run("git config --system --add safe.directory '*'; systemctl start postgresql")
        yield found


@pytest.fixture(scope="module")
def follow(debian: Machine, wheels: Path, repository: Path) -> Follow:
    """Runs the commands of a section in one shell, with other words in place of the page's, and
    returns what they printed. The shell's umask is that of a cautious administrator.
    """

    def follow(section: str, words: dict[str, str] | None = None) -> str:
        words = {REPOSITORY: str(repository), EXAMPLE: HOST, **(words or {})}
        block: Block = SECTIONS[section]
        commands = "umask 077\n" + "\n".join(step.command for step in block.steps)
        for old, new in words.items():
            commands = commands.replace(old, new)
        printed = debian.run(
            commands,
            PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels), PIP_DISABLE_PIP_VERSION_CHECK="1",
        )  # fmt: skip
        for step in block.steps:
            assert not missing_line(step, printed), printed
        return printed

    return follow


@pytest.fixture(scope="module")
def bank(debian: Machine, follow: Follow) -> Machine:
    """The page followed as far as a bank that is served over TLS."""
    for section in ("accounts", "program", "settings"):
        follow(section)
    debian.run(SETTINGS)
    for section in ("settings", "install", "database"):  # settings again: it overwrites nothing
        follow(section)
    assert '"ready"' in follow("services")
    follow("nginx")
    debian.run(CERTIFICATE)
    assert '"alive"' in follow("tls")
    return debian


def psql(bank: Machine, statement: str, database: str = "ledger") -> str:
    return bank.run(f'runuser -u postgres -- psql -d {database} -Atc "{statement}"').strip()


def serves(bank: Machine) -> bool:
    return '"ready"' in bank.run(f"curl --silent https://{HOST}/readyz || true")
