"""The rules of an erasure, each taken away, and its steps in other orders: what the simulator must be able to see."""

from collections.abc import Callable
from typing import Any

from processing.erasure import Eraser
from processing.ledger import Claim, DynamoLedger, Status
from processing.ledger.erasures import Intent
from tests.simulation.mutants import replaced

Step = Callable[[Eraser, Intent], Intent]


def _originals(eraser: Eraser, intent: Intent) -> Intent:
    return eraser._erase_originals(intent)


def _variants(eraser: Eraser, intent: Intent) -> Intent:
    return eraser._erase_variants(intent, eraser._variant_names(intent))


def _records(eraser: Eraser, intent: Intent) -> Intent:
    """Whoever works on them."""
    for record in eraser.table.records(intent):
        eraser.table._write("delete_item", Key=record.version.item_key)
    return intent


def _in_order(*steps: Step) -> Any:
    def advance(self: Eraser, intent: Intent) -> Any:
        for step in steps:
            intent = step(self, intent)
        return self._finish(intent, letters_seen=False)

    return replaced(Eraser, "advance", advance)


def nobody_is_waited_for() -> Any:
    """Source, variants, records."""
    return _in_order(_originals, _variants, _records)


def the_original_goes_last() -> Any:
    """Variants, records, source."""
    return _in_order(_variants, _records, _originals)


def the_records_go_first() -> Any:
    """Records, variants, source."""
    return _in_order(_records, _variants, _originals)


def records_are_deleted_whoever_has_come() -> Any:
    """An upload in the middle of an erasure, and its worker's claim is taken for one of the old records."""
    return replaced(Eraser, "_erase_records", lambda self, intent: _records(self, intent))


def nobody_looks_again() -> Any:
    """What was there is gone, so nothing is there."""
    return replaced(Eraser, "_is_anything_left", lambda *_: False)


def a_removed_record_stays() -> Any:
    """A late message leaves the name for ever."""

    def close(self: DynamoLedger, claim: Claim, status: Status) -> None:
        self._finish(claim, status, {})

    return replaced(DynamoLedger, "close", close)


MUTANTS: tuple[Callable[[], Any], ...] = (
    nobody_is_waited_for,
    the_original_goes_last,
    the_records_go_first,
    records_are_deleted_whoever_has_come,
    nobody_looks_again,
    a_removed_record_stays,
)
