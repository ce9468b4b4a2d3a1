"""The files in a request, declared or sent, parsed and validated: every fault is reported at once, with its path."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, TypeGuard

from api.http import JSON, Fault, Problem, Request, unprocessable
from api.ids import new_id
from api.media import IMAGE_TYPES, type_of

MAX_FILES: Final = 100
MAX_NAME_LENGTH: Final = 255
IGNORED: Final = "The recipe ignores files with this name. Rename the file, or change ignore in recipe.toml."
NAME_FAULT: Final = f"Must be a file name of 1 to {MAX_NAME_LENGTH} characters."
MULTIPART: Final = "multipart/form-data"
IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


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


def read_type(request: Request, name: str, limits: UploadLimits) -> str:
    """The content type of the file in the body of POST /upload; see `type_of`.

    Raises:
        Problem: 415 not accepted, or a form.
    """
    types = ", ".join(limits.content_types)
    if request.content_type == MULTIPART:
        how = f"Send the file's bytes as the whole body, with its type as Content-Type: one of {types}."
        other = "For a form, get a presigned POST from POST /uploads, and send the form to its url."
        raise Problem(415, f"{MULTIPART} is not supported. {how} {other}", headers={"Accept": types})
    found = type_of(request.content_type, name, limits.content_types)
    if found is None:
        raise Problem(415, f"Set the Content-Type header to one of: {types}.", headers={"Accept": types})
    return found


def read_idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key of POST /upload, if there is one.

    Raises:
        Problem: 400.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise Problem(400, "Idempotency-Key must have 1 to 255 ASCII characters, without spaces.")
    return key


def read_name(request: Request, limits: UploadLimits) -> str:
    """The file name in the query of POST /upload; by default, one for the declared content type.

    Raises:
        Problem: 422.
    """
    name = request.one("name")
    if name is None:
        kind = type_of(request.content_type, "", limits.content_types)
        return f"image{IMAGE_TYPES.get(kind or '', ('',))[0]}"
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


def _is_name(name: object) -> bool:
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_LENGTH:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which neither DynamoDB nor S3 accepts
        return False
    return True
