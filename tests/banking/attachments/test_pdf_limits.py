"""A small PDF that takes much memory or time is refused, and harms nothing else."""

import os
import subprocess
import sys
import threading
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, NameObject

from banking.attachments import documents, refusals
from banking.attachments.content import fit
from banking.attachments.pdf.messages import TOO_MUCH_WORK
from banking.attachments.refusals import BUSY, UnfitFile
from tests.banking.attachments.files import document, picture
from tests.banking.attachments.pdf_files import (
    add,
    changed,
    picture_of,
    with_content,
    with_object_stream,
)

NO_LIMIT = 10**9


def limited(monkeypatch: pytest.MonkeyPatch, **limits: float) -> None:
    monkeypatch.setattr(documents, "LIMITS", replace(documents.LIMITS, **limits))  # type: ignore[arg-type]


def refusal_of(content: bytes) -> str:
    with pytest.raises(UnfitFile) as refused:
        fit("receipt.pdf", content)
    return str(refused.value)


def with_packed_pictures(*pictures: bytes) -> bytes:
    filters = ArrayObject([NameObject("/FlateDecode"), NameObject("/DCTDecode")])

    def change(writer: PdfWriter) -> None:
        for number, jpeg in enumerate(pictures):
            packed = picture_of(zlib.compress(jpeg, 9), Filter=filters)
            add(writer, "/XObject", packed, f"/I{number}")

    return changed(change)


def bomb(size: int) -> bytes:
    """A JPEG of so many zeros, which pack well."""
    return b"\xff\xd8\xff\xda\x00\x02" + bytes(size) + b"\xff\xd9"


def test_the_pictures_of_a_document_may_be_only_so_large_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limited(monkeypatch, unpacked=15_000)

    assert fit("a.pdf", with_packed_pictures(bomb(9_000))).content
    assert refusal_of(with_packed_pictures(bomb(9_000), bomb(9_001))) == TOO_MUCH_WORK


def test_the_content_of_pages_may_be_only_so_large_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limited(monkeypatch, unpacked=15_000)

    assert fit("a.pdf", with_content(b" " * 14_000)).content
    assert refusal_of(with_content(b" " * 16_000)) == TOO_MUCH_WORK


def test_one_picture_that_is_too_large_by_itself_is_refused() -> None:
    assert refusal_of(with_packed_pictures(bomb(75_000_000))) == TOO_MUCH_WORK


def test_a_stream_of_objects_may_be_only_so_large(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, in_object_streams=1_000)

    assert fit("a.pdf", with_object_stream(spaces=900)).content
    assert refusal_of(with_object_stream(spaces=1_000)) == TOO_MUCH_WORK


def test_a_document_that_takes_too_much_cpu_time_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limited(monkeypatch, cpu_seconds=1, in_object_streams=NO_LIMIT, wall_seconds=600)

    assert refusal_of(with_object_stream(spaces=70_000_000)) == TOO_MUCH_WORK


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not limit the memory")
def test_a_document_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, memory=300_000_000, unpacked=NO_LIMIT)

    assert fit("a.pdf", document()).content
    assert refusal_of(with_packed_pictures(*[bomb(70_000_000)] * 4)) == TOO_MUCH_WORK


def test_a_document_that_a_busy_machine_does_not_finish_is_not_to_blame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limited(monkeypatch, wall_seconds=0)

    assert refusal_of(document()) == BUSY


def test_the_process_that_reads_documents_is_given_no_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environments: list[dict[str, str]] = []
    run = subprocess.run

    def noted(*args: Any, **options: Any) -> Any:
        environments.append(options["env"])
        return run(*args, **options)

    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    monkeypatch.setattr(subprocess, "run", noted)

    assert fit("a.pdf", document()).content
    assert [set(each) <= set(documents.PASSED_VARIABLES) for each in environments] == [True]


def test_the_process_that_reads_documents_starts_without_django() -> None:
    code = (
        "import sys, banking.attachments.pdf.__main__;"
        "print({'django', 'ledger', 'asyncio'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=documents.ROOT, env={"PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout == "set()\n"


def test_a_process_that_does_not_work_is_no_fault_of_the_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "ROOT", tmp_path)

    with pytest.raises(RuntimeError, match="cleans PDFs"):
        fit("a.pdf", document())


@pytest.mark.parametrize("content", [document(), picture()], ids=["document", "picture"])
def test_who_waits_for_other_files_too_long_is_told(
    content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "WAIT_SECONDS", 0)
    held = threading.Lock()
    held.acquire()
    monkeypatch.setattr(refusals, "_READING", held)

    assert refusal_of(content) == BUSY
