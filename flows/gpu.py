"""One heavy step at a time on a graphics processor: a concurrency limit that all workers of a Prefect server share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from mtmm_video.foundation.graphics import graphics_processor
from mtmm_video.pipeline.graph import Step

LIMIT = "gpu"


@contextmanager
def gpu_slot(step: Step) -> Iterator[None]:
    """Wait for the graphics processor where the step can use one and there is one.

    The limit ``gpu`` is made with one slot where it does not exist; `prefect gcl update gpu --limit 2` changes it.
    """
    if not step.gpu or not graphics_processor():
        yield
        return
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(LIMIT)
        except ObjectNotFound:
            with suppress(ObjectAlreadyExists):  # another worker may have made it in between
                client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=LIMIT, limit=1))
    with concurrency(LIMIT, occupy=1, strict=True):
        yield
