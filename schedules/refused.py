"""The exception with which a verb refuses. The admin and the pages show its sentence; the API answers 409 with it."""


class Refused(Exception):
    """A refusal, as a sentence for people; `field` names the input at fault, if there is one."""

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field
