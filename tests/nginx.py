"""Runs nginx with the configurations of deploy/, on ports and in a folder of the tests."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.env import BASE_DIR
from tests.ledger.processes import LONG, free_port, wait_until
from tests.programs import needs

PROGRAM = shutil.which("nginx", path="/usr/sbin:/usr/bin")
NEEDS_NGINX = needs("nginx", PROGRAM)
SHARED, OF_CONTAINERS, OF_A_SERVER = (
    (BASE_DIR / "deploy" / file).read_text()
    for file in ("nginx/ledger.conf", "nginx/nginx.conf", "server/nginx.conf")
)


def replaced(text: str, words: dict[str, str]) -> str:
    """Returns the text with these words replaced.

    Raises: AssertionError if the text does not contain one of the words.
    """
    for old, new in words.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(folder: Path, configuration: str, shared: str = SHARED) -> Iterator[None]:
    """Runs nginx while the `with` block runs. The configuration must write the pid into the
    folder.
    """
    (folder / "ledger.conf").write_text(shared)
    file = folder / "nginx.conf"
    file.write_text(configuration)
    process = subprocess.Popen([str(PROGRAM), "-e", "stderr", "-c", str(file), "-g", "daemon off;"])
    try:
        wait_until(lambda: process.poll() is not None or any(folder.glob("*pid")))
        assert process.poll() is None
        yield
    finally:
        process.terminate()
        process.wait(LONG)


@contextmanager
def nginx_of_containers(ledger: int, probes: str = "", **changed: str) -> Iterator[int]:
    """Runs the nginx of compose.yaml in front of the server on the port `ledger`. Another server
    gets the probes if `probes` is its port. Yields nginx's port. `changed` contains other values
    for lines, such as send_timeout="1s".
    """
    port, shared = free_port(), SHARED
    for name, value in changed.items():
        shared, count = re.subn(rf"^{name} \S+;", f"{name} {value};", shared, flags=re.MULTILINE)
        assert count == 1, name
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # an nginx that root starts writes as another user
        words = {
            "8080": f"127.0.0.1:{port}", "web:8000": f"127.0.0.1:{ledger}",
            "web:8001": f"127.0.0.1:{probes or ledger}", "/tmp": folder,  # noqa: S108
        }  # fmt: skip
        with nginx(Path(folder), replaced(OF_CONTAINERS, words), shared):
            yield port
