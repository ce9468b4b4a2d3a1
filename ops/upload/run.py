"""A file after the other, several at once, and what became of each."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from ops.upload.files import File
from ops.upload.looking import About, Look
from processing.errors import Rejected

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

    file: File
    verdict: Verdict
    etag: str = ""
    why: str = ""


class Bucket(Protocol):
    """Where the files go."""

    def put(self, file: File, about: About) -> str:
        """Upload one; its ETag."""
        ...


class Known(Protocol):
    """What is there already."""

    def etag_of_same(self, file: File) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Upload:
    """Uploads files that are not there yet, and that ``look`` does not refuse.

    Args:
        threads: files at once.
    """

    present: Known
    look: Look
    bucket: Bucket
    threads: int
    on_result: Callable[[Result], None] = lambda _result: None

    def run(self, files: Sequence[File]) -> list[Result]:
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
                    results.append(self._tell(future.result()))
                    failed = failed + 1 if results[-1].verdict is Verdict.FAILED else 0
                running |= self._submit(pool, islice(waiting, len(finished)))
        finally:
            pool.shutdown(cancel_futures=True)
        results += [self._tell(future.result()) for future in running if not future.cancelled()]
        tried = {result.file.key for result in results}
        return results + [self._tell(Result(file, Verdict.NOT_TRIED)) for file in files if file.key not in tried]

    def _submit(self, pool: ThreadPoolExecutor, files: Iterator[File]) -> set[Future[Result]]:
        return {pool.submit(self._one, file) for file in files}

    def _tell(self, result: Result) -> Result:
        self.on_result(result)
        return result

    def _one(self, file: File) -> Result:
        try:
            if (there := self.present.etag_of_same(file)) is not None:
                return Result(file, Verdict.THERE, there)
            about = self.look(file.path, file.key)
            return Result(file, Verdict.UPLOADED, self.bucket.put(file, about))
        except Rejected as error:
            return Result(file, Verdict.REFUSED, why=f"{error.cause}: {error}")
        except (OSError, ClientError, BotoCoreError) as error:
            return Result(file, Verdict.FAILED, why=str(error))
