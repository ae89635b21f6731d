"""The first sentences of pages."""

from dashboard.cached.kept import kept_for
from dashboard.presenters import lesson as sentences

lesson = kept_for(max_entries=256)(sentences.lesson)
paper_lesson = kept_for(max_entries=256)(sentences.paper_lesson)
