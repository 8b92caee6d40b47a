"""Settings for all environments. Values come from environment variables; a wrong value stops the start and is named."""

import os
import re
import secrets
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import dj_email_url
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from environs import Env, EnvError

from config.access.headers import OURS
from config.database.limits import JOBS, job_of, options_of
from config.embedded import broker, postgres
from config.embedded.loopback import only_here
from config.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
MAILBOX = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]+")
TAGGED = re.compile(r"[!-?A-~]{1,20}@[A-Za-z0-9.-]+")  # of the 64 characters before the @, we add 44
SECRET = re.compile(r"[A-Za-z0-9_-]{16,}")
COUNTRY = re.compile(r"\+[1-9][0-9]{0,6}")
VAPID_KEY = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes in Base64 for URLs
env = Env()


def knob(read, name: str, default: Any, *, allowed=lambda value: True, hint: str = "") -> Any:
    """The value of an environment variable; if it is wrong, raises ImproperlyConfigured with a sentence that names it."""
    try:
        value = read(name, default)
    except (EnvError, ValueError, KeyError) as error:
        raise ImproperlyConfigured(f"The environment variable {name} has a wrong value: {error} {hint}") from None
    if not allowed(value):
        raise ImproperlyConfigured(f"The environment variable {name} has a wrong value. {hint}")
    return value


def url_of(name: str, default: str, schemes: tuple[str, ...]) -> str:
    return knob(
        env.str,
        name,
        default,
        allowed=lambda value: urlsplit(value).scheme in schemes,
        hint=f"It must start with one of: {', '.join(s + '://' for s in schemes if s)}.",
    )


def mailbox(name: str, *, tagged: bool = False) -> str:
    """The value of an environment variable that is one plain mail address, or empty. `tagged`: we add `+…` before its @."""
    hint = "It must be one mail address, such as news@example.org"
    hint += ", with at most 20 characters before the @." if tagged else "."
    pattern = TAGGED if tagged else MAILBOX
    return knob(env.str, name, "", allowed=lambda value: not value or pattern.fullmatch(value), hint=hint)


def secret(name: str) -> str:
    """The value of an environment variable that is a secret for URLs, too long to be guessed, or empty."""
    hint = "It must be empty or at least 16 letters, digits, - or _."
    return knob(env.str, name, "", allowed=lambda value: not value or SECRET.fullmatch(value), hint=hint)


