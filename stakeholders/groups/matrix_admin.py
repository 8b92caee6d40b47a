"""The admin of the two sides of the matrix (deployments and products) and of the rings."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from schedules.surfaces.admin import ModelAdmin
from stakeholders.models import Deployment, Product, StakeholderRing

TO_MATRIX = "admin/stakeholders/to_matrix.html"


class SideAdmin(ModelAdmin):
    readable = True
    list_display = ("name", "description", "order")
    search_fields = ("name", "description")
    fields = ("name", "description", "order")
    list_before_template = TO_MATRIX

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple:
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        used_by = [f"{row._meta.verbose_name} {row}" for obj in objs for row in obj.used_by()]
        return deleted, counts, lacking, [*protected, *used_by]


@admin.register(Deployment)
class DeploymentAdmin(SideAdmin):
    """The rows of the matrix."""


@admin.register(Product)
class ProductAdmin(SideAdmin):
    """The columns of the matrix."""


@admin.register(StakeholderRing)
class StakeholderRingAdmin(ModelAdmin):
    readable = True
    list_display = ("number", "name", "boundary", "told")
    list_display_links = ("number", "name")
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("number", "name", "boundary")}),
        ("When it is told", {"fields": ("match", ("elapsed", "projected"), ("priority", "severity"))}),
    )
    preview_template = "admin/stakeholders/ring.html"

    @admin.display(description="told")
    def told(self, ring: StakeholderRing) -> str:
        return ring.rule.sentence

    def preview(self, request: HttpRequest, obj: StakeholderRing, now: datetime) -> dict[str, Any]:
        inner = StakeholderRing.objects.filter(number__lt=obj.number).last()
        return {"ring": obj, "inner": inner, "groups": obj.groups.all()}
