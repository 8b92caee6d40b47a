"""The two sides of the matrix, and the rings."""

from django.contrib import admin

from schedules.admin.base import ModelAdmin
from stakeholders.models import Deployment, Product, StakeholderRing

TO_MATRIX = "admin/stakeholders/to_matrix.html"


class SideAdmin(ModelAdmin):
    readable = True
    list_display = ("name", "description", "order")
    search_fields = ("name", "description")
    fields = ("name", "description", "order")
    list_before_template = TO_MATRIX


@admin.register(Deployment)
class DeploymentAdmin(SideAdmin):
    """Rows of the matrix."""


@admin.register(Product)
class ProductAdmin(SideAdmin):
    """Columns of the matrix."""


@admin.register(StakeholderRing)
class StakeholderRingAdmin(ModelAdmin):
    readable = True
    list_display = ("number", "name", "boundary")
    list_display_links = ("number", "name")
    search_fields = ("name",)
    fields = ("number", "name", "boundary")
