"""The chaos run finds the events that an announcer loses."""

import time
from pathlib import Path

from ops.local.emulator import Emulator
from processing.ledger import Claim, Delivery, DynamoLedger, Status, Version
from tests.chaos.announcing import Announcing
from tests.chaos.proxy import Proxy
from tests.chaos.stage import REGION, VARIANTS_BUCKET, Stage
from tests.chaos.troubles import Trouble
from tests.events.judgment import ends_of, judge

IMAGES = 25  # three requests of PutEvents


def test_an_announcer_that_forgets_what_was_refused_loses_events(tmp_path: Path) -> None:
    emulator = Emulator(region=REGION, log=tmp_path / "emulator.log")
    emulator.start()
    try:
        stage = Stage(emulator)
        end_all(stage)
        with Proxy(emulator.endpoint, seed=1, draw=lambda _: Trouble.PARTLY) as proxy:
            proxy.stormy = True
            announcing = Announcing(
                emulator, stage, endpoint=proxy.url, log_dir=tmp_path, handler="tests.chaos.forgetful.handler"
            )
            announcing.player.start()
            try:
                left = announcing.wait()
            finally:
                announcing.player.kill()
        ends, events = ends_of(stage.items()), announcing.received()
    finally:
        emulator.stop()

    judgment = judge(ends, events, variants_bucket=VARIANTS_BUCKET, now=time.time())
    assert left == []
    assert 0 < len(judgment.lost) <= IMAGES
    assert judgment.faults == judgment.lost


def end_all(stage: Stage) -> None:
    ledger = DynamoLedger(stage.dynamodb, table="images", code_version="c0de", lease_seconds=60, clock=time.time)
    for number in range(IMAGES):
        claim = ledger.claim(Version("uploads", f"images/{number}.jpg", "e1"), Delivery("m", 1))
        assert isinstance(claim, Claim)
        ledger.close(claim, Status.SUPERSEDED)
