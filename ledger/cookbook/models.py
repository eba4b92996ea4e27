"""Tables that only the practice bank has: what recipes need and the real books have no use for.

Not managed by migrations: `practice.build` makes them, in the practice bank and nowhere else.
"""

from django.db import models


class Jar(models.Model):
    """Coins in a jar, with nothing to protect them: what goes wrong, goes wrong here."""

    name = models.CharField(max_length=40, unique=True)
    coins = models.IntegerField(default=0)

    class Meta:
        managed = False
        db_table = "jars"

    def __str__(self) -> str:
        return self.name


class Job(models.Model):
    """Work that waits in a queue, for several workers at once."""

    what = models.CharField(max_length=80)
    done_by = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        managed = False
        db_table = "jobs"

    def __str__(self) -> str:
        return self.what


class JarNote(models.Model):
    """What somebody wrote on a jar: a row whose foreign key looks at another."""

    jar = models.ForeignKey(Jar, models.CASCADE, related_name="notes")
    text = models.CharField(max_length=80)

    class Meta:
        managed = False
        db_table = "jar_notes"

    def __str__(self) -> str:
        return self.text


# Parents before their children.
SCRATCH_MODELS: tuple[type[models.Model], ...] = (Jar, Job, JarNote)
