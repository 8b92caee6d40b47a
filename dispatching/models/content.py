from django.db import models


class Content(models.Model):
    """Finished words that many deliveries share, rendered once for all of them.

    The parts that differ between deliveries are filled in when they are sent: `parts` are passages, of which a delivery names
    its own (`data["parts"]`, a list of keys), and `links` are names of URL patterns that take a token of the contact point. The
    words contain a mark (`shared_words.mark`) in each of these places; a `Letter` fills them in.
    """

    subject = models.CharField(max_length=1100)
    text = models.TextField()
    html = models.TextField(blank=True)
    # The same in a few words, for channels that count characters.
    short = models.CharField(max_length=500, blank=True)
    # key → {"text": …, "html": …}
    parts = models.JSONField(default=dict, blank=True)
    links = models.JSONField(default=list, blank=True)
    # Headers of the mail, such as List-Id.
    headers = models.JSONField(default=dict, blank=True)
    # Data for receivers that are machines, in addition to the words.
    data = models.JSONField(default=dict, blank=True)
    # The first content of the thread that this belongs to. A mail replies to the first message that its reader got.
    thread = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.subject
