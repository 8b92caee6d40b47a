"""Structured logs: one line of JSON for each event, with the alert's id if there is one, and without secrets."""

import re
from typing import Any

import structlog

# Tokens in links and keys in intake paths are credentials, so no part of them may reach a log (faults K13).
# Intake takes doubled slashes, and a mistyped path is logged as it came: in capitals, with spaces, with the key as a parameter.
SECRET_IN_PATH = re.compile(
    r"(/+(?:a|c|integrations|inbound/+\w+|subscriptions(?:/+(?:confirm|not-me))?|unsubscribe|feedback|calendar)/+\s*)[^/\s\"'?]+",
    re.IGNORECASE,
)
SECRET_IN_QUERY = re.compile(r"([?&;][^=&\s]*(?:key|token|secret|password)[^=&\s]*=)[^&;\s\"'<>]+", re.IGNORECASE)


def mask(text: str) -> str:
    return SECRET_IN_QUERY.sub(r"\1…", SECRET_IN_PATH.sub(r"\1…", text))


def mask_event(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Masks every text; converts values that are not plain, such as a request, to text first."""
    plain = (int, float, bool, type(None))
    return {key: value if isinstance(value, plain) else mask(str(value)) for key, value in event.items()}


PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,  # the plain traceback: no local variables
    mask_event,
]
FORMATTER = {
    "()": structlog.stdlib.ProcessorFormatter,
    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
    "foreign_pre_chain": PROCESSORS,
}
# At INFO these log lines for each task or log-in, with nothing that the database does not have.
QUIET = ("celery.worker.strategy", "celery.app.trace", "axes")

# Django's own handlers on these would write the same lines beside ours, with tokens in paths as they came (S12).
DJANGOS = ("django", "django.server")
ONLY_OURS = {"handlers": [], "propagate": True, "level": "INFO"}


def logging_config(level: str) -> dict[str, Any]:
    """The value of LOGGING: everything of `level` and above, as JSON to standard error. Also configures structlog."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": FORMATTER},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {name: {"level": "WARNING"} for name in QUIET} | dict.fromkeys(DJANGOS, ONLY_OURS),
    }
