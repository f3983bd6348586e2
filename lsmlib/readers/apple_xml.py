"""The export of Apple Health as a stream of elements: gigabytes of XML in little memory, and no trust in any of it.

The DOCTYPE never reaches the parser. Apple's own has been malformed in some versions of iOS, and what else stands in
one, entities and references to other files, is how XML attacks its readers. It is cut out, line numbers kept.
"""

import codecs
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, NoReturn
from xml.parsers import expat

from tqdm.auto import tqdm

CHUNK = 1 << 18  # bytes read at a time
PROLOG = 1 << 20  # bytes in which the root element must begin
LONGEST_TAG = 1 << 22  # bytes the parser may hold back in wait for the end of a tag
DEEPEST = 100  # elements within elements; Apple's reach four
MOST_NAMES = 10_000  # different names of elements and attributes; the parser never forgets one
_DOCTYPE_MARKS = re.compile(rb"<!--|\[|\]\s*>|>")
_LINE_ENDS = re.compile(rb"\r\n?|\n")

# Names and values of an element's attributes by turns, and its line. Not a dict: most elements are looked at once and
# dropped, and building it is what takes longest.
Take = Callable[[list[str], int], None]


def find_export(path: Path) -> tuple[Path, str | None]:
    """The XML of an export: the file, and if that is an archive, the name within it.

    iOS translates the file's name, so any .xml counts, except the clinical documents beside it (``export_cda.xml``).

    Args:
        path: ``export.xml``, the folder ``apple_health_export`` or one that holds it, or ``export.zip``.

    Raises:
        FileNotFoundError: if ``path`` does not exist.
        ValueError: if there is no such XML in it, or several and none is called export.xml, or it is no archive.
    """
    if not path.exists():
        raise FileNotFoundError(
            f"there is no {path}; expected export.xml, the folder apple_health_export or export.zip"
        )
    if path.is_dir():
        folders = [folder for folder in (path / "apple_health_export", path) if folder.is_dir()]
        names = [str(file) for folder in folders[:1] for file in sorted(folder.iterdir()) if file.is_file()]
        return Path(_choose(names, str(path))), None
    if not zipfile.is_zipfile(path):
        return path, None
    with _reading(path.name), zipfile.ZipFile(path) as archive:
        return path, _choose(archive.namelist(), path.name)


def _choose(names: list[str], where: str) -> str:
    found = [one for one in names if one.lower().endswith(".xml") and not one.lower().endswith("_cda.xml")]
    found = [one for one in found if Path(one).parent.name not in ("electrocardiograms", "workout-routes", "__MACOSX")]
    named = [one for one in found if Path(one).name.lower() == "export.xml"] or found
    if len(named) != 1:
        raise ValueError(
            f"{where} holds {'no export.xml' if not named else f'several .xml files: {sorted(named)[:5]}'}; expected "
            "the export of Apple Health (in Health: your picture, Export All Health Data). Pass the path of its XML"
        )
    return named[0]


def parse_export(
    path: Path, member: str | None, takers: Mapping[str, Take], flush: Callable[[], None], progress: bool
) -> None:
    """Hand every element of some names to its taker, in the order of the file.

    Args:
        path: the file, or the archive.
        member: the file's name within the archive.
        takers: from names of elements to what takes their attributes and line.
        flush: called between chunks of the file.
        progress: whether to show a bar over the bytes.

    Raises:
        ValueError: for whatever is not whole, well-formed XML of Apple Health, with file and line.
    """
    name = path.name if member is None else f"{Path(member).name} in {path.name}"
    with _reading(name), _open(path, member) as (file, size):
        bar = tqdm(total=size, desc=f"reading {name}", unit="B", unit_scale=True, disable=not progress, delay=1)
        with bar:
            _parse(name, _as_utf8(name, file, bar.update), takers, flush)