def kept_secret(path: Path, size: int = 48) -> str:
    """A secret of `size` random bytes, created on the first start and kept in `path`, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(size))
    return path.read_text().strip()


# --- folders and addresses --------------------------------------------------------------------------------------------
VAR_DIR = Path(knob(env.str, "VAR_DIR", str(BASE_DIR / "var"))).resolve()
HOST = knob(env.str, "HOST", "127.0.0.1")
PORT = knob(env.int, "PORT", 8000, allowed=lambda port: 0 < port < 65536, hint="It must be a port number.")
PUBLIC_URL = url_of("PUBLIC_URL", f"http://{HOST}:{PORT}", ("http", "https")).rstrip("/")
ONLY_HERE = only_here(HOST, PUBLIC_URL)  # nobody but this machine can reach us
DEBUG = knob(env.bool, "DEBUG", False)
SECRET_KEY = knob(env.str, "SECRET_KEY", "") or kept_secret(VAR_DIR / "secret_key")
SECRET_KEY_FALLBACKS = knob(env.list, "SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS = knob(
    env.list, "ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", HOST, urlsplit(PUBLIC_URL).hostname]
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# --- applications -----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # the plain "unfold" would replace our admin site with its own
    "config.apps.TocsinAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "guardian",
    "axes",
    "schedules",
    "dispatching",
    "stakeholders",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.access.headers.Headers",
    "config.serving.senders.Senders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.serving.unavailable.Unavailable",
    "axes.middleware.AxesMiddleware",
]
SILENCED_SYSTEM_CHECKS = ["urls.W002"]  # addresses of senders are taken with a doubled slash, too
ROOT_URLCONF = "config.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # our own widgets are in templates/
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # no collectstatic: static files are found once, at the start
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "schedules.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# So many wrong passwords for one user name from one network lock it there for a while: whoever guesses elsewhere cannot
# lock a person on call out.
AXES_FAILURE_LIMIT = knob(env.int, "LOGIN_ATTEMPTS", 10, allowed=lambda n: n > 0, hint="It must be 1 or more.")
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "config.access.login.network"
AXES_LOCKOUT_CALLABLE = "config.access.login.locked"
AXES_RESET_ON_SUCCESS = True
AXES_NEVER_LOCKOUT_GET = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # who logged in when is in last_login; we keep no more about people than we need
AXES_ENABLE_ADMIN = False  # its page is ours
AXES_VERBOSE = False
ANONYMOUS_USER_NAME = None  # guardian creates no user of its own (faults O14)
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/on-call/"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
USE_I18N = True  # for messages; pages are in LANGUAGE_CODE
SECURE_REFERRER_POLICY = "same-origin"  # with "no-referrer" browsers send "Origin: null", and no form gets past CSRF
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "config.access.sessions"
SESSION_COOKIE_AGE = 3600 * knob(
    env.int, "SESSION_HOURS", 12, allowed=lambda n: 0 < n <= 336, hint="It must be 1 to 336 hours."
)
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {"DIRECTIVES": OURS}

# --- admin ------------------------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Tocsin",
    "SITE_HEADER": "Tocsin",
    "SITE_SUBHEADER": "the right person, and nobody else",
    "SITE_SYMBOL": "notifications_active",
    "SITE_URL": "/on-call/",
    "SITE_FAVICONS": [{"rel": "icon", "href": "data:,"}],
    "STYLES": [lambda request: static("schedules/admin.css")],
    "SIDEBAR": {"show_search": True, "navigation": "config.admin.sidebar"},
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(48.8% .243 264.376)",
            "700": "oklch(42.4% .199 265.638)",
            "800": "oklch(37.9% .146 265.522)",
            "900": "oklch(32% .11 266)",
            "950": "oklch(28.2% .091 267.935)",
        }
    },
}

# --- database ---------------------------------------------------------------------------------------------------------
DATABASE_URL = url_of("DATABASE_URL", "", ("", "postgres", "postgresql")) or postgres.url(VAR_DIR)
DATABASE_POOLER = knob(env.bool, "DATABASE_POOLER", False)
_database = dj_database_url.parse(DATABASE_URL, engine="config.database")
DATABASES = {
    "default": {
        **_database,
        # A new connection for each request costs 40 times a kept one, which is checked before use (faults D1).
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": DATABASE_POOLER,
        "OPTIONS": options_of(JOBS[job_of(sys.argv)], _database.get("OPTIONS", {}), pooler=DATABASE_POOLER),
    }
}

# --- tasks ------------------------------------------------------------------------------------------------------------
PUBLISH_TIMEOUT = 2  # seconds; the longest that a broker that does not answer delays us (faults B2)
BROKERS = ("", broker.SCHEME, "amqp", "amqps", "pyamqp", "redis", "rediss", "memory")
CELERY_BROKER_URL = url_of("CELERY_BROKER_URL", "", BROKERS) or broker.url(VAR_DIR)
CELERY_BROKER_TRANSPORT_OPTIONS = broker.options(CELERY_BROKER_URL, VAR_DIR, PUBLISH_TIMEOUT)
CELERY_BROKER_CONNECTION_TIMEOUT = PUBLISH_TIMEOUT
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "housekeeping"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 4
CELERY_DB_REUSE_MAX = sys.maxsize  # otherwise Celery closes the database connection for each task
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "dispatching.tasks.sweep", "schedule": timedelta(seconds=5), "options": {"expires": 5}},
    "audit": {"task": "dispatching.tasks.audit", "schedule": timedelta(seconds=30), "options": {"expires": 30}},
    "stakeholders": {
        "task": "stakeholders.tasks.sweep",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "calendars": {
        "task": "dispatching.tasks.fetch_calendars",
        "schedule": timedelta(seconds=30),
        "options": {"expires": 30},
    },
}
CELERY_TASK_ROUTES = {
    "dispatching.tasks.run_*": {"queue": "engine"},
    "dispatching.tasks.sweep": {"queue": "engine"},
    "dispatching.tasks.send_due_page": {"queue": "page"},
    "dispatching.tasks.send_due_bulk": {"queue": "bulk"},
}
ALARMS = True  # off in tests, which move the clock and call the sweeps themselves
SWEEP_SECONDS = knob(
    env.float, "SWEEP_SECONDS", 2.0, allowed=lambda s: 0 < s <= 30, hint="It must be more than 0 and at most 30."
)

# --- sending ----------------------------------------------------------------------------------------------------------
LEASE_SECONDS = 30  # a sender that has been silent for this long is taken to be dead
PROVIDER_TIMEOUT = 10  # less than half of the lease, so that a slow call never outlives it (faults A14)
FILES = "files"
EMAIL_URL = knob(env.str, "EMAIL_URL", "") or ("" if env.str("DATABASE_URL", "") else FILES)
if not EMAIL_URL:
    raise ImproperlyConfigured(
        "The environment variable EMAIL_URL is missing. With a database server, pages must leave this machine: set it to your "
        f"mail server, such as smtp://user:password@host:25, or to {FILES} to write mail into files on purpose."
    )
DEFAULT_FROM_EMAIL = knob(env.str, "DEFAULT_FROM_EMAIL", f"Tocsin <tocsin@{urlsplit(PUBLIC_URL).hostname}>")
# The addresses for answers, for mail that the mail server cannot deliver (bounces+KEY-…@…, one address for each
# delivery), and for mails that end subscriptions. Mail to the last two comes back to us: by receive_mail, or by POST
# with this secret.
REPLY_TO = mailbox("REPLY_TO")
BOUNCE_ADDRESS = mailbox("BOUNCE_ADDRESS", tagged=True)
UNSUBSCRIBE_ADDRESS = mailbox("UNSUBSCRIBE_ADDRESS", tagged=True)
INBOUND_SECRET, INBOUND_SIGNING_SECRET = secret("INBOUND_SECRET"), secret("INBOUND_SIGNING_SECRET")
# An address is suspended once its mailbox has temporarily refused mail on this many days within this many days.
SOFT_BOUNCES = knob(env.int, "SOFT_BOUNCES", 3, allowed=lambda n: n > 0, hint="It must be 1 or more.")
SOFT_BOUNCE_DAYS = knob(
    env.int, "SOFT_BOUNCE_DAYS", 30, allowed=lambda n: 0 < n < 1000, hint="It must be 1 to 999 days."
)
DKIM_SELECTOR = knob(env.str, "DKIM_SELECTOR", "")  # of the mail server, which signs; check_mail looks up its key
WEBHOOK_ALLOW_PRIVATE = knob(env.bool, "WEBHOOK_ALLOW_PRIVATE", "DATABASE_URL" not in os.environ)
WEBHOOK_SIGNING_SECRET = knob(env.str, "WEBHOOK_SIGNING_SECRET", "")
# Text messages are sent only if a gateway is set. Strangers can enter their own numbers only if countries are named,
# and the messages that they cause are limited per hour and per day.
SMS_GATEWAY_URL = url_of("SMS_GATEWAY_URL", "", ("", "http", "https"))
SMS_GATEWAY_TOKEN = knob(env.str, "SMS_GATEWAY_TOKEN", "")
SMS_SENDER = knob(env.str, "SMS_SENDER", "")
SMS_COUNTRIES = knob(
    env.list,
    "SMS_COUNTRIES",
    [],
    allowed=lambda prefixes: all(COUNTRY.fullmatch(prefix) for prefix in prefixes),
    hint="It must be prefixes of phone numbers, such as +44,+353.",
)
SMS_PER_HOUR = knob(env.int, "SMS_PER_HOUR", 20, allowed=lambda n: n > 0, hint="It must be 1 or more per hour.")
SMS_PER_DAY = knob(env.int, "SMS_PER_DAY", 100, allowed=lambda n: n > 0, hint="It must be 1 or more per day.")
# The key of browser notifications, any 32 bytes. If it changes, every browser has to subscribe again.
VAPID_PRIVATE_KEY = knob(
    env.str,
    "VAPID_PRIVATE_KEY",
    "",
    allowed=lambda value: not value or VAPID_KEY.fullmatch(value),
    hint="It must be 32 bytes in Base64 for URLs, 43 characters.",
) or kept_secret(VAR_DIR / "vapid_key", 32)
# The services through which common browsers get notifications; subdomains are allowed, too.
PUSH_OF_BROWSERS = ["fcm.googleapis.com", "push.services.mozilla.com", "push.apple.com", "notify.windows.com"]
PUSH_SERVICES = knob(env.list, "PUSH_SERVICES", PUSH_OF_BROWSERS)
MEMORY_CHANNEL = False

if EMAIL_URL != FILES:
    if urlsplit(EMAIL_URL).scheme not in dj_email_url.SCHEMES or not urlsplit(EMAIL_URL).hostname:
        raise ImproperlyConfigured("The environment variable EMAIL_URL has a wrong value. Example: smtp://host:25")
    _mail = dj_email_url.parse(EMAIL_URL)
    EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_BACKEND"], _mail["EMAIL_HOST"], _mail["EMAIL_PORT"] or 25
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"] or "", _mail["EMAIL_HOST_PASSWORD"] or ""
    EMAIL_USE_TLS, EMAIL_USE_SSL = _mail["EMAIL_USE_TLS"], _mail["EMAIL_USE_SSL"]
else:
    EMAIL_BACKEND = "dispatching.channels.email.mailfiles.EmailBackend"
    EMAIL_FILE_PATH = VAR_DIR / "mail"
EMAIL_TIMEOUT = PROVIDER_TIMEOUT

# --- public forms -----------------------------------------------------------------------------------------------------
FORMS_PER_NETWORK = knob(
    env.int, "FORMS_PER_NETWORK", 30, allowed=lambda n: n > 0, hint="It must be 1 or more per hour."
)
FORMS_IN_ALL = knob(env.int, "FORMS_IN_ALL", 3000, allowed=lambda n: n > 0, hint="It must be 1 or more per hour.")
# The number of proxies in front of us, each of which adds its caller's address to X-Forwarded-For.
PROXIES = knob(env.int, "PROXIES", 0, allowed=lambda n: 0 <= n < 10, hint="It must be 0 to 9, the number of proxies.")

# --- API --------------------------------------------------------------------------------------------------------------
INTAKE_LIMIT = 512 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "schedules.people.tokens_api.ScopedTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.DjangoModelPermissions"],
    "DEFAULT_PARSER_CLASSES": ["dispatching.inbound.api_parser.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "schedules.surfaces.pagination.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.api.answer_error",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tocsin",
    "VERSION": "1",
    "DESCRIPTION": "Gets each alert to the person who can act on it. Log in with the header `Authorization: Token …`. "
    "People make tokens on the page of their account; `python manage.py create_api_token USERNAME` prints one.",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "AlertState": "dispatching.models.alert.Alert.State",
        "DeliveryState": "dispatching.models.delivery.Delivery.State",
        "EscalationState": "dispatching.models.escalation.Escalation.State",
        "TimelineKind": "dispatching.models.alert.AlertEvent.Kind",
        "TargetType": "dispatching.models.policy.Target.KINDS",
        "SwapState": "schedules.models.arrangements.SwapRequest.State",
        "RotationUnit": "schedules.models.schedule.Rotation.Unit",
        "Severity": "dispatching.models.routing.Severity",
        "NoticeKind": "dispatching.models.notice.Notice.Kind",
    },
}

LOGGING = logging_config(
    knob(env.str, "LOG_LEVEL", "INFO", allowed=lambda v: v in ("DEBUG", "INFO", "WARNING", "ERROR"))
)
LOGGING_CONFIG = "logging.config.dictConfig"
