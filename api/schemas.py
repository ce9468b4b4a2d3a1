"""What a request asks for, read and checked: every fault at once, each with its place."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeGuard

from api.http import JSON, Fault, Problem, Request, unprocessable
from api.ids import is_id
from api.status import State

MOST_FILES: Final = 100
LONGEST_NAME: Final = 255
PAGE, LARGEST_PAGE = 20, 50


@dataclass(frozen=True, slots=True)
class File:
    """A file that somebody wants to send."""

    name: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Page:
    """Which of the caller's images are asked for; ``cursor`` is the last id of the page before."""

    limit: int = PAGE
    cursor: str | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What files may be."""

    content_types: Sequence[str]
    max_bytes: int


def read_files(request: Request, accepted: Accepted) -> tuple[File, ...]:
    """The files of a POST /uploads.

    Raises:
        Problem: 400 no JSON, 415 not declared as JSON, 422 with every fault.
    """
    request.allow_query()
    if request.content_type != JSON:
        raise Problem(415, f"Send {JSON}: this is {request.content_type or 'of no type'}.", headers={"Accept": JSON})
    document = _parse(request)
    faults = list(_document_faults(document, accepted))
    if faults:
        raise unprocessable(*faults)
    return tuple(File(each["name"], each["content_type"], int(each["size"])) for each in document["files"])


def read_page(request: Request) -> Page:
    """What a GET /images asks for.

    Raises:
        Problem: 422 with every fault.
    """
    request.allow_query("status", "limit", "cursor")
    state, limit, cursor = request.one("status"), request.one("limit"), request.one("cursor")
    faults = []
    if state is not None and state not in list(State):
        faults.append(Fault("?status", f"give one of {', '.join(State)}"))
    if limit is not None and not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= LARGEST_PAGE):
        faults.append(Fault("?limit", f"give a whole number from 1 to {LARGEST_PAGE}"))
    if cursor is not None and not is_id(cursor):
        faults.append(Fault("?cursor", "give the text that was next in the page before"))
    if faults:
        raise unprocessable(*faults)
    return Page(int(limit or PAGE), cursor, State(state) if state else None)


def _parse(request: Request) -> Any:
    try:
        return json.loads(request.decoded(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"The body is not JSON: {error}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _document_faults(document: object, accepted: Accepted) -> Iterator[Fault]:
    if not isinstance(document, dict):
        yield Fault("", 'give a JSON object: {"files": [...]}')
        return
    yield from _unknown("", document, {"files"})
    files = document.get("files")
    if not isinstance(files, list) or not 1 <= len(files) <= MOST_FILES:
        yield Fault("/files", f"give a list of 1 to {MOST_FILES} files")
        return
    for index, each in enumerate(files):
        yield from _file_faults(f"/files/{index}", each, accepted)


def _file_faults(path: str, each: object, accepted: Accepted) -> Iterator[Fault]:
    if not isinstance(each, dict):
        yield Fault(path, "give an object with name, content_type and size")
        return
    yield from _unknown(path, each, {"name", "content_type", "size"})
    if not is_name(each.get("name")):
        yield Fault(f"{path}/name", f"give the file's name: 1 to {LONGEST_NAME} characters")
    if each.get("content_type") not in accepted.content_types:
        yield Fault(f"{path}/content_type", f"give one of {', '.join(accepted.content_types)}")
    size = each.get("size")
    if not _is_whole(size) or not 1 <= size <= accepted.max_bytes:
        yield Fault(f"{path}/size", f"give the file's bytes: 1 to {accepted.max_bytes}")


def _unknown(path: str, fields: Mapping[str, object], known: set[str]) -> Iterator[Fault]:
    for name in sorted(fields.keys() - known):
        yield Fault(f"{path}/{_escaped(name)}", f"is no field here; there are: {', '.join(sorted(known))}")


def _escaped(name: str) -> str:
    """As RFC 6901 writes a name in a pointer."""
    return name.replace("~", "~0").replace("/", "~1").encode(errors="replace").decode()


def _is_whole(number: object) -> TypeGuard[int | float]:
    """As JSON Schema has it, in which 3.0 is one and true is none."""
    return type(number) is int or (type(number) is float and number.is_integer())


def is_name(name: object) -> bool:
    """Whether a file may be called so."""
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which no store takes
        return False
    return True
