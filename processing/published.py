"""Which variants of an image are there and up to date: by the record, and by what the bucket says of each."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from processing.ledger import Record, VariantRecord
from processing.recipe import Recipe, VariantSpec
from processing.storage.objects import NewVariant, Published, Store


def is_complete(store: Store, recipe: Recipe, variant_keys: Mapping[str, str], record: Record) -> bool:
    """Whether every variant of today's recipe is recorded as made and is there; one HEAD each.

    Args:
        variant_keys: today's keys, by the variant's name.
    """
    if to_make(recipe, variant_keys, record.variants):
        return False
    made = {each.name: each for each in record.variants}
    return all(
        stands(made[spec.name], store.variant(made[spec.name].key), spec, record.version.etag)
        for spec in recipe.variants
    )


def to_make(recipe: Recipe, variant_keys: Mapping[str, str], recorded: Sequence[VariantRecord]) -> list[str]:
    """The variants of today's recipe, by their names, that no record says are made by it.

    Args:
        variant_keys: today's keys, by the variant's name.
    """
    made = {each.name: each for each in recorded if variant_keys.get(each.name) == each.key}
    return [
        spec.name
        for spec in recipe.variants
        if spec.name not in made or not spec.is_current(made[spec.name].fingerprint)
    ]


def stands(made: VariantRecord, seen: Published | None, spec: VariantSpec, etag: str) -> bool:
    """Whether a variant that is recorded as made is there, as it was made, and as today's recipe makes it."""
    stored_as = made.stored_as or made.fingerprint
    return is_from(seen, etag) and spec.is_current(made.fingerprint) and seen.fingerprint == stored_as


def is_as_good(seen: Published, new: NewVariant, spec: VariantSpec) -> bool:
    """Whether what is there is the same picture: of the same version, by the same settings or with the same bytes."""
    return is_from(seen, new.source_etag) and (spec.is_current(seen.fingerprint) or seen.digest == new.digest)


def is_from(seen: Published | None, etag: str) -> TypeGuard[Published]:
    return seen is not None and seen.source_etag == etag
