"""A constraint over the rows of two tables, which the database holds by a trigger."""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement

# The function has the trigger's name. A violation is an IntegrityError, as with other constraints.
CREATE = """
CREATE FUNCTION %(name)s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (%(violated)s) THEN
        RAISE EXCEPTION '%(message)s' USING ERRCODE = 'check_violation', CONSTRAINT = '%(name)s', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER %(name)s BEFORE %(on)s ON %(table)s FOR EACH ROW EXECUTE FUNCTION %(name)s()
"""
REMOVE = "DROP TRIGGER %(name)s ON %(table)s; DROP FUNCTION %(name)s()"


class TriggerConstraint(models.BaseConstraint):
    """`violated`: the condition in SQL under which the row NEW is refused. `on`: the events, such as INSERT OR UPDATE OF a column.

    Forms do not check it: the model's `clean` has to say the same.
    """

    def __init__(self, *, name: str, on: str, violated: str, violation_error_message: str) -> None:
        super().__init__(name=name, violation_error_message=violation_error_message)
        self.on, self.violated = on, violated

    def create_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> Any:
        return self._statement(CREATE, model)

    def remove_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> Any:
        return self._statement(REMOVE, model)

    def constraint_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        assert schema_editor
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))
        return ""

    def validate(self, *args: Any, **kwargs: Any) -> None:
        pass

    def _statement(self, template: str, model: type[models.Model] | None) -> Statement:
        assert model
        parts = {"name": self.name, "on": self.on, "violated": self.violated, "table": model._meta.db_table}
        return Statement(template, **parts, message=self.violation_error_message)

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "on": self.on, "violated": self.violated}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TriggerConstraint) and self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash(self.name)
