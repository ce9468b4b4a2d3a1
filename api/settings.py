"""The settings of the API's function, from environment variables: read once, every fault reported at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from processing.settings import LEVELS, reading

AUTHORIZERS: Final = ("api-key", "iam", "jwt")


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Each field is the variable of the same name in capitals.

    ``consumer_memory`` is the memory of the consumer's function in megabytes; it limits the size of a file.
    ``operators`` are the callers that see every image: ids of API keys, users and roles, or names of groups.
    ``erasures_queue_url`` is empty where the stage erases no images.
    """

    uploads_bucket: str
    uploads_prefix: str
    variants_bucket: str
    images_table: str
    consumer_memory: float
    authorizer: str
    operators: frozenset[str]
    cors_origins: frozenset[str]
    cdn_url: str
    upload_seconds: int
    link_seconds: int
    erasures_queue_url: str
    log_level: str

    @classmethod
    def from_mapping(cls, env: Mapping[str, str]) -> "ApiSettings":
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
                consumer_memory=read.number("CONSUMER_MEMORY", at_least=128),
                authorizer=read.choice("AUTHORIZER", AUTHORIZERS, default="api-key"),
                operators=_listed(env.get("OPERATORS", "")),
                cors_origins=_listed(env.get("CORS_ORIGINS", "")),
                cdn_url=env.get("CDN_URL", "").rstrip("/"),
                upload_seconds=read.whole("UPLOAD_SECONDS", at_least=1),
                link_seconds=read.whole("LINK_SECONDS", at_least=1),
                erasures_queue_url=env.get("ERASURES_QUEUE_URL", ""),
                log_level=read.choice("LOG_LEVEL", LEVELS, default="INFO"),
            )


def _listed(text: str) -> frozenset[str]:
    return frozenset(filter(None, map(str.strip, text.split(","))))
