"""deploy/install.py: uv with pip's settings, pip if uv fails, and the environments that are
kept.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile, ZipInfo

import pytest

from ledger.env import BASE_DIR

Run = Callable[[str, str], "subprocess.CompletedProcess[str]"]
SCRIPT = BASE_DIR / "deploy/install.py"
LISTED = """:env:.cert='/etc/ssl/own.crt'
:env:.no-index='true'
:env:.proxy='http://proxy.example:3128'
:env:.timeout=''
global.client-cert='/etc/ssl/own.pem'
global.default-timeout='30'
global.extra-index-url='https://one.example/simple\\nhttps://two.example/simple'
global.find-links='/wheels https://three.example'
global.index-url='https://global.example/simple'
install.index-url='https://user:p=ss@install.example/simple'
global.timeout='90'
global.trusted-host='one.example two.example:8080'
global.proxy=''
freeze.index-url='https://freeze.example/simple'
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = spec_from_file_location("install", SCRIPT)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(folder: Path, name: str, program: str = "") -> str:
    """Creates a package with one module, or with a program of this shell code. Returns the
    package's line for a lock.
    """
    file = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with ZipFile(file, "w") as archive:
        if program:
            script = ZipInfo(f"{name}-1.0.data/scripts/{name}")
            script.external_attr = 0o100755 << 16
            archive.writestr(script, f"#!/bin/sh\n{program}\n")
        else:
            archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"


