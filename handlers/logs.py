"""Logs for machines: one JSON object a line on standard output, as CloudWatch Logs Insights reads them."""

import json
import logging
import sys


class JsonFormatter(logging.Formatter):
    """Level, message and the fields given as ``extra={"data": {...}}``; a traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"level": record.levelname, "message": record.getMessage(), **getattr(record, "data", {})}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_as_json(level: str, *others: logging.Handler) -> None:
    """Send the ``darkroom`` logger to standard output, instead of through Lambda's own handler, and to ``others``."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    log = logging.getLogger("darkroom")
    log.handlers = [handler, *others]
    log.propagate = False
    log.setLevel(min(logging.INFO, logging.getLevelNamesMapping()[level]))
    handler.setLevel(level)
