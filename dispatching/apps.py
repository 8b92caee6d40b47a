from django.apps import AppConfig


class DispatchingConfig(AppConfig):
    name = "dispatching"
    verbose_name = "Dispatching"
