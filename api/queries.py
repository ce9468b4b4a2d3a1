"""The query of a GET, parsed and validated: every fault is reported at once, with its name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from api.http import Fault, Request, unprocessable
from api.ids import id_of, is_id
from api.picture import WHOLE_WIDTH
from api.status import State

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 50
MAX_SIZES_LENGTH: Final = 500
HALF_A_PAIR: Final = re.compile("[\ud800-\udfff]")  # of surrogates, which UTF-8 and so S3 cannot have
SWITCH: Final[Mapping[str, bool]] = {"true": True, "false": False}
SWITCH_FAULT: Final = "Must be true or false."


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which images to list: the caller's, after the id ``cursor``; a single one; or all with a prefix, after a key."""

    limit: int = DEFAULT_PAGE_SIZE
    cursor: str | None = None
    state: State | None = None
    image_id: str | None = None
    prefix: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What a response shows of a finished image.

    ``sizes`` is the width of its picture on the page, as HTML has it; with ``saved``, browsers save what it links to.
    """

    with_picture: bool
    sizes: str = WHOLE_WIDTH
    saved: bool = False


def read_page(request: Request, *, prefix: str) -> PageQuery:
    """The query of GET /images: a page of the caller's images, or the image with ``key``, or those with ``prefix``.

    Args:
        prefix: that of uploads.

    Raises:
        Problem: 422 with every fault.
    """
    request.allow_query("status", "limit", "cursor", "key", "prefix", "after")
    state, limit, cursor = request.one("status"), request.one("limit"), request.one("cursor")
    key, wanted, after = request.one("key"), request.one("prefix"), request.one("after")
    faults = []
    if state is not None and state not in list(State):
        faults.append(Fault("?status", f"Must be one of: {', '.join(State)}."))
    if limit is not None and not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= MAX_PAGE_SIZE):
        faults.append(Fault("?limit", f"Must be a whole number from 1 to {MAX_PAGE_SIZE}."))
    if cursor is not None and not is_id(cursor):
        faults.append(Fault("?cursor", "Must be the value of next in the previous page."))
    for name, each in (("key", key), ("after", after)):
        if each is not None and not _is_below(each, prefix):
            faults.append(Fault(f"?{name}", f"Must be the key of an object in the uploads bucket, below {prefix!r}."))
    if wanted is not None and wanted != prefix and not _is_below(wanted, prefix):
        faults.append(Fault("?prefix", f"Must begin with {prefix!r}."))
    if faults:
        raise unprocessable(*faults)
    image_id = None if key is None else id_of(key, prefix=prefix)
    size, selected = int(limit or DEFAULT_PAGE_SIZE), State(state) if state else None
    return PageQuery(size, cursor, selected, image_id, wanted, after)


def read_view(request: Request, *, with_picture: bool) -> View:
    """The query of GET /images/{id}.

    Args:
        with_picture: unless the query says otherwise.

    Raises:
        Problem: 422 with every fault.
    """
    request.allow_query("picture", "sizes", "download")
    wanted, sizes, download = request.one("picture"), request.one("sizes"), request.one("download")
    switches = (("picture", wanted), ("download", download))
    faults = [Fault(f"?{name}", SWITCH_FAULT) for name, value in switches if value not in (None, *SWITCH)]
    if sizes is not None and not 1 <= len(sizes) <= MAX_SIZES_LENGTH:
        faults.append(Fault("?sizes", f"Must be a value of HTML's sizes, of 1 to {MAX_SIZES_LENGTH} characters."))
    if faults:
        raise unprocessable(*faults)
    return View(
        with_picture if wanted is None else SWITCH[wanted], sizes or WHOLE_WIDTH, saved=SWITCH[download or "false"]
    )


def read_redirect(request: Request) -> bool:
    """The query of GET /images/{id}/{variant}: whether to redirect to the variant.

    Raises:
        Problem: 422.
    """
    request.allow_query("redirect")
    wanted = request.one("redirect") or "true"
    if wanted not in SWITCH:
        raise unprocessable(Fault("?redirect", SWITCH_FAULT))
    return SWITCH[wanted]


def _is_below(key: str, prefix: str) -> bool:
    return key.startswith(prefix) and key != prefix and not HALF_A_PAIR.search(key)
