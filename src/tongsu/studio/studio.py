"""What the routes share: where the runs are, the trainings, the models at hand, and a person's uploads."""

from __future__ import annotations

from dataclasses import dataclass

from tongsu.runs.store import RunStore
from tongsu.studio.answers import Answers
from tongsu.studio.jobs import Jobs
from tongsu.studio.uploads import Uploads


@dataclass(frozen=True)
class Studio:
    store: RunStore
    jobs: Jobs
    answers: Answers
    uploads: Uploads

    @staticmethod
    def of(store: RunStore) -> Studio:
        jobs = Jobs(store)
        jobs.sweep()
        return Studio(store, jobs, Answers(), Uploads(store.root))
