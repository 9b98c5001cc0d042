"""What the routes share: the runs, the trainings, the models at hand, a person's uploads, and what leaves home."""

from __future__ import annotations

from dataclasses import dataclass

from tongsu.runs.store import RunStore
from tongsu.studio.answers import Answers
from tongsu.studio.jobs import Jobs
from tongsu.studio.shipping import Shipping
from tongsu.studio.uploads import Uploads


@dataclass(frozen=True)
class Studio:
    store: RunStore
    jobs: Jobs
    answers: Answers
    uploads: Uploads
    shipping: Shipping

    @staticmethod
    def of(store: RunStore) -> Studio:
        jobs = Jobs(store)
        jobs.sweep()
        return Studio(store, jobs, Answers(), Uploads(store.root), Shipping(jobs))