def install(
    folder: Path, lock: str, path: str, script: Path = SCRIPT
) -> "subprocess.CompletedProcess[str]":
    """Installs a lock of this folder into its .venv, only with packages of the folder."""
    return subprocess.run(
        [sys.executable, script, lock, ".venv"],
        cwd=folder,
        env={
            "PATH": path,
            "HOME": str(folder),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": str(folder),
            "PIP_NO_INDEX": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A function that installs a lock of this folder with a script in place of uv."""

    def run(lock: str, uv: str) -> "subprocess.CompletedProcess[str]":
        programs = tmp_path / "programs"
        programs.mkdir(exist_ok=True)
        (programs / "uv").write_text(f"#!/bin/sh\n{uv}\n")
        (programs / "uv").chmod(0o755)
        return install(tmp_path, lock, f"{programs}:{os.environ['PATH']}")

    return run


@pytest.fixture
def run_without_uv(tmp_path: Path) -> Run:
    """A function that installs a lock of this folder on a machine without uv. The package uv
    contains the script.
    """

    def run_without_uv(lock: str, uv: str) -> "subprocess.CompletedProcess[str]":
        script = tmp_path / "deploy" / SCRIPT.name
        script.parent.mkdir()
        shutil.copy(SCRIPT, script)
        of_uv = wheel(tmp_path, "uv", uv) if uv else "uv==1.0 --hash=sha256:" + "0" * 64
        (tmp_path / "requirements-uv.lock").write_text(of_uv)
        return install(tmp_path, lock, "", script)

    return run_without_uv


def modules(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob(".venv/lib/python*/site-packages/*.py")}


def test_uv_gets_pips_settings(script: ModuleType) -> None:
    variables, arguments = script.uv_settings(script.pip_settings(LISTED))
    assert variables == {
        "UV_DEFAULT_INDEX": "https://user:p=ss@install.example/simple",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_FIND_LINKS": "/wheels,https://three.example",
        "UV_INSECURE_HOST": "one.example two.example:8080",
        "SSL_CERT_FILE": "/etc/ssl/own.crt",
        "SSL_CLIENT_CERT": "/etc/ssl/own.pem",
        "HTTP_PROXY": "http://proxy.example:3128",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "UV_HTTP_TIMEOUT": "90",
    }
    assert arguments == ["--no-index"]
    assert script.uv_settings({"default-timeout": "30"}) == ({"UV_HTTP_TIMEOUT": "30"}, [])


def test_without_settings_of_pip_uv_gets_none(script: ModuleType) -> None:
    assert script.uv_settings(script.pip_settings("")) == ({}, [])


def test_the_environment_wins_over_settings_of_pip(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX_URL", "https://of-the-environment.example")
    command = ["sh", "-c", 'test "$UV_INDEX_URL" = https://of-the-environment.example']
    assert script.run(command, {"UV_INDEX_URL": "https://of-pip.example"}) == ""


def test_uv_installs_with_hashes_and_the_settings_of_the_environment(
    tmp_path: Path, run: Run
) -> None:
    (tmp_path / "requirements.lock").touch()
    done = run("requirements.lock", 'echo "$@" > given; echo "$UV_FIND_LINKS" >> given')
    assert done.returncode == 0, done.stderr
    arguments, links = (tmp_path / "given").read_text().splitlines()
    assert links == str(tmp_path)
    assert {"--require-hashes", "--compile-bytecode", "--no-index"} <= set(arguments.split())
    assert (tmp_path / ".venv/.installed").exists()


def test_pip_installs_the_same_lock_if_uv_fails(tmp_path: Path, run: Run) -> None:
    (tmp_path / "requirements.lock").write_text(wheel(tmp_path, "first"))
    done = run("requirements.lock", "exit 1")
    assert done.returncode == 0, done.stderr
    assert modules(tmp_path) == {"first"}


def test_without_uv_it_comes_from_the_index_and_goes_again(
    tmp_path: Path, run_without_uv: Run
) -> None:
    (tmp_path / "requirements.lock").touch()
    done = run_without_uv("requirements.lock", 'echo "$@" >> given')
    assert done.returncode == 0, done.stderr
    installed, removed = (tmp_path / "given").read_text().splitlines()
    python = str(tmp_path / ".venv/bin/python")
    assert installed.startswith("pip install ")
    assert {python, "--require-hashes", "requirements.lock"} <= set(installed.split())
    assert removed.startswith("pip uninstall ")
    assert {python, "uv"} <= set(removed.split())
    assert (tmp_path / ".venv/.installed").exists()
    assert "uv failed" not in done.stdout


@pytest.mark.parametrize("uv", ["exit 1", ""], ids=["fails", "is in no index"])
def test_pip_installs_the_lock_if_the_uv_of_the_index_cannot(
    tmp_path: Path, run_without_uv: Run, uv: str
) -> None:
    (tmp_path / "requirements.lock").write_text(wheel(tmp_path, "first"))
    done = run_without_uv("requirements.lock", uv)
    assert done.returncode == 0, done.stderr
    assert modules(tmp_path) == {"first"}


@pytest.mark.parametrize("hashes", ["--hash=sha256:" + "0" * 64, ""], ids=["wrong", "none"])
def test_a_wrong_hash_is_refused_and_leaves_no_stamp(tmp_path: Path, run: Run, hashes: str) -> None:
    package, _ = wheel(tmp_path, "first").split()
    (tmp_path / "requirements.lock").write_text(f"{package} {hashes}\n")
    done = run("requirements.lock", "echo no wheel fits >&2; exit 1")
    assert done.returncode != 0
    assert "no wheel fits" in done.stderr
    assert "hash" in done.stderr.lower()
    assert not (tmp_path / ".venv/.installed").exists()


def test_a_second_lock_is_added_and_a_changed_one_replaced(tmp_path: Path, run: Run) -> None:
    runtime, dev = tmp_path / "requirements.lock", tmp_path / "requirements-dev.lock"
    runtime.write_text(wheel(tmp_path, "first"))
    run(runtime.name, "exit 1")
    dev.write_text(runtime.read_text() + wheel(tmp_path, "second"))
    kept = tmp_path / ".venv/kept"
    kept.touch()
    run(dev.name, "exit 1")
    assert (modules(tmp_path), kept.exists()) == ({"first", "second"}, True)
    assert (tmp_path / ".venv/.installed-dev").exists()

    dev.write_text(runtime.read_text() + wheel(tmp_path, "third"))
    run(dev.name, "exit 1")
    assert modules(tmp_path) == {"first", "third"}
    assert (tmp_path / ".venv/.installed").exists()


def test_a_lock_is_not_added_to_an_environment_of_an_older_one(tmp_path: Path, run: Run) -> None:
    runtime, dev = tmp_path / "requirements.lock", tmp_path / "requirements-dev.lock"
    runtime.write_text(wheel(tmp_path, "old"))
    run(runtime.name, "exit 1")
    runtime.write_text(wheel(tmp_path, "new"))
    dev.write_text(runtime.read_text())
    run(dev.name, "exit 1")
    assert modules(tmp_path) == {"new"}


def test_an_addition_that_was_stopped_makes_the_environment_again(tmp_path: Path, run: Run) -> None:
    runtime, dev = tmp_path / "requirements.lock", tmp_path / "requirements-dev.lock"
    runtime.write_text(wheel(tmp_path, "first"))
    run(runtime.name, "exit 1")
    dev.write_text(runtime.read_text() + wheel(tmp_path, "second"))
    run(dev.name, "kill -9 $PPID")
    stamp = tmp_path / ".venv/.installed-dev"
    assert stamp.stat().st_mtime < dev.stat().st_mtime  # make runs the installation again

    half = tmp_path / ".venv/half"
    half.touch()
    run(dev.name, "exit 1")
    assert (modules(tmp_path), half.exists()) == ({"first", "second"}, False)
    assert stamp.stat().st_mtime >= dev.stat().st_mtime


def test_an_addition_that_fails_leaves_what_was_there(tmp_path: Path, run: Run) -> None:
    runtime, dev = tmp_path / "requirements.lock", tmp_path / "requirements-dev.lock"
    runtime.write_text(wheel(tmp_path, "first"))
    run(runtime.name, "exit 1")
    dev.write_text(runtime.read_text() + "nowhere==1.0 --hash=sha256:" + "0" * 64 + "\n")
    assert run(dev.name, "exit 1").returncode != 0
    assert (tmp_path / ".venv/.installed").exists()
    assert not (tmp_path / ".venv/.installed-dev").exists()


def test_without_uv_and_pip_it_says_what_to_install(
    tmp_path: Path, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "pip_of_this_python", list)
    monkeypatch.setattr(script.shutil, "which", lambda *_given, **_more: None)
    errors = script.install(tmp_path / "requirements.lock", tmp_path / ".venv/bin/python")
    assert "apt-get install python3-venv" in errors


def test_a_python_without_pip_has_that_of_ensurepip(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "find_spec", lambda _name: None)
    pip = script.pip_of_this_python()
    done = subprocess.run([*pip, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("pip ")
