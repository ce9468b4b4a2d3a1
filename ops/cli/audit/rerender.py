"""Renders a sample of the finished objects again, and compares with what is published, byte by byte."""

import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from ops.cli.audit.judge import AuditedObject, Finding, FindingKind
from ops.cli.recipes import VariantPlan, VariantState
from processing import imaging
from processing.errors import Rejected, RenderBug, SandboxFailed
from processing.imaging import Rendered
from processing.recipe import Recipe
from processing.sandbox import Children, MemoryBudget, Renderer, Renderers
from processing.sandbox.capacity import TimeBudget
from processing.storage.objects import Published
from processing.storage.refusals import is_missing

MEGABYTES: Final = 4096.0  # for pixels: what the largest functions have room for
SECONDS: Final = 120.0  # of one try

Engine = Callable[[bytes, Recipe], Rendered]


@dataclass
class CaseSample:
    """Keeps so many of the cases that are offered, each with the same probability."""

    size: int
    rng: random.Random = field(default_factory=random.Random)
    cases: list[AuditedObject] = field(default_factory=list)
    _offered: int = 0

    def offer(self, case: AuditedObject) -> None:
        """Take the case, perhaps in place of another (reservoir sampling, algorithm R)."""
        self._offered += 1
        if len(self.cases) < self.size:
            self.cases.append(case)
        elif (at := self.rng.randrange(self._offered)) < self.size:
            self.cases[at] = case


@dataclass(frozen=True, slots=True)
class Rerender:
    """Renders the objects of the sample.

    Args:
        start: returns the engine, in a context that ends it.
    """

    s3: Any
    uploads_bucket: str
    variants_bucket: str
    plan: VariantPlan
    sample: CaseSample
    start: Callable[[Recipe], AbstractContextManager[Engine]]

    def findings(self) -> Iterator[list[Finding]]:
        """What is wrong with each object of the sample; what has changed meanwhile is skipped."""
        if not self.sample.cases:
            return
        with self.start(self.plan.recipe) as render:
            for case in self.sample.cases:
                yield self._of(case, render)

    def _of(self, case: AuditedObject, render: Engine) -> list[Finding]:
        source = case.source
        original = _read(self.s3, self.uploads_bucket, source.key)
        if original is None or original["ETag"] != source.etag:
            return []
        try:
            rendered = render(original["Body"], self.plan.of(source.key).recipe)
        except (Rejected, RenderBug, SandboxFailed) as error:
            return [Finding(FindingKind.NOT_RENDERED, source.key, f"{type(error).__name__}: {error}")]
        made = {variant.name: variant.data for variant in rendered.variants}
        found = (self._compare(case, name, made[name]) for name in case.variants)
        return [finding for finding in found if finding is not None]

    def _compare(self, case: AuditedObject, name: str, made: bytes) -> Finding | None:
        source, (key, _) = case.source, case.variants[name]
        there = _read(self.s3, self.variants_bucket, key)
        if there is None or there["Body"] == made:
            return None
        seen = Published.of(there["ETag"], there["Metadata"])
        state = self.plan.state(name, seen, key=source.key, etag=source.etag, record=case.record)
        if state is not VariantState.THERE:
            return None
        detail = f"{len(there['Body']):,} bytes that are not the {len(made):,} which {source.key} gives"
        return Finding(FindingKind.WRONG, key, detail, source, there["ETag"])


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
    renderers = Renderers([renderer], recipe, memory=MemoryBudget(MEGABYTES), budget=TimeBudget(SECONDS))
    with closing(renderers):
        yield renderers.render
