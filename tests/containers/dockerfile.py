"""Reads a Dockerfile, and runs its lines without Docker: in an overlay over this machine's files.

Each stage has a folder that takes what it writes; nothing else of the machine changes. Instead of
the image of Python there is Debian's own Python.
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Self

from ledger.env import BASE_DIR

PYTHON = Path("/usr/bin/python3")
# What an image does not have: the checkout, homes, and what others keep in /tmp.
HIDDEN = ("/root", "/home", "/work", "/tmp", "/mnt", "/var/tmp")  # noqa: S108
# How this machine reaches package indexes.
PASSED_ON = re.compile(r"(PIP_.*|.*_proxy|.*_PROXY|SSL_CERT_FILE)")
MOUNT = """
set -e
mount -t overlay overlay -o "lowerdir=$LOWER${UPPER:+,upperdir=$UPPER,workdir=$WORK}" "$MERGED"
mount -t proc proc "$MERGED/proc"
mount --rbind /dev "$MERGED/dev"
for each in $HIDDEN; do
    if [ -d "$MERGED$each" ]; then mount -t tmpfs -o mode=1777 tmpfs "$MERGED$each"; fi
done
echo "$MOUNTS" | while read -r source target access; do
    if [ -z "$source" ]; then continue; fi
    if [ ! -e "$MERGED$target" ]; then mkdir -p "$MERGED$target"; fi
    mount --bind "$source" "$MERGED$target"
    if [ "$access" = ro ]; then mount -o remount,bind,ro "$MERGED$target"; fi
done
exec chroot --userspec="$OWNER" "$MERGED" /usr/bin/env -i "$@"
"""


@dataclass
class Stage:
    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)


def stages_of(text: str) -> dict[str, Stage]:
    """The stages by name, in their order."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    found: dict[str, Stage] = {}
    for line in filter(None, map(str.strip, joined.splitlines())):
        keyword, _, rest = line.partition(" ")
        if keyword == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = Stage(name, base)
        else:
            found[[*found][-1]].steps.append((keyword, rest.strip()))
    return found


def is_sent(path: str, patterns: Sequence[str]) -> bool:
    """Whether .dockerignore lets this file of the folder into the build."""
    is_in = True
    parents = [path, *map(str, Path(path).parents)]
    for pattern in patterns:
        glob = pattern.removeprefix("!").removeprefix("**/")
        anywhere = pattern.startswith("**/")
        places = [Path(each).name for each in parents] if anywhere else parents
        if any(fnmatch(place, glob) for place in places if place not in ("", ".")):
            is_in = pattern.startswith("!")
    return is_in


