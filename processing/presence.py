"""Which variants of an object exist and are up to date: by its record, and by the objects in the variants bucket."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from processing.ledger import Record, VariantRecord
from processing.naming import ObjectPlan
from processing.parallel import Executor, results
from processing.recipe import VariantSpec
from processing.storage.objects import NewVariant, Published, Store


def existing(store: Store, execute: Executor, keys: Mapping[str, str]) -> dict[str, Published | None]:
    """The variants under these keys, both by name; None where there is none. One HEAD each, in parallel."""
    return dict(zip(keys, results(execute, store.variant, list(keys.values())), strict=True))


def is_complete(store: Store, execute: Executor, plan: ObjectPlan, record: Record) -> bool:
    """Whether every variant of the plan is recorded as up to date and exists under its key; one HEAD each."""
    if to_make(plan, record.variants):
        return False
    made = {each.name: each for each in record.variants}
    specs = plan.recipe.variants
    seen = existing(store, execute, {spec.name: made[spec.name].key for spec in specs})
    return all(stands(made[spec.name], seen[spec.name], spec, record.version.etag) for spec in specs)


def to_make(plan: ObjectPlan, recorded: Sequence[VariantRecord]) -> list[str]:
    """The names of the variants that are not recorded under their key and with the plan's settings."""
    made = {each.name: each for each in recorded if plan.keys.get(each.name) == each.key}
    return [
        spec.name
        for spec in plan.recipe.variants
        if spec.name not in made or not spec.is_current(made[spec.name].fingerprint)
    ]


def stands(made: VariantRecord, seen: Published | None, spec: VariantSpec, etag: str) -> bool:
    """Whether a recorded variant exists as it is recorded, and as the recipe makes it."""
    stored_as = made.stored_as or made.fingerprint
    return is_from(seen, etag) and spec.is_current(made.fingerprint) and seen.fingerprint == stored_as


def is_as_good(seen: Published, new: NewVariant, spec: VariantSpec) -> bool:
    """Whether the existing variant is the same: of the same version, with the same settings or the same bytes."""
    return is_from(seen, new.source_etag) and (spec.is_current(seen.fingerprint) or seen.digest == new.digest)


def is_from(seen: Published | None, etag: str) -> TypeGuard[Published]:
    return seen is not None and seen.source_etag == etag
