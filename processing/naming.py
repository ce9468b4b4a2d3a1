"""The keys of an object's variants: pure functions of its own key, so that variants can be found and removed.

No two keys share a variant's key. A key with the output format's extension is unchanged; the format's extension is
appended to any other; and to a key without an image extension, ``.image`` as well::

    images/a/cat.jpg   -> desktop/a/cat.jpg          (format "keep": whatever the content, the key stays)
    images/cat.png     -> desktop/cat.png.webp       (format "webp")
    images/cat.webp    -> desktop/cat.webp
    images/cat.png.webp -> desktop/cat.png.webp.webp (otherwise equal to the variant of cat.png)
    images/cat         -> desktop/cat.image.webp     (otherwise equal to the variant of cat.webp)

With "keep" the key cannot depend on the content: an overwrite with another format would leave the older picture under
another name, and a removal could not find it. The Content-Type is the actual format.
"""

from collections.abc import Mapping, Sequence

from processing.errors import UnusableKey
from processing.events import MAX_KEY_BYTES

EXTENSIONS = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png",),
    "webp": (".webp",),
    "avif": (".avif",),
    "gif": (".gif",),
}
OTHER_IMAGES = (".tif", ".tiff", ".bmp", ".heic", ".heif", ".jp2", ".svg", ".ico")
IMAGE_EXTENSIONS = tuple(e for known in EXTENSIONS.values() for e in known) + OTHER_IMAGES
BARE = ".image"


def variant_key(key: str, *, prefix: str, variant: str, output_format: str) -> str:
    """The key of one variant of an uploaded object.

    Args:
        key: the object's key, beginning with ``prefix``.
        output_format: the variant's format in the recipe, "keep" or one of ``EXTENSIONS``.

    Raises:
        UnusableKey: browsers and CDNs resolve it to another key, or S3 refuses it.
    """
    name = f"{variant}/{_with_extension(_below(prefix, key), output_format)}"
    size = len(name.encode())
    if size > MAX_KEY_BYTES:
        raise UnusableKey(
            f"the variant's key would have {size} bytes; S3 allows {MAX_KEY_BYTES}: shorten the object's key"
        )
    return name


def variant_keys(key: str, *, prefix: str, formats: Mapping[str, str]) -> dict[str, str]:
    """The keys of all variants of an object, by variant; ``formats`` is each variant's output format.

    Raises:
        UnusableKey: as `variant_key`.
    """
    return {name: variant_key(key, prefix=prefix, variant=name, output_format=fmt) for name, fmt in formats.items()}


def overlaps(*, uploads_bucket: str, prefix: str, variants_bucket: str, variants: Sequence[str]) -> list[str]:
    """The variants whose keys are below the uploads prefix, so that they would be processed again, endlessly."""
    if uploads_bucket != variants_bucket:
        return []
    return [name for name in variants if f"{name}/".startswith(prefix) or prefix.startswith(f"{name}/")]


def _below(prefix: str, key: str) -> str:
    rest = key.removeprefix(prefix)
    if "\0" in key:
        raise UnusableKey("the key contains a NUL character: upload the object under another key")
    if any(part in (".", "..") for part in rest.split("/")):
        raise UnusableKey(
            "the key contains a '.' or '..' segment, which browsers and CDNs resolve to another key: rename the object"
        )
    if not rest:
        raise UnusableKey(f"the key is the prefix {prefix!r} itself: upload the object under a name below it")
    return rest


def _with_extension(name: str, output_format: str) -> str:
    if output_format == "keep":
        return name
    own = EXTENSIONS[output_format]
    lower = name.lower()
    if not lower.endswith(IMAGE_EXTENSIONS):
        return f"{name}{BARE}{own[0]}"
    stem = lower[: lower.rindex(".")]
    if lower.endswith(own) and not stem.endswith((*IMAGE_EXTENSIONS, BARE)):
        return name
    return f"{name}{own[0]}"