def context() -> list[str]:
    """The files that a build gets, as paths from the root."""
    lines = (BASE_DIR / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=BASE_DIR, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [path for path in listed.split("\0") if path and is_sent(path, patterns)]


class Build:
    """The stages as folders, and processes in them. A context manager.

    The folders are in memory, in a mount that no other process sees and that ends with this one: an
    overlay over `/` takes none that is below it.
    """

    def __init__(self, stages: Mapping[str, Stage], **arguments: str) -> None:
        self.stages, self.arguments = stages, arguments
        self.environments: dict[str, dict[str, str]] = {}
        self.workdirs: dict[str, str] = {}
        self.users: dict[str, str] = {}
        self.layers: dict[str, list[str]] = {}
        self.ran: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        self.place = tempfile.mkdtemp(prefix="image")
        keep = 'mount -t tmpfs -o mode=755 tmpfs "$1" && echo && exec cat'
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", keep, "sh", self.place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.holder.stdout is not None
        self.holder.stdout.readline()
        self.folder = Path(f"/proc/{self.holder.pid}/root{self.place}")
        python = self.folder / "python/usr/local/bin/python"
        python.parent.mkdir(parents=True)
        python.symlink_to(PYTHON)
        (self.folder / "merged").mkdir()
        return self

    def __exit__(self, *_details: object) -> None:
        self.holder.communicate()  # closes its input, which ends it
        Path(self.place).rmdir()

    def upper(self, stage: str) -> Path:
        """The folder with what this stage wrote, like `/` there."""
        found = self.folder / "layers" / stage
        found.mkdir(parents=True, exist_ok=True)
        return found

    def build(self, *names: str) -> None:
        """Runs every line of these stages. What they come from has to be built before."""
        for name in names:
            stage = self.stages[name]
            base = stage.base if stage.base in self.stages else ""
            self.upper(name)
            self.layers[name] = [name, *self.layers.get(base, [])]
            environment = dict(self.environments.get(base, {}))
            self.workdirs[name] = self.workdirs.get(base, "/")
            self.users[name] = self.users.get(base, "0:0")
            for keyword, rest in stage.steps:
                self._step(name, keyword, rest, environment)
            self.environments[name] = environment

    def _step(self, name: str, keyword: str, rest: str, environment: dict[str, str]) -> None:
        if keyword in ("ENV", "ARG"):
            for item in shlex.split(rest):
                key, _, value = item.partition("=")
                environment[key] = self.arguments.get(key, value) if keyword == "ARG" else value
        elif keyword == "WORKDIR":
            self.workdirs[name] = rest
            (self.upper(name) / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif keyword == "USER":
            self.users[name] = rest
        elif keyword == "COPY":
            self._copy(name, rest)
        elif keyword == "RUN":
            done = self.start(name, ["/bin/sh", "-c", rest], environment, is_built=True)
            output, errors = done.communicate()
            assert done.returncode == 0, f"RUN {rest}\n{output}\n{errors}"
            self.ran.append((name, rest))
        else:
            assert keyword in ("LABEL", "EXPOSE", "VOLUME", "HEALTHCHECK", "CMD", "ENTRYPOINT"), (
                keyword
            )

    def _copy(self, name: str, rest: str) -> None:
        words = shlex.split(rest)
        flags = dict(word[2:].split("=") for word in words if word.startswith("--"))
        *sources, target = [word for word in words if not word.startswith("--")]
        at = self.upper(name) / os.path.join(self.workdirs[name], target).lstrip("/")  # noqa: PTH118
        sent = [] if "from" in flags else context()
        for source in sources:
            if "from" in flags:
                found = self.upper(flags["from"]) / source.lstrip("/")
                shutil.copytree(found, at, symlinks=True, dirs_exist_ok=True)
                continue
            files = [path for path in sent if path == source or path.startswith(f"{source}/")]
            assert files, f"the build gets no file {source}"
            for path in files:
                is_folder = path != source
                place = at / path.removeprefix(f"{source}/") if is_folder else at
                if not is_folder and target.endswith("/"):
                    place = at / Path(path).name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(BASE_DIR / path, place)
                if "chmod" in flags:
                    place.chmod(int(flags["chmod"], 8))

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        is_built: bool = False,
        mounts: Sequence[str] = (),
    ) -> subprocess.Popen[str]:
        """A process in this stage, as its user. Without `is_built` nothing can be written but to
        /tmp and /dev/shm, as with `read_only` and `tmpfs` of compose.yaml, and to the mounts, each
        "source:target" or "source:target:ro".
        """
        shutil.rmtree(self.folder / "overlay-work", ignore_errors=True)
        (self.folder / "overlay-work").mkdir()
        layers = [f"{self.place}/layers/{each}" for each in self.layers[name]]
        lower = [*layers[is_built:], f"{self.place}/python", "/"]
        own = {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}
        inside = {**own, "HOME": "/nonexistent", **environment}
        chdir = f"--chdir={self.workdirs[name]}"
        return subprocess.Popen(
            [
                "nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt",
                "unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", MOUNT, "sh",
                chdir, *(f"{key}={value}" for key, value in inside.items()), *command,
            ],
            env={
                "PATH": os.environ["PATH"],
                "LOWER": ":".join(lower),
                "UPPER": layers[0] if is_built else "",
                "WORK": f"{self.place}/overlay-work",
                "MERGED": f"{self.place}/merged",
                "HIDDEN": " ".join(HIDDEN),
                "MOUNTS": "\n".join(mount.replace(":", " ") for mount in mounts),
                "OWNER": "0:0" if is_built else self.users[name],
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip


def why_not() -> str:
    """Why the lines cannot be run on this machine; "" if they can."""
    if os.geteuid() != 0:
        return "the lines of the Dockerfile are run as root, in an overlay"
    if not PYTHON.exists() or not shutil.which("unshare"):
        return "the lines of the Dockerfile need unshare and Debian's python3"
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return f"the lines of the Dockerfile need mounts: {tried.stderr}" if tried.returncode else ""
