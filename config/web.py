"""The web application that granian serves."""

import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

from config.database.start import try_out
from config.serving.gate import Gate

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django = get_wsgi_application()
try_out()
# Only now, because models can be imported only when Django is set up.
application = Gate(django, import_module("dispatching.inbound.keys").is_known)
