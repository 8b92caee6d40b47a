"""The one way in which a verb says no. Admin and pages show the sentence, the API answers it with 409."""


class Refused(Exception):
    """An illegal move, said in a sentence for people; `field` names the input that is at fault, if one is."""

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field
