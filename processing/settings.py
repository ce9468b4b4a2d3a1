"""The settings of the functions, read from their environment; all faults are reported together."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from processing.errors import Misconfigured

RENDERINGS = ("sandbox", "sandbox-only", "in-process")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True)
class Settings:
    """The consumer's settings; each field is the variable of the same name in capitals. Times are in seconds.

    ``memory`` and ``function`` are Lambda's own AWS_LAMBDA_FUNCTION_MEMORY_SIZE, in megabytes, and
    AWS_LAMBDA_FUNCTION_NAME; what ``rendering`` may be is explained in `handlers.rendering`. ``cpus`` is set outside
    Lambda only, where they do not follow the memory.
    """

    uploads_bucket: str
    uploads_prefix: str
    variants_bucket: str
    images_table: str
    queue_url: str
    max_receive_count: int
    function_timeout: float
    try_seconds: float
    lease_seconds: float
    removals: bool
    code_version: str
    log_level: str
    memory: float
    cpus: float | None
    function: str
    rendering: str
    tracing: bool

    @classmethod
    def from_mapping(cls, env: Mapping[str, str]) -> "Settings":
        """Read the settings, usually from ``os.environ``.

        Raises:
            Misconfigured: with one sentence for each variable that is missing or invalid.
        """
        with reading(env) as read:
            settings = cls(
                uploads_bucket=read.text("UPLOADS_BUCKET"),
                uploads_prefix=env.get("UPLOADS_PREFIX", ""),
                variants_bucket=read.text("VARIANTS_BUCKET"),
                images_table=read.text("IMAGES_TABLE"),
                queue_url=read.text("QUEUE_URL"),
                max_receive_count=read.whole("MAX_RECEIVE_COUNT", at_least=1),
                function_timeout=read.number("FUNCTION_TIMEOUT", at_least=1),
                try_seconds=read.number("TRY_SECONDS", at_least=1),
                lease_seconds=read.number("LEASE_SECONDS", at_least=1),
                removals=read.choice("REMOVALS", ("true", "false"), default="false") == "true",
                code_version=read.text("CODE_VERSION"),
                log_level=read.choice("LOG_LEVEL", LEVELS, default="INFO"),
                memory=read.number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", at_least=128),
                cpus=read.number("CPUS", at_least=0.1) if env.get("CPUS") else None,
                function=env.get("AWS_LAMBDA_FUNCTION_NAME", "consumer"),
                rendering=read.choice("RENDERING", RENDERINGS, default="sandbox"),
                tracing=read.choice("TRACING", ("true", "false"), default="false") == "true",
            )
            if not read.faults and settings.lease_seconds <= settings.function_timeout:
                read.faults.append(
                    f"LEASE_SECONDS: {settings.lease_seconds:g} must exceed FUNCTION_TIMEOUT "
                    f"{settings.function_timeout:g}, or a running worker could lose its claim"
                )
            if not read.faults and settings.try_seconds > settings.function_timeout / 2:
                read.faults.append(
                    f"TRY_SECONDS: {settings.try_seconds:g} must be at most half of FUNCTION_TIMEOUT "
                    f"{settings.function_timeout:g}, or no image could be tried twice"
                )
        return settings


@dataclass(frozen=True, slots=True)
class AnnouncerSettings:
    """The announcer's settings; each field is the variable of the same name in capitals."""

    event_bus: str
    variants_bucket: str
    cdn_url: str
    log_level: str

    @classmethod
    def from_mapping(cls, env: Mapping[str, str]) -> "AnnouncerSettings":
        """Read the settings, usually from ``os.environ``.

        Raises:
            Misconfigured: with one sentence for each variable that is missing or invalid.
        """
        with reading(env) as read:
            return cls(
                event_bus=read.text("EVENT_BUS"),
                variants_bucket=read.text("VARIANTS_BUCKET"),
                cdn_url=env.get("CDN_URL", "").rstrip("/"),
                log_level=read.choice("LOG_LEVEL", LEVELS, default="INFO"),
            )


@dataclass(frozen=True, slots=True)
class EraserSettings:
    """The eraser's settings; each field is the variable of the same name in capitals.

    No ``cdn_url`` means no CDN, no ``event_bus`` no events. ``switches`` are the names of the
    parameters that are on.
    """

    uploads_bucket: str
    uploads_prefix: str
    variants_bucket: str
    images_table: str
    queue_url: str
    cdn_url: str
    event_bus: str
    log_retention_days: int
    queue_retention_days: int
    dlq_retention_days: int
    switches: frozenset[str]
    log_level: str

    @classmethod
    def from_mapping(cls, env: Mapping[str, str]) -> "EraserSettings":
        """Read the settings, usually from ``os.environ``.

        Raises:
            Misconfigured: with one sentence for each variable that is missing or invalid.
        """
        with reading(env) as read:
            return cls(
                uploads_bucket=read.text("UPLOADS_BUCKET"),
                uploads_prefix=env.get("UPLOADS_PREFIX", ""),
                variants_bucket=read.text("VARIANTS_BUCKET"),
                images_table=read.text("IMAGES_TABLE"),
                queue_url=read.text("QUEUE_URL"),
                cdn_url=env.get("CDN_URL", ""),
                event_bus=env.get("EVENT_BUS", ""),
                log_retention_days=read.whole("LOG_RETENTION_DAYS", at_least=1),
                queue_retention_days=read.whole("QUEUE_RETENTION_DAYS", at_least=1),
                dlq_retention_days=read.whole("DLQ_RETENTION_DAYS", at_least=1),
                switches=frozenset(read.text("SWITCHES").split(",")),
                log_level=read.choice("LOG_LEVEL", LEVELS, default="INFO"),
            )


@contextmanager
def reading(env: Mapping[str, str]) -> Iterator["Reader"]:
    """Read settings from ``env``, each by its variable, and report all faults at the end.

    Raises:
        Misconfigured: with one sentence for each variable that is missing or invalid.
    """
    read = Reader(env)
    yield read
    if read.faults:
        raise Misconfigured(read.faults)


class Reader:
    """Reads typed values and collects their faults."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.faults: list[str] = []

    def text(self, name: str) -> str:
        value = self._env.get(name, "")
        if not value:
            self.faults.append(f"{name}: is not set")
        return value

    def number(self, name: str, *, at_least: float) -> float:
        text = self.text(name)
        try:
            value = float(text or at_least)
        except ValueError:
            self.faults.append(f"{name}: {text!r} is not a number")
            return at_least
        if not at_least <= value < float("inf"):
            self.faults.append(f"{name}: {text} must be at least {at_least:g}")
            return at_least
        return value

    def whole(self, name: str, *, at_least: int) -> int:
        return int(self.number(name, at_least=at_least))

    def choice(self, name: str, choices: tuple[str, ...], *, default: str) -> str:
        value = self._env.get(name) or default
        if value not in choices:
            self.faults.append(f"{name}: {value!r} is not one of {', '.join(choices)}")
        return value
