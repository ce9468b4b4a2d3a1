"""Lambda's rules for a mapping on a queue, and DynamoDB's for an on-demand table, in steps of a tenth of a second.

It shares no formula with `ops.cli.plan.drain`: pollers are counted, each takes a batch when it is free, and a batch
ends when the table has taken its writes.
"""

import math
from collections import defaultdict, deque

STEP = 0.1  # seconds
FIRST, MORE_A_MINUTE, MOST = 5, 300, 1250
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


def simulate(*, images, batch, batch_seconds, concurrency, writes, warm=4000):
    """The seconds until every image of a full queue is processed."""
    pollers, table = min(FIRST, concurrency), Table(warm)
    most, ends = min(concurrency, MOST), defaultdict[int, int](int)
    waiting, rendering, late = images, 0, 0.0  # late: write units of batches that have rendered and not yet written
    left, step, rest = float(images * writes), 0, 0.0
    while left > 0.5:
        now = round(step * STEP, 1)
        if step and now % 60 == 0:  # messages still wait: as many more pollers
            pollers += min(most - pollers, MORE_A_MINUTE)
        ended = ends.pop(step, 0)
        rendering -= ended
        late += ended * batch * writes
        units = min(late, table.tick(now))
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
