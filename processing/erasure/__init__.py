"""Erases one object: its original, its variants, its records and its owner's item; and states what is not gone.

Read in this order:

    eraser      the steps, and when each may be taken
    names       the keys that variants of the object can have
    caching     how long caches may show what is deleted
    receipt     what is gone, what expires, what is out of reach
    messages    the erasures queue: an erasure that must wait comes back then

The order is what makes it complete. A worker that has fetched the original may publish until its lease ends, whatever
is deleted meanwhile. So the original goes first, and the variants only when nobody can publish any more::

    original, every version     from now on nobody can fetch it
    wait                        until the last lease of the object has ended, or its last write is a request old
    variants                    by exact names: those in the records, and those under every recipe
    wait                        until caches have dropped them
    dead letters, owner's item
    records                     only if no worker has come since the wait: they show who may still publish
    look again                  if anything is there: once more, from the beginning

Every step may be repeated. A crash leaves the intent (`processing.ledger.erasures`), and the next attempt begins with
the first step. What arrives later, such as a late message or a redrive, finds no original and leaves a record REMOVED,
which expires.
"""

from processing.erasure.eraser import Eraser, Wait
from processing.erasure.receipt import KEPT_BY_SWITCH, Receipt, Retention

__all__ = ["KEPT_BY_SWITCH", "Eraser", "Receipt", "Retention", "Wait"]
