"""A file after the other, several at once, and what became of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from ops.cli.upload.content import FileFacts, Inspect
from ops.cli.upload.files import LocalFile
from processing.errors import PreconditionFailed, Rejected

ENOUGH: Final = 20  # files that failed one after the other: the rest would fail as well
AHEAD: Final = 4  # files that are handed to each thread in advance


class Verdict(StrEnum):
    """What became of a file."""

    UPLOADED = "uploaded"
    THERE = "there already"
    REFUSED = "refused"
    FAILED = "failed"
    NOT_TRIED = "not tried"


LEFT: Final = (Verdict.REFUSED, Verdict.FAILED, Verdict.NOT_TRIED)


@dataclass(frozen=True, slots=True)
class Result:
    """A file and what became of it: ``etag`` where it is in the bucket, else ``why`` it is not."""

    file: LocalFile
    verdict: Verdict
    etag: str = ""
    why: str = ""


class Bucket(Protocol):
    """Where the files go."""

    def put(self, file: LocalFile, facts: FileFacts, only_if: Mapping[str, str]) -> str:
        """Upload one; its ETag.

        Raises:
            PreconditionFailed: the condition did not hold.
        """
        ...


class PresentFiles(Protocol):
    """What is there already."""

    def etag_of_same(self, file: LocalFile) -> str | None: ...

    def etag_of_same_now(self, file: LocalFile) -> str | None: ...

    def unchanged(self, file: LocalFile) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Uploader:
    """Uploads files that are not there yet, and that ``inspect`` does not refuse.

    Every write is conditional on what the walk over the bucket has seen, so that none is done twice: not when a request
    is repeated because its answer was lost, and not when one of a killed run arrives after this one's walk.

    Args:
        threads: files at once.
    """

    present: PresentFiles
    inspect: Inspect
    bucket: Bucket
    threads: int
    on_result: Callable[[Result], None] = lambda _result: None

    def run(self, files: Sequence[LocalFile]) -> list[Result]:
        """What became of each, in the order in which they came to their ends.

        Interrupted, or after ``ENOUGH`` failures in a row, it lets what is in transfer end, and begins nothing more.
        """
        waiting, results, failed = iter(files), list[Result](), 0
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="upload")
        try:
            running = self._submit(pool, islice(waiting, self.threads * AHEAD))
            while running and failed < ENOUGH:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    results.append(self._report(future.result()))
                    failed = failed + 1 if results[-1].verdict is Verdict.FAILED else 0
                running |= self._submit(pool, islice(waiting, len(finished)))
        finally:
            pool.shutdown(cancel_futures=True)
        results += [self._report(future.result()) for future in running if not future.cancelled()]
        tried = {result.file.key for result in results}
        return results + [self._report(Result(file, Verdict.NOT_TRIED)) for file in files if file.key not in tried]

    def _submit(self, pool: ThreadPoolExecutor, files: Iterator[LocalFile]) -> set[Future[Result]]:
        return {pool.submit(self._one, file) for file in files}

    def _report(self, result: Result) -> Result:
        self.on_result(result)
        return result

    def _one(self, file: LocalFile) -> Result:
        try:
            return self._upload(file)
        except Rejected as error:
            return Result(file, Verdict.REFUSED, why=f"{error.cause}: {error}")
        except (OSError, ClientError, BotoCoreError) as error:
            return Result(file, Verdict.FAILED, why=str(error))

    def _upload(self, file: LocalFile) -> Result:
        if (there := self.present.etag_of_same(file)) is not None:
            return Result(file, Verdict.THERE, there)
        facts = self.inspect(file.path, file.key)
        try:
            return Result(file, Verdict.UPLOADED, self.bucket.put(file, facts, self.present.unchanged(file)))
        except PreconditionFailed:
            return self._overtaken(file)

    def _overtaken(self, file: LocalFile) -> Result:
        """Somebody was faster: a request of ours whose answer was lost, one of a killed run, or another uploader."""
        if (there := self.present.etag_of_same_now(file)) is not None:
            return Result(file, Verdict.THERE, there)
        return Result(file, Verdict.FAILED, why="another content came under its key meanwhile")
