"""The baseline: the least that a Django project can do to take an event, in the same server as Tocsin."""
