"""``mtmm-video serve FOLDER``: a folder that is looked through on a schedule, for as long as the command runs."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from mtmm_video.flows.commands import analyze as analyze_command
from mtmm_video.flows.commands import batch as batch_command
from mtmm_video.flows.option_parameters import with_options
from mtmm_video.flows.sizes import parse_age, parse_size
from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.options import AnalyzeOptions

# What is slow to import is imported in the functions: `mtmm-video --help` answers within a second.
# ruff: noqa: PLC0415

Every = Annotated[str | None, typer.Option(metavar="TIME", help="Time between passes, such as 15m.")]
Cron = Annotated[str | None, typer.Option(metavar="CRON", help="Passes by a cron line, such as '0 * * * *'.")]
Name = Annotated[str | None, typer.Option(help="Name of the deployment; the folder's name where not given.")]


def register(app: typer.Typer) -> None:
    """Add the ``serve`` command to the command line."""
    app.command("serve")(serve)


@with_options(single=False)
def serve(
    folder: batch_command.Folder,
    *,
    every: Every = None,
    cron: Cron = None,
    name: Name = None,
    out: analyze_command.Out = Path("out"),
    jobs: batch_command.Jobs = None,
    memory: batch_command.Memory = None,
    options: AnalyzeOptions,
) -> None:
    """Look through a folder again and again and analyse what is new.

    Registers a deployment of the ``batch`` flow with the Prefect server that ``PREFECT_API_URL`` names, and carries out
    its runs until it is stopped. Parameters and schedule can be changed in the Prefect UI. Passes do not overlap.
    """
    if (every is None) == (cron is None):
        raise InputError("serve: say when to look, with either --every 15m or --cron '0 * * * *'")
    if not os.environ.get("PREFECT_API_URL"):
        raise InputError(
            "serve: needs a Prefect server that keeps the schedule; start one with `prefect server start` and set "
            "PREFECT_API_URL, for instance to http://127.0.0.1:4200/api"
        )
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise InputError(f"{folder}: cannot be listed (Permission denied)")
    if cron is not None:
        _check_cron(cron)
    interval = None if every is None else timedelta(seconds=parse_age(every))
    budget = None if memory is None else parse_size(memory)
    analyze_command.prepare_folder(out)
    from filelock import FileLock, Timeout

    from mtmm_video.foundation.folders import cache_folder
    from mtmm_video.pipeline.store.local import parameters_key

    locks = cache_folder() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    pair = {"folder": str(folder.resolve()), "out": str(out.resolve())}
    try:
        with FileLock(locks / f"serve-{parameters_key(pair)}.lock", timeout=0):
            from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
            from prefect.types.entrypoint import EntrypointType

            from mtmm_video.flows.batch_flow import analyze_folder

            analyze_folder.serve(
                name=name or folder.resolve().name,
                interval=interval,
                cron=cron,
                parameters={
                    "folder": pair["folder"],
                    "out": pair["out"],
                    "jobs": jobs,
                    "memory_gb": None if budget is None else budget / 1e9,
                    "options": options.to_content(),
                },
                # A pass that is still running when the next is due makes that one superfluous.
                global_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
                pause_on_shutdown=False,
                limit=1,
                entrypoint_type=EntrypointType.MODULE_PATH,
            )
    except Timeout:
        raise InputError(
            f"{folder}: is already served into {out} by another process on this machine; stop that one first"
        ) from None


def _check_cron(text: str) -> None:
    from prefect.client.schemas.schedules import CronSchedule
    from pydantic import ValidationError

    try:
        CronSchedule(cron=text)
    except ValidationError:
        raise InputError(f"--cron {text!r}: is no cron line; write five fields, such as '0 * * * *'") from None
