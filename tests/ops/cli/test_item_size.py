"""The item of a finished image costs one write unit as a rule; where it does not, the estimate says so."""

from dataclasses import replace

import pytest

from ops.cli.costs.requests import first_upload, overwrite, rebuilt, repeated
from ops.cli.item_size import PLACEHOLDER, USUAL_BUCKET, WRITE_UNIT, ItemSizes, size_of, usual_item
from ops.cli.recipes import VariantPlan, read_recipe
from processing.ledger import Claim, Delivery, DynamoLedger, Version
from processing.ledger.item import attributes, read
from tests.memory_dynamodb import MemoryDynamoDB

PLAN = VariantPlan(read_recipe(), "images/")
KEY = "images/2026/11/holiday-in-the-hills/IMG-20260504-121314Z.jpg"
VERSION = Version(USUAL_BUCKET, KEY, "5" * 32)


def plan_of(count):
    spec = PLAN.recipe.variants[0]
    return replace(
        PLAN, recipe=replace(PLAN.recipe, variants=tuple(replace(spec, name=f"v{at}") for at in range(count)))
    )


def test_the_record_of_a_usual_image_costs_one_write_unit():
    """Three variants, a key of 60 characters, production's bucket, a placeholder of 160 characters."""
    assert len(KEY) == 60
    assert len(PLAN.recipe.variants) == 3

    item = usual_item(PLAN, VERSION)

    assert len(item["placeholder"]["S"]) == PLACEHOLDER == 160
    assert len(item["color"]["S"]) == 7
    assert set(item["variants"]["L"][0]["M"]) >= {"fingerprint"}
    assert size_of(item) < WRITE_UNIT
    assert size_of(item) + 100 < WRITE_UNIT  # room for a reason's traces, longer keys and placeholders


def test_the_usual_item_is_what_the_ledger_writes():
    image = read(usual_item(PLAN, VERSION)).image
    assert image is not None
    table = MemoryDynamoDB()
    ledger = DynamoLedger(
        table, table="images", code_version="0123456789ab", lease_seconds=90, clock=lambda: 1_795_000_001.5
    )
    about = {"uploaded_at": "2026-11-21T07:00:00.000Z", "sequencer": "0055AED6DCD90281E5"}
    claim = ledger.claim(VERSION, Delivery("m1", 1), about=about)
    assert isinstance(claim, Claim)

    ledger.complete(claim, image)

    written = table.item(VERSION.object, VERSION.etag)
    assert written is not None
    assert size_of(attributes(written)) == size_of(usual_item(PLAN, VERSION))


@pytest.mark.parametrize("key", ["images/a.jpg", KEY, f"images/{'x' * 500}.jpg", "images/\u00fc.jpg"])
def test_a_size_follows_from_the_key_s_bytes(key):
    sizes = ItemSizes.of(PLAN)

    assert sizes.size(len(key.encode())) == size_of(usual_item(PLAN, replace(VERSION, key=key)))


def test_a_longer_key_or_more_variants_cost_a_second_write_unit():
    sizes = ItemSizes.of(PLAN)

    assert [sizes.units(sizes.longest_key + more) for more in (0, 1, WRITE_UNIT, WRITE_UNIT + 1)] == [1, 2, 2, 3]
    assert [ItemSizes.of(plan_of(count)).units(60) for count in (3, 4, 9)] == [1, 1, 2]


def test_every_write_that_meets_a_large_item_is_charged_by_its_size():
    assert first_upload(3, units=2).writes == overwrite(3, units=2).writes == 1 + 2
    assert repeated(3, units=2).writes == 2
    assert rebuilt(1, known=3, done=True, units=2).writes == 6
    assert rebuilt(3, known=3, done=False, units=2).writes == 4
    assert rebuilt(3, known=0, done=False, units=2).writes == 3


@pytest.mark.parametrize(
    ("attribute", "size"),
    [({"S": "\u00fc"}, 2), ({"N": "1795000000"}, 3), ({"BOOL": False}, 1), ({"L": [{"S": "a"}]}, 5), ({"M": {}}, 3)],
)
def test_each_type_is_counted_by_dynamodb_s_rule(attribute, size):
    assert size_of({"n": attribute}) == 1 + size


def test_another_type_is_not_guessed():
    with pytest.raises(TypeError, match="SS"):
        size_of({"tags": {"SS": ["a"]}})
