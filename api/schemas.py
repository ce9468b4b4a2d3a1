"""The files that POST /uploads declares, parsed and validated: every fault is reported at once, with its path."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, TypeGuard

from api.files import IGNORED, NAME_FAULT, UploadLimits, is_name, type_of
from api.http import JSON, Fault, Problem, Request, unprocessable

MAX_FILES: Final = 100


@dataclass(frozen=True, slots=True)
class File:
    """A file that a client declares before the upload."""

    name: str
    content_type: str
    size: int


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
    return tuple(
        File(each["name"], type_of(each["content_type"], each["name"], limits.content_types) or "", int(each["size"]))
        for each in document["files"]
    )


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
    if not is_name(file.get("name")):
        yield Fault(f"{path}/name", NAME_FAULT)
    elif limits.ignores(file["name"]):
        yield Fault(f"{path}/name", IGNORED)
    kind, name = file.get("content_type"), file.get("name")
    if not isinstance(kind, str) or type_of(kind, name if isinstance(name, str) else "", limits.content_types) is None:
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
