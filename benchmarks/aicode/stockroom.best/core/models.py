from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.utils import timezone


class NumberedModel(models.Model):
    """Gives each document a readable, unique number derived from its primary key."""

    number_prefix = ""
    number = models.CharField(max_length=20, unique=True, null=True, editable=False)

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        with transaction.atomic():
            super().save(*args, **kwargs)
            if not self.number:
                self.number = f"{self.number_prefix}{self.pk:06d}"
                type(self).objects.filter(pk=self.pk).update(number=self.number)

    def __str__(self):
        return self.number or "(unsaved)"


class Activity(models.Model):
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    verb = models.CharField(max_length=40)
    summary = models.CharField(max_length=255)
    content_type = models.ForeignKey(ContentType, models.CASCADE, null=True)
    object_id = models.CharField(max_length=40, blank=True)
    target = GenericForeignKey()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = "activities"
        indexes = [
            models.Index(fields=["content_type", "object_id"]), models.Index(fields=["object_id"]),
            models.Index(fields=["verb", "-created_at", "-id"]),
        ]

    def __str__(self):
        return self.summary

    @classmethod
    def record(cls, actor, verb, target, detail=""):
        """Write a feed entry; `target` is an object, or a text when no single object is meant."""
        entry = cls.entry(actor, verb, target, detail)
        entry.save(force_insert=True)
        return entry

    @classmethod
    def entry(cls, actor, verb, target, detail=""):
        is_object = isinstance(target, models.Model)
        summary = f"{target._meta.verbose_name} {target} {verb}" if is_object else f"{target} {verb}"
        if detail:
            summary += f": {detail}"
        return cls(
            actor=actor if actor and actor.is_authenticated else None, verb=verb,
            **({"target": target} if is_object else {}), summary=(summary[0].upper() + summary[1:])[:255],
        )
