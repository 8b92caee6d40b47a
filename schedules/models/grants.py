from django.contrib.contenttypes.fields import GenericRelation
from django.db import models


class Grantable(models.Model):
    """A model whose rows can be granted to people and teams one by one. The grants of a row are deleted with it, however that
    happens; otherwise guardian would keep them for a later row with the same id.
    """

    group_grants = GenericRelation("guardian.GroupObjectPermission", object_id_field="object_pk")
    user_grants = GenericRelation("guardian.UserObjectPermission", object_id_field="object_pk")

    class Meta:
        abstract = True
