"""The README claims exactly what the tables of docs/benchmarks.md show."""

from pathlib import Path

import pytest

from bench import claims, page
from bench.engine.classes import HEADLINE
from bench.pipeline.settings import deployed_batch

ABOUT = "Measured today at commit a on 2 cores (a CPU, a virtual machine), load average 0 before and 0 after."
SPEEDS = page.table(
    ["images a second, a CPU", "to usual", "to ten threads"],
    [
        ["small, 50 ms, batches of 50", "4.31 (4.20 to 4.40)", "1.18 (1.10 to 1.20)"],
        ["12 MP, 50 ms, batches of 50", "2.40 (2.30 to 2.50)", "0.96 (0.90 to 1.00) (falls short)"],
    ],
)
PEAKS = page.table(
    ["peak MB, a CPU", "to ten threads"], [["small, batches of 50", "0.27"], ["12 MP, batches of 50", "0.21"]]
)
CPU = page.table(
    ["CPU ms per image, a CPU", "to sharp, best cascade", "to sharp, one call a variant"],
    [[HEADLINE, "0.81 (0.80 to 0.82)", "0.30 (0.29 to 0.31)"]],
)


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    file = tmp_path / "benchmarks.md"
    file.write_text(
        "".join(f"<!-- {part}: begin -->\n<!-- {part}: end -->\n" for part in ("bench.pipeline", "bench.engine"))
    )
    return file


def test_the_sentences_have_the_figures_of_the_deployed_batch_size(measured: Path) -> None:
    page.write("bench.pipeline", f"{ABOUT}\n\n{SPEEDS}\n\n{PEAKS}", measured)
    page.write("bench.engine", f"{ABOUT}\n\n{CPU}", measured)

    assert claims.sentences(measured, 50) == (
        "With S3 50 ms away, one environment processes 4.31 times as many small images a second as Powertools' batch"
        " and idempotency utilities, and 2.40 times as many 12 MP photos. Compared with a loop with ten threads, it"
        " processes 1.18 times as many small images in 0.27 of the memory, and 0.96 times as many 12 MP photos in 0.21"
        " of the memory."
        " Rendering a 12 MP photo takes 0.81 of the CPU time of sharp's best cascade, and 0.30 of that of sharp called"
        " once for each variant. [Measured](docs/benchmarks.md) on a CPU."
    )


def test_nothing_is_claimed_of_what_was_not_measured(measured: Path) -> None:
    page.write("bench.pipeline", f"{ABOUT}\n\n{SPEEDS}\n\n{PEAKS}", measured)

    assert claims.sentences(measured, 10) == ""


def test_the_readme_says_what_the_tables_say() -> None:
    """`python -m bench.claims --write` writes it."""
    assert page.read(claims.PART, claims.README) == claims.sentences(page.PAGE, deployed_batch())
