"""One look at the dead-letter queue: every letter received and joined, hidden from others meanwhile, and put back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ops.counting import counting
from ops.dlq.causes import Case, join
from ops.dlq.hold import Hold
from ops.stage import Stage
from ops.terminal import words


@dataclass(frozen=True, slots=True)
class Held:
    """Every case of the dead-letter queue, hidden from others."""

    hold: Hold
    cases: list[Case]

    @property
    def seen(self) -> dict[str, int]:
        """How many letters were seen, and about how many were not: what every command's JSON tells."""
        return {"seen": len(self.cases), "unseen": self.hold.unseen}

    def keep_only(self, chosen: Sequence[Case]) -> None:
        """Put the others back."""
        names = {case.letter.message_id for case in chosen}
        self.hold.release(case.letter for case in self.cases if case.letter.message_id not in names)


@contextmanager
def held(stage: Stage) -> Iterator[Held]:
    """Receive and join every letter, hide them while the block runs, and put back what is left of them."""
    with Hold(stage.client("sqs"), stage.dlq_url) as hold:
        with counting("letters") as count:
            letters = hold.read(count)
        _tell_what_is_unseen(hold, len(letters))
        yield Held(hold, join(stage, letters))
    if hold.escaped:
        words().print(f"{hold.escaped} could not be kept hidden: another command may have had them at the same time")


def looked_at(stage: Stage) -> Held:
    """Every case of the dead-letter queue; all letters are back in it when this returns."""
    with held(stage) as look:
        return look


def cases_of(stage: Stage) -> list[Case]:
    """The same, where nothing but the cases matters."""
    return looked_at(stage).cases


def _tell_what_is_unseen(hold: Hold, seen: int) -> None:
    if hold.unseen > hold.elsewhere:
        words().print(
            f"ONLY A PART WAS SEEN: {seen:,} of about {seen + hold.unseen:,} dead letters. SQS lets about 120,000 be "
            "received at a time, and its counts lag by up to a minute: redrive or purge what was seen, or look again",
            style="bold red",
        )
    elif hold.unseen:
        words().print(f"{hold.unseen} more are hidden: somebody else is reading them now. Look again in 2 minutes.")
