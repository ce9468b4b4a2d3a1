"""What a request may contain, parsed and validated: every fault is reported at once, with its path."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, TypeGuard

from api.http import JSON, Fault, Problem, Request, unprocessable
from api.ids import is_id, new_id
from api.status import State
from processing.naming import EXTENSIONS

MAX_FILES: Final = 100
MAX_NAME_LENGTH: Final = 255
IGNORED: Final = "The recipe ignores files with this name. Rename the file, or change ignore in recipe.toml."
NAME_FAULT: Final = f"Must be a file name of 1 to {MAX_NAME_LENGTH} characters."
DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 50

HEIC: Final = ("image/heic", "image/heif")
IMAGE_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "image/jpeg": EXTENSIONS["jpeg"],
    "image/png": EXTENSIONS["png"],
    "image/gif": EXTENSIONS["gif"],
    "image/webp": EXTENSIONS["webp"],
    "image/tiff": (".tif", ".tiff"),
    "image/bmp": (".bmp",),
    "image/avif": EXTENSIONS["avif"],
    "image/heic": (".heic",),
    "image/heif": (".heif",),
}
"""The extensions of each content type. A declared type is not verified here: the consumer decides by the content."""


def accepted_types(*, heic: bool) -> tuple[str, ...]:
    """The content types that a stage accepts, with or without a decoder for HEIC."""
    return tuple(name for name in IMAGE_TYPES if heic or name not in HEIC)


def extensions(content_types: Iterable[str]) -> tuple[str, ...]:
    """The file extensions of all these types."""
    return tuple(extension for name in content_types for extension in IMAGE_TYPES[name])


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Which files a stage accepts; ``ignored`` is `Recipe.ignored`."""

    content_types: Sequence[str]
    max_bytes: int
    ignored: re.Pattern[str]

    def ignores(self, name: str) -> bool:
        """Whether the consumer would ignore a file with this name: images are stored under their ids."""
        return self.ignored.search(new_id(name, milliseconds=0, random=0)) is not None


@dataclass(frozen=True, slots=True)
class File:
    """A file that a client declares before the upload."""

    name: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which of the caller's images to list; ``cursor`` is the last id of the previous page."""

    limit: int = DEFAULT_PAGE_SIZE
    cursor: str | None = None
    state: State | None = None


def read_files(request: Request, limits: UploadLimits) -> tuple[File, ...]:
    """The files in the body of POST /uploads.

    Raises:
        Problem: 415 not declared as JSON, 400 not JSON, 422 with every fault.
    """
    request.allow_query()
    if request.content_type != JSON:
        given = f"Unsupported content type: {request.content_type}." if request.content_type else "No content type."
        raise Problem(415, f"{given} Send {JSON}.", headers={"Accept": JSON})
    try:
        document = json.loads(request.decoded(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"The body is not valid JSON: {error}") from error
    faults = list(_document_faults(document, limits))
    if faults:
        raise unprocessable(*faults)
    return tuple(File(each["name"], each["content_type"], int(each["size"])) for each in document["files"])


def read_page(request: Request) -> PageQuery:
    """The query of GET /images.

    Raises:
        Problem: 422 with every fault.
    """
    request.allow_query("status", "limit", "cursor")
    state, limit, cursor = request.one("status"), request.one("limit"), request.one("cursor")
    faults = []
    if state is not None and state not in list(State):
        faults.append(Fault("?status", f"Must be one of: {', '.join(State)}."))
    if limit is not None and not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= MAX_PAGE_SIZE):
        faults.append(Fault("?limit", f"Must be a whole number from 1 to {MAX_PAGE_SIZE}."))
    if cursor is not None and not is_id(cursor):
        faults.append(Fault("?cursor", "Must be the value of next in the previous page."))
    if faults:
        raise unprocessable(*faults)
    return PageQuery(int(limit or DEFAULT_PAGE_SIZE), cursor, State(state) if state else None)


def read_name(request: Request, limits: UploadLimits) -> str:
    """The file name in the query of POST /upload; by default, one for the accepted content type.

    Raises:
        Problem: 422.
    """
    name = request.one("name")
    if name is None:
        return f"image{IMAGE_TYPES[request.content_type][0]}"
    if not _is_name(name):
        raise unprocessable(Fault("?name", NAME_FAULT))
    if limits.ignores(name):
        raise unprocessable(Fault("?name", IGNORED))
    return name


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


def _document_faults(document: object, limits: UploadLimits) -> Iterator[Fault]:
    if not isinstance(document, dict):
        yield Fault("", 'Must be a JSON object: {"files": [...]}.')
        return
    yield from _unknown_fields("", document, {"files"})
    files = document.get("files")
    if not isinstance(files, list) or not 1 <= len(files) <= MAX_FILES:
        yield Fault("/files", f"Must be a list of 1 to {MAX_FILES} files.")
        return
    for index, each in enumerate(files):
        yield from _file_faults(f"/files/{index}", each, limits)


def _file_faults(path: str, file: object, limits: UploadLimits) -> Iterator[Fault]:
    if not isinstance(file, dict):
        yield Fault(path, "Must be an object with name, content_type and size.")
        return
    yield from _unknown_fields(path, file, {"name", "content_type", "size"})
    if not _is_name(file.get("name")):
        yield Fault(f"{path}/name", NAME_FAULT)
    elif limits.ignores(file["name"]):
        yield Fault(f"{path}/name", IGNORED)
    if file.get("content_type") not in limits.content_types:
        yield Fault(f"{path}/content_type", f"Must be one of: {', '.join(limits.content_types)}.")
    size = file.get("size")
    if not _is_whole(size) or not 1 <= size <= limits.max_bytes:
        given = f" It is {size}." if _is_whole(size) else ""
        limit = f"from 1 to {limits.max_bytes}, which is max_bytes in GET /settings.json"
        yield Fault(f"{path}/size", f"Must be the file's size in bytes, {limit}.{given}")


def _unknown_fields(path: str, fields: Mapping[str, object], known: set[str]) -> Iterator[Fault]:
    for name in sorted(fields.keys() - known):
        yield Fault(f"{path}/{_escaped(name)}", f"Unknown field. Supported fields: {', '.join(sorted(known))}.")


def _escaped(name: str) -> str:
    """As RFC 6901 writes a name in a pointer."""
    return name.replace("~", "~0").replace("/", "~1").encode(errors="replace").decode()


def _is_whole(number: object) -> TypeGuard[int | float]:
    """An integer as JSON Schema defines it: 3.0 is one, true is not."""
    return type(number) is int or (type(number) is float and number.is_integer())


def _is_name(name: object) -> bool:
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_LENGTH:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which neither DynamoDB nor S3 accepts
        return False
    return True
