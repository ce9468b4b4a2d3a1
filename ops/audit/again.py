"""Renders a sample of the finished objects again, and compares with what is published, byte by byte."""

import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from ops.audit.findings import Finding, Kind
from ops.audit.judge import Case
from processing import imaging
from processing.aws import is_missing
from processing.contained import Children, Renderer, Renderers, Room
from processing.errors import Rejected, RenderBug, SandboxFailed
from processing.imaging import Rendered
from processing.recipe import Recipe
from processing.store import RECIPE, SOURCE_ETAG
from processing.time_budget import TimeBudget

MEGABYTES: Final = 4096.0  # for pixels: what the largest functions have room for
SECONDS: Final = 120.0  # of one try

Engine = Callable[[bytes, Recipe], Rendered]


@dataclass
class Sample:
    """So many cases of all that were offered, each as likely as any other, in memory for no more."""

    size: int
    rng: random.Random = field(default_factory=random.Random)
    cases: list[Case] = field(default_factory=list)
    _offered: int = 0

    def offer(self, case: Case) -> None:
        """Take the case, perhaps in place of another (reservoir sampling, algorithm R)."""
        self._offered += 1
        if len(self.cases) < self.size:
            self.cases.append(case)
        elif (at := self.rng.randrange(self._offered)) < self.size:
            self.cases[at] = case


@dataclass(frozen=True, slots=True)
class Again:
    """Renders what is in the sample.

    Args:
        start: gives the engine, for as long as it is needed.
    """

    s3: Any
    uploads_bucket: str
    variants_bucket: str
    recipe: Recipe
    sample: Sample
    start: Callable[[Recipe], AbstractContextManager[Engine]]

    def findings(self) -> Iterator[list[Finding]]:
        """What is wrong with each object of the sample; what has changed meanwhile is passed over."""
        if not self.sample.cases:
            return
        with self.start(self.recipe) as render:
            for case in self.sample.cases:
                yield self._of(case, render)

    def _of(self, case: Case, render: Engine) -> list[Finding]:
        source = case.source
        original = _read(self.s3, self.uploads_bucket, source.key)
        if original is None or original["ETag"] != source.etag:
            return []
        try:
            rendered = render(original["Body"], self.recipe)
        except (Rejected, RenderBug, SandboxFailed) as error:
            return [Finding(Kind.NOT_RENDERED, source.key, f"{type(error).__name__}: {error}")]
        made = {variant.name: variant.data for variant in rendered.variants}
        found = (self._compared(case, key, made[name]) for name, (key, _) in case.variants.items())
        return [finding for finding in found if finding is not None]

    def _compared(self, case: Case, key: str, made: bytes) -> Finding | None:
        source, there = case.source, _read(self.s3, self.variants_bucket, key)
        if there is None or there["Body"] == made:
            return None
        labels = there["Metadata"]
        if labels.get(SOURCE_ETAG) != source.etag or labels.get(RECIPE) != self.recipe.fingerprint:
            return None
        detail = f"{len(there['Body']):,} bytes that are not the {len(made):,} which {source.key} gives"
        return Finding(Kind.WRONG, key, detail, source, there["ETag"])


def _read(s3: Any, bucket: str, key: str) -> Mapping[str, Any] | None:
    """GetObject's answer, with the whole body and the ETag without quotes; None when there is no such object."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    with closing(answer["Body"]) as body:
        return {**answer, "ETag": answer["ETag"].strip('"'), "Body": body.read()}


@contextmanager
def sandbox(recipe: Recipe) -> Iterator[Engine]:
    """The engine in a child process, as the consumer has it; in this one where that needs another system."""
    if sys.platform != "linux":
        yield imaging.render
        return
    renderer = Renderer(Children(recipe, environ=os.environ))
    renderers = Renderers([renderer], recipe, room=Room(MEGABYTES), budget=TimeBudget(SECONDS))
    with closing(renderers):
        yield renderers.render
