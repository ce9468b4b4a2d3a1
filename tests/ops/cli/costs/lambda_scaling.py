"""A full queue by the rules of a mapping, of S3's prefixes and of an on-demand table, in steps of a tenth of a second.

It shares no formula with `ops.cli.costs.drain`: pollers are counted, each takes a batch when it is free, and a batch
ends when S3 and the table have taken its writes.
"""

import math
from collections import defaultdict, deque

STEP = 0.1  # seconds
FIRST, MORE_A_MINUTE, MOST = 5, 300, 1250
PUTS, READS = 3500, 5500  # of a prefix, a second
TABLE_QUOTA, HALF_HOUR = 40_000, 1800.0


class Table:
    """Takes write units at up to twice the most that it took in a minute before the last half hour."""

    def __init__(self, warm):
        self.capacity = warm
        self._minutes = deque[tuple[float, float]]()  # (end of the minute, write units a second)
        self._taken = 0.0

    def tick(self, now):
        """A step has passed: how many write units it takes in the next one."""
        if now % 60 < STEP / 2 and now:
            self._minutes.append((now, self._taken / 60))
            self._taken = 0.0
        while self._minutes and self._minutes[0][0] <= now - HALF_HOUR + 60:
            _, peak = self._minutes.popleft()
            self.capacity = max(self.capacity, min(TABLE_QUOTA, 2 * peak))
        return self.capacity * STEP

    def take(self, units):
        self._taken += units


def simulate(*, images, batch, batch_seconds, concurrency, writes, warm=4000, account=1000, prefixes=1):
    """The seconds until every image of a full queue is processed."""
    most, ends = min(concurrency, account, MOST), defaultdict[int, int](int)
    pollers, table = min(FIRST, most), Table(warm)
    # Each image puts one variant below each variant's prefix, and reads its original and looks at it again
    by_s3 = prefixes * min(PUTS, READS / 2) * writes * STEP
    waiting, rendering, late = images, 0, 0.0  # late: write units of batches that have rendered and not been written
    left, step, rest = float(images * writes), 0, 0.0
    while left > 0.5:
        now = round(step * STEP, 1)
        if step and now % 60 == 0:  # messages still wait: as many more pollers
            pollers += min(most - pollers, MORE_A_MINUTE)
        ended = ends.pop(step, 0)
        rendering -= ended
        late += ended * batch * writes
        units = min(late, by_s3, table.tick(now))
        table.take(units)
        late, left = late - units, left - units
        idle = pollers - rendering - math.ceil(late / (batch * writes))  # what waits for the table keeps its poller
        taken = min(max(0, idle), math.ceil(waiting / batch))
        waiting = max(0, waiting - taken * batch)
        lasts, rest = divmod(batch_seconds / STEP + rest, 1)  # whole steps, which are right on average
        ends[step + int(lasts)] += taken
        rendering += taken
        step += 1
    return step * STEP
