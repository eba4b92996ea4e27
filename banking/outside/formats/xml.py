"""Reads XML files from untrusted sources, element by element. Refuses a document type, entities,
deep nesting and very long texts.
"""

from collections.abc import Iterator
from typing import IO, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ExpatError, ParserCreate

from banking.outside.formats.lines import (
    CUT,
    MAX_BYTES,
    MAX_TAGS,
    TooManyLines,
    UnreadableStatement,
    bounded,
)

MAX_DEPTH = 40
MAX_BYTES_BETWEEN_ENDS = 256 * 1024  # maximum number of bytes without the end of an element
MAX_BYTES_OF_ELEMENT = 2 * 1024 * 1024  # maximum number of bytes of one wanted element
CHUNK_SIZE = 16 * 1024


class _Watched:
    """A wrapper of the file that the XML parser reads. It refuses files and texts that are too
    long.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self.source, self.size, self.since_end = source, 0, 0

    def read(self, size: int = -1) -> bytes:
        part = self.source.read(CHUNK_SIZE if size < 0 else min(size, CHUNK_SIZE))
        self.size += len(part)
        self.since_end += len(part)
        if self.size > MAX_BYTES:
            raise UnreadableStatement(
                f"The file has more than {MAX_BYTES // 1024**2} MB. Download fewer months."
            )
        if self.since_end > MAX_BYTES_BETWEEN_ENDS:
            raise UnreadableStatement("A text of the file is far longer than a statement needs.")
        if b"\x00" in part:
            raise UnreadableStatement(
                "We cannot read this file. If it is text in UTF-16, save it as UTF-8."
            )
        return part


def elements(source: IO[bytes], wanted: frozenset[str], most: int) -> Iterator[tuple[str, Element]]:
    """Yields each element whose name is in `wanted`, with its name without a namespace. The element
    is complete when it is yielded, and is deleted afterwards. Does not yield an element inside
    another yielded element.

    The first pair is different: it is yielded when the root element begins, and its name is "root "
    followed by the name of the root element.

    Raises: UnreadableStatement if the file is not valid XML, or if a wanted element contains more
    than `most` elements.
    """
    source.seek(0)
    try:
        yield from bounded(_elements(_Watched(source), wanted, most))
    except ExpatError as error:
        raise UnreadableStatement(
            f"Near line {error.lineno:,} the file is no longer XML. {CUT}"
        ) from None
    except (LookupError, ValueError):
        raise UnreadableStatement(
            "The file declares an encoding that does not match its content. Download it again."
        ) from None


def _elements(
    watched: _Watched, wanted: frozenset[str], most: int
) -> Iterator[tuple[str, Element]]:
    path: list[Element] = []
    outer = began = 0  # depth and position of the current wanted element
    count = first = 0  # number of elements in the file, and before the wanted element
    for is_start, element in _events(watched):
        watched.since_end = 0
        if is_start:
            count += 1
            if count > MAX_TAGS:
                raise TooManyLines(MAX_TAGS, "elements")
            if not path:
                yield f"root {plain_name(element)}", element
            path.append(element)
            if not outer and plain_name(element) in wanted:
                outer, began, first = len(path), watched.size, count
            if outer and count - first > most:
                raise UnreadableStatement(
                    f"One entry of the file has more than {most:,} elements, too many for a bank."
                )
            _refuse_shape(len(path), watched.size - began if outer else 0)
            continue
        if outer == len(path):
            yield plain_name(element), element
            outer = 0
        path.pop()
        if not outer:
            element.clear()
            if path:
                path[-1].remove(element)


def _events(watched: _Watched) -> Iterator[tuple[bool, Element]]:
    """Yields (True, element) at the start of each element, and (False, element) at its end.

    Names keep their prefix. With resolved namespaces, as in ElementTree's parser, each name would
    contain its whole namespace, and a file of 140 KB could need 2 GB of memory.
    """
    builder, found = TreeBuilder(), list[tuple[bool, Element]]()
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda *tag: found.append((True, builder.start(*tag)))
    parser.EndElementHandler = lambda name: found.append((False, builder.end(name)))
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse_document_type
    is_final = False
    while not is_final:
        part = watched.read()
        is_final = not part
        parser.Parse(part, is_final)
        yield from found
        found.clear()


def _refuse_document_type(*_declared: object) -> NoReturn:
    raise UnreadableStatement(
        "The file declares entities or a document type, which statements do not need."
    )


def _refuse_shape(depth: int, size: int) -> None:
    if depth > MAX_DEPTH:
        raise UnreadableStatement("The elements of the file are nested too deeply for a statement.")
    if size > MAX_BYTES_OF_ELEMENT:
        raise UnreadableStatement("One entry of the file is too large for a statement.")


def plain_name(element: Element) -> str:
    """Returns the name of the element without its namespace prefix."""
    return str(element.tag).rpartition(":")[2]


def text_at(element: Element | None, path: str) -> str:
    """Returns the text of the first element at a path of names, such as "Id/IBAN", in any
    namespace. Returns "" if no element is at this path.
    """
    found = at(element, path)
    return (found.text or "").strip() if found is not None else ""


def at(element: Element | None, path: str) -> Element | None:
    """Returns the first element at a path of names, such as "Id/IBAN", in any namespace. Returns
    None if no element is at this path.
    """
    for name in path.split("/"):
        if element is None:
            return None
        element = next((child for child in element if plain_name(child) == name), None)
    return element


def children(element: Element, name: str) -> list[Element]:
    """Returns the direct children that have this name, in any namespace."""
    return [child for child in element if plain_name(child) == name]


def texts_of(element: Element | None, name: str) -> list[str]:
    """Returns the texts of all elements with this name inside `element`, in file order."""
    if element is None:
        return []
    return [(found.text or "").strip() for found in element.iter() if plain_name(found) == name]
