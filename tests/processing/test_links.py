"""Links to variants on a CDN."""

import pytest

from processing.links import cdn_link

CDN = "https://pictures.example.com"


def link(key: str = "phone/a.jpg", *, etag: str = "e1", fingerprint: str = "f1") -> str:
    return cdn_link(CDN, key, etag=etag, fingerprint=fingerprint)


def test_a_link_stays_the_same_for_a_version_and_changes_with_the_original_and_the_settings() -> None:
    assert link() == link()
    assert len({link(), link(etag="e2"), link(fingerprint="f2"), link(etag="e1f", fingerprint="1")}) == 4


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("phone/a b.jpg", "/phone/a%20b.jpg"),
        ("phone/à+%.jpg", "/phone/%C3%A0%2B%25.jpg"),
        ("phone/a?v=1#x.jpg", "/phone/a%3Fv%3D1%23x.jpg"),
        ("phone//a.jpg", "/phone//a.jpg"),
    ],
)
def test_a_key_is_escaped_so_that_nothing_of_it_is_read_as_a_query(key: str, path: str) -> None:
    url, _, version = link(key).partition("?v=")

    assert url == CDN + path
    assert version.isalnum()
