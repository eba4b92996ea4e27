"""The command `ledger` of deploy/server, and settings that are odd enough to be read wrongly."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

WRAPPER = Path(__file__).resolve().parents[2] / "deploy/server/ledger"
ODD = r"""# comment
; another
PLAIN=a$b`date`
SINGLE='p$ss w"rd\'
DOUBLE="a \"b\" \$c $d \n"
PIECES='a'"b"c
  SPACED =  v w~
ESCAPED=a\ b\\c\$
CONTINUED=a\
b
EMPTY=
INSIDE=it's "so"
MAIL='smtp+tls://user:p$w@mail.example:587'
LINES='one
two'
no setting
LAST=x=y""".replace("~", "  ")


def wrapper() -> Any:
    loader = SourceFileLoader("wrapper", str(WRAPPER))
    spec = spec_from_loader("wrapper", loader)
    assert spec
    module = module_from_spec(spec)
    exec(compile(WRAPPER.read_text(), WRAPPER, "exec"), module.__dict__)  # noqa: S102 - no .pyc beside it
    return module
