"""Links to variants on a CDN: each holds the variant's version, so that browsers may keep it for a year."""

import hashlib
from urllib.parse import quote


def cdn_link(cdn: str, key: str, *, etag: str, fingerprint: str) -> str:
    """The URL of a published variant. Another original and other settings give another link.

    Give it only for a version that is DONE: then what the CDN fetches for it is that version, or a later one.

    Args:
        cdn: scheme and host, as in https://pictures.example.com.
        key: the variant's.
        etag: of the original that the variant was made from.
        fingerprint: of the settings that it was made by.
    """
    version = hashlib.blake2b(f"{etag}\0{fingerprint}".encode(), digest_size=6).hexdigest()
    return f"{cdn}/{quote(key)}?v={version}"