def _parse(name: str, chunks: Iterator[bytes], takers: Mapping[str, Take], flush: Callable[[], None]) -> None:
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) > PROLOG:
            break
    if not head.strip():
        raise ValueError(f"{name} is empty; expected the export of Apple Health. Export it again")
    begun, ended = 0, list[str]()
    parser = expat.ParserCreate("utf-8")

    def start_root(element: str, attributes: list[str]) -> None:
        if element != "HealthData":
            which = " That is the clinical document beside it" if element == "ClinicalDocument" else ""
            _refuse(name, parser, f"the root element is {element[:40]!r}; expected 'HealthData' of export.xml.{which}")
        parser.StartElementHandler = start
        start(element, attributes)

    def start(element: str, attributes: list[str]) -> None:
        nonlocal begun
        begun += 1
        take = takers.get(element)
        if take is not None:
            take(attributes, parser.CurrentLineNumber)

    def start_doctype(*_: object) -> None:
        _refuse(name, parser, "a DOCTYPE that does not end, or a second one; Apple writes one. Is the file damaged?")

    def start_xml(_: str, encoding: str | None, __: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "utf-16", "us-ascii"):
            _refuse(name, parser, f"the encoding is {encoding[:40]!r}; expected UTF-8, as Apple writes it")

    parser.ordered_attributes = True
    parser.XmlDeclHandler = start_xml
    parser.StartElementHandler = start_root
    parser.EndElementHandler = ended.append  # counted only: a list is filled without a call of Python
    parser.StartDoctypeDeclHandler = start_doctype
    fed = 0
    try:
        for chunk in chain(_slice(_cut_doctype(name, head.removeprefix(codecs.BOM_UTF8))), chunks):
            parser.Parse(chunk)
            fed += len(chunk)
            begun -= len(ended)
            ended.clear()
            if (
                fed - max(parser.CurrentByteIndex, 0) > LONGEST_TAG
                or begun > DEEPEST
                or len(parser.intern) > MOST_NAMES
            ):
                _refuse(name, parser, "tags of millions of characters, names or levels; this was not made by Apple")
            flush()
        parser.Parse(b"", True)
        flush()
    except expat.ExpatError as error:
        words = expat.errors.messages.get(error.code, str(error))
        is_cut = error.code in _CUT_OFF
        raise ValueError(
            f"{name}, line {error.lineno}: {words}. "
            + ("The file is cut off; copy or unpack it again" if is_cut else "The file is damaged; export it again")
        ) from error


_CUT_OFF = {
    expat.errors.codes[words]
    for words in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
}


def _refuse(name: str, parser: expat.XMLParserType, what: str) -> NoReturn:
    raise ValueError(f"{name}, line {parser.CurrentLineNumber}: {what}")


def _slice(head: bytes) -> Iterator[bytes]:
    return (head[at : at + CHUNK] for at in range(0, len(head), CHUNK))


def _cut_doctype(name: str, head: bytes) -> bytes:
    """The beginning of a document without its DOCTYPE; as many ends of lines stay."""
    at = 0
    while True:
        at = len(head) - len(head[at:].lstrip(b" \t\r\n"))
        if head.startswith(b"<?", at):
            end = head.find(b"?>", at) + 2
        elif head.startswith(b"<!--", at):
            end = head.find(b"-->", at + 4) + 3
        elif head.startswith(b"<!DOCTYPE", at):
            end = _find_doctype_end(head, at)
            if end > at:
                lines = len(_LINE_ENDS.findall(head, at, end))
                return head[:at] + b" " + b"\n" * lines + head[end:]  # the blank parts them from a \r before
        else:
            return head
        if end < at:
            if len(head) <= PROLOG:  # the whole file: the parser says what is wrong
                return head
            line = 1 + len(_LINE_ENDS.findall(head, 0, at))
            raise ValueError(
                f"{name}, line {line}: a DOCTYPE or comment of more than a million characters before the first element;"
                " Apple's has some thousand. Is this the export of Apple Health?"
            )
        at = end


def _find_doctype_end(head: bytes, at: int) -> int:
    """Where a DOCTYPE ends, -1 if nowhere. Its declarations are not looked at: they may be malformed."""
    is_inside = False
    while mark := _DOCTYPE_MARKS.search(head, at):
        at = mark.end()
        match mark[0]:
            case b"<!--":
                at = head.find(b"-->", at) + 3
                if at < 3:
                    return -1
            case b"[":
                is_inside = True
            case b">":
                if not is_inside:
                    return at
            case _:
                return at
    return -1


def _as_utf8(name: str, file: IO[bytes], update: Callable[[int], object]) -> Iterator[bytes]:
    """The file in chunks; UTF-16 becomes UTF-8, with its mark in front."""
    first = file.read(CHUNK)
    is_wide = first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if not is_wide and b"\0" in first[:4]:
        raise ValueError(f"{name}, line 1: this is not XML; expected export.xml of Apple Health")
    chunks = chain([first], iter(lambda: file.read(CHUNK), b""))
    if is_wide:
        yield codecs.BOM_UTF8
        decoder = codecs.getincrementaldecoder("utf-16")()
    for chunk in chunks:
        update(len(chunk))
        yield decoder.decode(chunk).encode() if is_wide else chunk
    if is_wide:
        decoder.decode(b"", True)


@contextmanager
def _open(path: Path, member: str | None) -> Iterator[tuple[IO[bytes], int]]:
    if member is None:
        with path.open("rb") as file:
            yield file, path.stat().st_size
    else:
        with zipfile.ZipFile(path) as archive:
            about = archive.getinfo(member)
            if about.flag_bits & 1:
                raise NotImplementedError("it is encrypted")
            with archive.open(about) as file:
                yield file, about.file_size


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Errors of archives and encodings in words."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{name} is damaged or cut off ({error}); copy the archive again") from error
    except NotImplementedError as error:
        raise ValueError(f"{name} cannot be unpacked ({error}); unpack it yourself, and pass the folder") from error
    except UnicodeError as error:
        raise ValueError(f"{name} is not text ({error}). The file is damaged or cut off; export it again") from error
