"""An audit that ended anywhere is gone on with: nothing is skipped, and no finding is in its file twice."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.million.doubles import GeneratedStage
from bench.million.measure import run
from ops.cli.audit.judge import Judge, OrphanJudge
from ops.cli.audit.keys import Names
from ops.cli.audit.progress import FindingsFile
from ops.cli.audit.rerender import CaseSample, Rerender, sandbox
from ops.cli.audit.run import Audit
from ops.cli.backfill.sources import ListedObject
from ops.cli.backfill.wanted import Records
from ops.cli.recipes import VariantPlan, read_recipe
from ops.errors import UsageError
from processing.ledger import ImagesTable
from tests.builders import recipe
from tests.ops.cli.test_audit_parts import NOON, NOW, Bucket, Images, belows, record

PLAN = VariantPlan(recipe("phone", "tablet"), "images/")


def audit(images: ImagesTable, sources, variants, after=""):
    """An audit of these keys, of which each is settled by itself; what is there may also be requested."""
    names = Names("images/", {"phone": "webp", "tablet": "keep"})
    s3 = Bucket({key: ("e1", {}) for key in sources | variants})

    def listing(keys, prefix, behind):
        found = sorted(key for key in keys if key.startswith(prefix) and key > behind)
        return (ListedObject(key, key, "e1", 10, NOON) for key in found)

    return Audit(
        sources=listing(sources, "images/", after),
        list_variants=lambda prefix, behind: listing(variants, prefix, behind),
        below="",
        names=names,
        records=Records(images, "uploads"),
        judge=Judge(s3, "variants", PLAN, 0, False, False, lambda: NOW),
        orphans=OrphanJudge(s3, "uploads", "variants", names, images, PLAN),
        rerender=Rerender(s3, "uploads", "variants", PLAN, CaseSample(0), sandbox),
        after=after,
    )


@settings(deadline=None, max_examples=60)
@given(st.sets(belows, min_size=1, max_size=12), st.sets(belows, max_size=6), st.data())
def test_from_every_position_the_rest_is_found_and_nothing_for_the_second_time(below, foreign, data):
    sources = {f"images/{name}" for name in below}
    known = data.draw(st.sets(st.sampled_from(sorted(sources))))
    images = Images(*(record(key=key) for key in known))
    names = Names("images/", {"phone": "webp", "tablet": "keep"})
    made = {key for source in sources for name in ("phone", "tablet") if (key := names.of(source, name))}
    variants = made - set(data.draw(st.sets(st.sampled_from(sorted(made)))) if made else ())
    variants |= {f"{name}/{each}" for each in foreign for name in ("phone", "tablet")}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ops.cli.audit.run.SETTLED", 1)
        whole, found, positions = audit(images, sources, variants), list[tuple[str, str]](), list[tuple[str, int]]()
        whole.on_settled = lambda after: positions.append((after, len(found)))
        found.extend((each.kind, each.key) for each in whole.run())

        for after, count in positions:
            rest = [(each.kind, each.key) for each in audit(images, sources, variants, after).run()]
            assert sorted(found[:count] + rest) == sorted(found)


def test_an_audit_of_neighbors_can_be_resumed_behind_each_of_them():
    sources, positions = {f"images/{number:03}.jpg" for number in range(50)}, list[str]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ops.cli.audit.run.SETTLED", 1)
        whole = audit(Images(), sources, set())
        whole.on_settled = positions.append
        list(whole.run())

    assert positions == sorted(sources)


COUNT = 4000


@pytest.fixture
def generated(tmp_path):
    return GeneratedStage(COUNT, read_recipe(), tmp_path)


def test_an_audit_that_is_interrupted_again_and_again_writes_every_finding_once(generated, tmp_path):
    options = ["audit", "--out", str(tmp_path / "found"), "--checkpoint", str(tmp_path / "checkpoint"), "--json"]
    whole = json.loads(run(generated, ["audit", "--json"])[1])
    head, codes = generated.s3.head_object, list[int]()

    def interrupted(after):
        def head_object(**request):
            if generated.s3.requests["HeadObject"] >= after:
                raise KeyboardInterrupt
            return head(**request)

        return head_object

    for after in (0, 3, 1, 12, 7, 8):
        generated.s3.requests.clear()
        generated.s3.head_object = interrupted(after)
        codes.append(run(generated, options)[0])
    generated.s3.head_object = head
    code, out, said = run(generated, options)

    lines = [json.loads(line) for line in (tmp_path / "found").read_text().splitlines()]
    assert codes == [130] * 6
    assert (code, "resuming after images/" in said) == (1, True)
    assert sorted(map(str, lines)) == sorted(map(str, whole["findings"]))
    assert {name: json.loads(out)[name] for name in ("objects", "found", "fine")} == {
        name: whole[name] for name in ("objects", "found", "fine")
    }
    assert not (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize("options", [["--checkpoint", "c"], ["--checkpoint", "c", "--out", "o", "--render", "3"]])
def test_a_checkpoint_without_a_file_of_findings_or_with_a_sample_is_refused(generated, options):
    code, _, said = run(generated, ["audit", *options])

    assert code == 2
    assert "--checkpoint needs --out" in said


@pytest.mark.parametrize("options", [[], ["--checkpoint", "checkpoint"]])
def test_a_file_that_is_not_an_earlier_runs_is_neither_overwritten_nor_gone_on_with(
    generated, options, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "found").write_text("notes")

    code, _, said = run(generated, ["audit", "--out", "found", *options])

    assert (code, "found is there already: name another file" in said) == (2, True)
    assert (tmp_path / "found").read_text() == "notes"
    assert not (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize(("content", "written"), [("notes", 100), (None, 1)])
def test_a_file_that_is_shorter_than_its_checkpoint_says_is_refused(content, written, tmp_path):
    if content is not None:
        (tmp_path / "found").write_text(content)

    with pytest.raises(UsageError, match="shorter than the checkpoint says"):
        FindingsFile(tmp_path / "found", written, resumed=True)
