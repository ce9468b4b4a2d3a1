"""The keys of an object's variants: pure functions of its own key, so that variants can be found and removed.

No two keys share a variant's key. A key with the output format's extension is unchanged; the format's extension is
appended to any other; and to a key without an image extension, ``.image`` as well::

    images/a/cat.jpg   -> desktop/a/cat.jpg          (format "keep": whatever the content, the key stays)
    images/cat.png     -> desktop/cat.png.webp       (format "webp")
    images/cat.webp    -> desktop/cat.webp
    images/cat.png.webp -> desktop/cat.png.webp.webp (otherwise equal to the variant of cat.png)
    images/cat         -> desktop/cat.image.webp     (otherwise equal to the variant of cat.webp)
    images/cat.heic    -> desktop/cat.heic.jpg       (format "keep": no variant is a HEIC, so this is a JPEG)
    images/cat.heic.jpg -> desktop/cat.heic.jpg.jpg  (otherwise equal to the variant of cat.heic)

With "keep" the key cannot depend on the content: an overwrite with another format would leave the older picture under
another name, and a removal could not find it. The Content-Type is the actual format. A key that names a format which is
never written would open nowhere: it becomes a JPEG's, and what is under it is a JPEG, whatever the content.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from processing.errors import UnusableKey
from processing.events import MAX_KEY_BYTES
from processing.recipe import Recipe

EXTENSIONS = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png",),
    "webp": (".webp",),
    "avif": (".avif",),
    "gif": (".gif",),
}
NEVER_WRITTEN = (".tif", ".tiff", ".bmp", ".heic", ".heif")  # of formats that are read
OTHER_IMAGES = (".jp2", ".svg", ".ico")
IMAGE_EXTENSIONS = tuple(e for known in EXTENSIONS.values() for e in known) + NEVER_WRITTEN + OTHER_IMAGES
BARE = ".image"


@dataclass(frozen=True, slots=True)
class ObjectPlan:
    """What is made of one object, as its key and the recipe decide.

    Args:
        recipe: with "jpeg" in place of "keep" where the key says so.
        keys: the variants' keys, by name.
    """

    recipe: Recipe
    keys: Mapping[str, str]


def plan_of(recipe: Recipe, key: str, *, prefix: str) -> ObjectPlan:
    """The recipe and the variants' keys for an uploaded object.

    Raises:
        UnusableKey: as `variant_key`.
    """
    keys = {
        spec.name: variant_key(key, prefix=prefix, variant=spec.name, output_format=spec.format)
        for spec in recipe.variants
    }
    return ObjectPlan(recipe.in_jpeg() if _is_never_kept(_below(prefix, key)) else recipe, keys)


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


def file_name(name: str, image_format: str) -> str:
    """A name for a download in this format, so that it opens: the format's extension is appended unless it is there."""
    own = EXTENSIONS[image_format]
    return name if name.lower().endswith(own) else f"{name}{own[0]}"


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


def _is_never_kept(name: str) -> bool:
    """Whether "keep" means JPEG: after a format that is never written, and after what such a key becomes."""
    while name.endswith(".jpg"):
        name = name.removesuffix(".jpg")
    return name.lower().endswith(NEVER_WRITTEN)


def _with_extension(name: str, output_format: str) -> str:
    if output_format == "keep":
        return _with_extension(name, "jpeg") if _is_never_kept(name) else name
    own = EXTENSIONS[output_format]
    lower = name.lower()
    if not lower.endswith(IMAGE_EXTENSIONS):
        return f"{name}{BARE}{own[0]}"
    stem = lower[: lower.rindex(".")]
    if lower.endswith(own) and not stem.endswith((*IMAGE_EXTENSIONS, BARE)):
        return name
    return f"{name}{own[0]}"
