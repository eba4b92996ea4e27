"""Installs the packages of a lock file into a virtual environment: `python deploy/install.py
requirements.lock .venv`.

This program uses uv, because uv takes a quarter of pip's time. If uv is not on PATH, the program
first installs uv with pip. If uv fails, pip installs the packages. The program needs only the
standard library, because the Makefile runs it before any package is installed.
"""

import ast
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV_LOCK = ROOT / "requirements-uv.lock"
NO_VENV = f"{sys.executable} has no venv module; on Debian and Ubuntu: apt-get install python3-venv"
INTERRUPTED = "\nStopped before it was done; the next make begins it again."
QUIET = ("-qq", "--disable-pip-version-check")
# Sources of pip settings. A later source overrides an earlier source.
SECTIONS = ("global", "install", ":env:")
# An option of pip, the equivalent variable of uv, and the separator of several values in the
# variable.
VARIABLES = (
    ("index-url", "UV_DEFAULT_INDEX", ""),
    ("extra-index-url", "UV_INDEX", " "),
    ("find-links", "UV_FIND_LINKS", ","),
    ("trusted-host", "UV_INSECURE_HOST", " "),
    ("cert", "SSL_CERT_FILE", ""),
    ("client-cert", "SSL_CLIENT_CERT", ""),
    ("proxy", "HTTP_PROXY", ""),
    ("proxy", "HTTPS_PROXY", ""),
    ("default-timeout", "UV_HTTP_TIMEOUT", ""),
    ("timeout", "UV_HTTP_TIMEOUT", ""),
)
UV_OPTIONS = (
    "--compile-bytecode",
    # As with pip, an index may offer any version. The hashes decide which file is accepted.
    "--index-strategy=unsafe-best-match",
)


def pip_settings(listed: str) -> dict[str, str]:
    """Returns the options of `pip install` from the output of `pip config list`."""
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.rpartition(".")
        if section in found:
            found[section][option] = ast.literal_eval(value)
    return {option: value for each in found.values() for option, value in each.items() if value}


def uv_settings(settings: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Returns the variables and arguments of uv that are equivalent to these settings of pip."""
    variables = {
        name: separator.join(settings[option].split()) if separator else settings[option]
        for option, name, separator in VARIABLES
        if option in settings
    }
    has_no_index = settings.get("no-index", "").lower() in ("1", "true", "yes", "on")
    return variables, ["--no-index"] if has_no_index else []


def pip_of_this_python() -> list[str]:
    """Returns the command of this Python's pip, or of the pip wheel that Python contains.
    Installing pip into each new environment would take seconds.
    """
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    folders = [Path(os.__file__).parent / "ensurepip/_bundled"]
    if of_debian := sysconfig.get_config_var("WHEEL_PKG_DIR"):
        folders.append(Path(of_debian))
    wheels = [wheel for folder in folders for wheel in folder.glob("pip-*.whl")]
    return [sys.executable, str(wheels[0] / "pip")] if wheels else []


def run(command: list[str], variables: Mapping[str, str] | None = None) -> str:
    """Runs a command. `variables` are additional environment variables. A variable that is already
    set keeps its value. Returns the text of the errors if the command fails, otherwise "".
    """
    environment = {**(variables or {}), **os.environ}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip() or f"{command[0]} failed."


def install_by_uv(uv: str, pip: list[str], python: Path, lock: Path) -> str:
    """Installs the packages of the lock file by uv, with pip's settings. Returns the errors of uv,
    or "".
    """
    listed = ""
    if pip:
        command = [*pip, "config", "list"]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    variables, arguments = uv_settings(pip_settings(listed))
    return run(
        [
            *(uv, "pip", "install", "--quiet", "--python", str(python)),
            *(*UV_OPTIONS, *arguments, "--require-hashes", "-r", str(lock)),
        ],
        variables,
    )


def install(lock: Path, python: Path) -> str:
    """Installs the packages of the lock file. Returns the text of the errors if both uv and pip
    fail, otherwise "".
    """
    pip, uv = pip_of_this_python(), shutil.which("uv")
    by_pip = [*pip, "--python", str(python), "install", *QUIET, "--require-hashes", "-r"]
    if uv:
        errors = install_by_uv(uv, pip, python, lock)
    elif not pip:
        return NO_VENV
    elif not (errors := run([*by_pip, str(UV_LOCK), "--no-compile"])):
        own = str(python.parent / "uv")
        errors = install_by_uv(own, pip, python, lock)
        run([own, "pip", "uninstall", "--quiet", "--python", str(python), "uv"])  # 38 MB
    if errors and pip:
        print("uv failed, now with pip ...", end=" ", flush=True)
        of_pip = run([*by_pip, str(lock)])
        errors = of_pip and f"{errors}\n{of_pip}"
    return errors


def packages_in(folder: Path) -> int:
    return sum(1 for _ in folder.glob("lib/python*/site-packages/*.dist-info"))


def is_current(stamp: Path, lock: Path) -> bool:
    return stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime


def main(lock: Path, folder: Path) -> None:
    """Installs the packages of `lock` into the environment in `folder`. Makes a new environment,
    unless `folder` is an environment with the current requirements.lock and without the stamp file
    of `lock`.

    Each lock file has a stamp file in the environment, which gets the current time at the end. An
    environment that already has this stamp file is made again: it contains packages of an older
    lock file, or only some of the packages after an interrupted installation.
    """
    first = folder / ".installed"
    stamp = folder / f".installed{lock.stem.removeprefix('requirements')}"
    is_new = stamp.exists() or not is_current(first, lock.with_name("requirements.lock"))
    print(f"Installing {lock} into {folder} ...", end=" ", flush=True)
    begun = time.monotonic()
    if is_new:
        if not find_spec("venv"):
            sys.exit(NO_VENV)
        shutil.rmtree(folder, ignore_errors=True)
        if errors := run([sys.executable, "-m", "venv", "--without-pip", str(folder)]):
            sys.exit(f"\n{errors}")
    else:
        stamp.touch()
        os.utime(stamp, (0, 0))
    before = packages_in(folder)
    if errors := install(lock, folder.resolve() / "bin/python"):
        stamp.unlink(missing_ok=True)
        sys.exit(f"\n{errors}")
    if is_new:
        first.touch()
    stamp.touch()
    print(f"{packages_in(folder) - before} packages in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        sys.exit(130)
