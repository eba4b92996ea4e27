"""A computer of its own for a test, without a container engine: Debian with systemd, as installed
here, in Linux namespaces.

Its disk is that of this computer with a layer above it (overlayfs) which takes every change and is
gone with the machine. It has its own processes, users, control groups and loopback network, and
reaches no other network. It needs root, overlayfs and systemd.
"""

import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ledger.processes import wait_until

SYSTEMD = Path("/lib/systemd/systemd")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "HOME": "/root", "LANG": "C.UTF-8"
}  # fmt: skip
OWN = ("mount", "net", "pid", "uts", "ipc")
PROGRAMS = ("unshare", "nsenter", "chroot", "mount", "ip")
LAYER = """
set -e
mount -t tmpfs tmpfs {layer}
mkdir {layer}/changes {layer}/work {layer}/disk {layer}/groups
mount -t cgroup2 cgroup2 {layer}/groups
mkdir {layer}/groups/{group}
echo 0 > {layer}/groups/{group}/cgroup.procs
mount -t overlay overlay -o lowerdir=/,upperdir={layer}/changes,workdir={layer}/work {layer}/disk
disk={layer}/disk
mount -t proc proc $disk/proc
mount -t sysfs sysfs $disk/sys
for folder in run tmp dev; do mount -t tmpfs tmpfs $disk/$folder; done
chmod 755 $disk/run $disk/dev
chmod 1777 $disk/tmp
for device in null zero full random urandom tty; do
    touch $disk/dev/$device
    mount --bind /dev/$device $disk/dev/$device
done
mkdir $disk/dev/pts $disk/dev/shm
mount -t devpts devpts $disk/dev/pts -o newinstance,ptmxmode=0666
mount -t tmpfs tmpfs $disk/dev/shm
ln -s pts/ptmx $disk/dev/ptmx
ln -s /proc/self/fd $disk/dev/fd
for folder in {shared}; do
    mkdir -p $disk$folder
    mount --bind $folder $disk$folder
done
ip link set lo up
exec unshare --cgroup bash -e -c '
    mount -t cgroup2 cgroup2 {layer}/disk/sys/fs/cgroup
    exec chroot {layer}/disk env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
        {systemd} --system --unit=basic.target --log-target=null --show-status=no'
"""
# With common control groups, the systemd of one machine would wait for processes of another.
FORGET = "mount -t cgroup2 cgroup2 {layer} && find {layer}/{group} -depth -type d -delete"


def missing() -> str:
    """What such a machine needs and this computer lacks; empty if it can be made."""
    if os.geteuid() != 0:
        return "root"
    if not SYSTEMD.exists():
        return "systemd"
    absent = [name for name in PROGRAMS if not shutil.which(name)]
    return ", ".join(absent)


@dataclass
class Machine:
    """A running machine; `pid` is that of its systemd."""

    pid: int

    def run(self, command: str, **environment: str) -> str:
        """Runs a command of the shell as root, and returns what it prints. Raises
        AssertionError with that, and the end of the journal, if it fails.
        """
        done = self._run(command, environment)
        if done.returncode:
            journal = self._run("journalctl --no-pager --lines 60", {}).stdout
            raise AssertionError(
                f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}\n{journal}"
            )
        return done.stdout

    def _run(self, command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        inside = ("nsenter", f"--target={self.pid}", "--all", "--root", "--wdns=/root")
        values = [f"{name}={value}" for name, value in {**ENVIRONMENT, **environment}.items()]
        shell = ("/bin/bash", "-e", "-o", "pipefail", "-c", command)
        return subprocess.run(
            [*inside, "/usr/bin/env", "-i", *values, *shell],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip


@contextmanager
def machine(layer: Path, *shared: Path) -> Iterator[Machine]:
    """Starts one; `layer` is an empty folder for its changes, and it sees the folders `shared` of
    this computer under their own names.
    """
    names = {"layer": layer, "group": f"machine-{uuid.uuid4()}", "systemd": SYSTEMD}
    script = LAYER.format(shared=" ".join(str(folder) for folder in shared), **names)
    outside = subprocess.Popen(
        ["unshare", *(f"--{kind}" for kind in OWN), "--fork", "--kill-child", "bash", "-c", script],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        wait_until(lambda: bool(_children(outside.pid)))
        found = Machine(_children(outside.pid)[0])
        wait_until(lambda: _is_up(found))
        yield found
    finally:
        for pid in _children(outside.pid):
            os.kill(pid, signal.SIGKILL)  # without its first process nothing of it is left
        outside.wait(timeout=60)
        subprocess.run(["unshare", "--mount", "sh", "-c", FORGET.format(**names)], check=True)


def _children(pid: int) -> list[int]:
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _is_up(found: Machine) -> bool:
    try:
        return "active" in found.run("systemctl is-active basic.target || true").split()
    except AssertionError:
        return False
