"""``mtmm-video serve FOLDER``: a folder that is looked through on a schedule, for as long as the command runs."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from mtmm_video.flows.commands import analyze as analyze_command
from mtmm_video.flows.commands import batch as batch_command
from mtmm_video.flows.interruption import remove_at_interrupt
from mtmm_video.flows.option_parameters import with_options
from mtmm_video.flows.sizes import parse_age, parse_size
from mtmm_video.foundation.errors import InputError
from mtmm_video.pipeline.options import AnalyzeOptions

# What is slow to import is imported in the functions: `mtmm-video --help` answers within a second.
# ruff: noqa: PLC0415

SHORTEST_EVERY, LONGEST_EVERY = 1.0, 366 * 86400.0  # seconds between passes
NAME_DIGITS = 6  # hexadecimal digits in a deployment's name that distinguish folders of one name

Every = Annotated[str | None, typer.Option(metavar="TIME", help="Time between passes, such as 15m.")]
Cron = Annotated[str | None, typer.Option(metavar="CRON", help="Passes by a cron line, such as '0 * * * *'.")]
Timezone = Annotated[
    str | None,
    typer.Option(metavar="ZONE", help="Time zone of --cron, such as Europe/London; this machine's where not given."),
]
Name = Annotated[
    str | None, typer.Option(help="Name of the deployment; made of the folder's name and place where not given.")
]


def register(app: typer.Typer) -> None:
    """Add the ``serve`` command to the command line."""
    app.command("serve")(serve)


@with_options(single=False)
def serve(
    folder: batch_command.Folder,
    *,
    every: Every = None,
    cron: Cron = None,
    timezone: Timezone = None,
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
    from mtmm_video.flows.prefect_api import settle_environment

    settle_environment(verbose=True)
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
    if timezone is not None and cron is None:
        raise InputError("--timezone: goes with --cron; passes at intervals have none")
    if cron is not None:
        _check_cron(cron, timezone=timezone)
    if every is not None and not SHORTEST_EVERY <= parse_age(every) <= LONGEST_EVERY:
        raise InputError(f"--every {every}: must lie between {SHORTEST_EVERY:g}s and {LONGEST_EVERY / 86400:g}d")
    budget = None if memory is None else parse_size(memory)
    analyze_command.prepare_folder(out)
    from filelock import FileLock, Timeout

    from mtmm_video.foundation.folders import cache_folder
    from mtmm_video.pipeline.store.local import parameters_key

    locks = cache_folder() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    pair = {"folder": str(folder.resolve()), "out": str(out.resolve())}
    name = name or f"{folder.resolve().name}-{parameters_key(pair)[:NAME_DIGITS]}"
    try:
        with FileLock(locks / f"serve-{parameters_key(pair)}.lock", timeout=0), own_temporary_folder():
            from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
            from prefect.schedules import Cron as CronSchedule
            from prefect.schedules import Interval
            from prefect.types.entrypoint import EntrypointType

            from mtmm_video.flows.batch_flow import analyze_folder

            _refuse_taken_name(name, pair)
            # Prefect 3.8 forgets to await its own end after SIGTERM, which changes nothing but is printed.
            warnings.filterwarnings("ignore", message="coroutine 'Runner.astop' was never awaited")
            if cron is not None:
                schedule = CronSchedule(cron, timezone=timezone or _timezone_here())
            else:
                assert every is not None
                schedule = Interval(timedelta(seconds=parse_age(every)))
            analyze_folder.serve(
                name=name,
                schedule=schedule,
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


def _check_cron(text: str, *, timezone: str | None) -> None:
    import asyncio
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from prefect.server.schemas.schedules import CronSchedule
    from pydantic import ValidationError

    if timezone is not None:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "Europe" is a folder of the database
            raise InputError(f"--timezone {timezone!r}: is no time zone; write one such as Europe/London") from None
    try:
        schedule = CronSchedule(cron=text)
    except ValidationError:
        raise InputError(f"--cron {text!r}: is no cron line; write five fields, such as '0 * * * *'") from None
    try:
        asyncio.run(schedule.get_dates(n=1))
    except ValueError:  # 30 February: found when the next date is looked for
        raise InputError(f"--cron {text!r}: names a day that never comes; check its day and month") from None


def _timezone_here() -> str:
    """Return the name of this machine's time zone; UTC where it has no name."""
    from tzlocal import get_localzone_name

    return str(get_localzone_name() or "UTC")


def _refuse_taken_name(name: str, pair: dict[str, str]) -> None:
    """Refuse a deployment name that another folder, or another output folder, has on the same server.

    Raises
    ------
    InputError
        If it is taken.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            known = client.read_deployment_by_name(f"batch/{name}").parameters
        except ObjectNotFound:
            return
    if any(known.get(key) != place for key, place in pair.items()):
        raise InputError(
            f"--name {name}: is the deployment of {known.get('folder')} with reports in {known.get('out')} already; "
            "choose another --name, or delete that deployment"
        )


@contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Let Prefect keep its files in a temporary folder of this process, which is removed at the end.

    It would keep them below one name in the temporary folder that all users of the machine share, where the second user
    may not write.
    """
    from mtmm_video.flows.prefect_api import FOLDER_PREFIX, remove_abandoned_folders

    remove_abandoned_folders()
    folder = tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-")
    remove_at_interrupt(Path(folder))
    before = tempfile.tempdir
    tempfile.tempdir = folder
    try:
        yield
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)
