"""Which variants a source has, and which source a variant. Pure.

A variant's key does not tell its source by itself, for an extension may stand behind the key. But no two keys share a
variant's key (`processing.naming`): of the few keys that it could come from, at most one leads back to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from processing.errors import UnusableKey
from processing.naming import BARE, EXTENSIONS, variant_key

FORMATS = ("keep", *EXTENSIONS)


@dataclass(frozen=True, slots=True)
class Names:
    """Args:
    prefix: of the uploads.
    formats: today's output format of each variant.
    """

    prefix: str
    formats: Mapping[str, str]

    def of(self, source: str, variant: str) -> str | None:
        """The key of a source's variant; None where the source's key cannot be given to variants."""
        return self._named(source, variant, self.formats[variant])

    def bare(self, source: str, variant: str) -> str:
        """What the variant's key begins with: no source behind this one has a variant before it."""
        return f"{variant}/{source.removeprefix(self.prefix)}"

    def source(self, key: str) -> str | None:
        """The source whose variant has this key today."""
        variant = key.split("/", 1)[0]
        return next(iter(self._sources(key, (self.formats[variant],))), None)

    def older_sources(self, key: str) -> list[str]:
        """The sources whose variant had this key when the recipe asked for another format."""
        variant = key.split("/", 1)[0]
        return self._sources(key, [name for name in FORMATS if name != self.formats[variant]])

    def _sources(self, key: str, formats: Iterable[str]) -> list[str]:
        variant, rest = key.split("/", 1)
        found = {}
        for output_format in formats:
            for below in _stems(rest, output_format):
                source = self.prefix + below
                if self._named(source, variant, output_format) == key:
                    found[source] = True
        return list(found)

    def _named(self, source: str, variant: str, output_format: str) -> str | None:
        try:
            return variant_key(source, prefix=self.prefix, variant=variant, output_format=output_format)
        except UnusableKey:
            return None


def _stems(rest: str, output_format: str) -> Iterable[str]:
    """What may have been given this format's extension."""
    yield rest
    extension = EXTENSIONS.get(output_format, ("",))[0]
    for behind in (extension, BARE + extension):
        if extension and rest.endswith(behind):
            yield rest.removesuffix(behind)
