"""The options of `AnalyzeOptions` as parameters of a command: each is declared in `pipeline.options` and only there."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from mtmm_video.pipeline.options import AnalyzeOptions


def with_options(*, single: bool = True, leave_out: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], Any]:
    """Give a command a parameter for each field of `AnalyzeOptions` in the place of its parameter ``options``.

    Parameters
    ----------
    single : bool
        Whether the command takes one video, and with it the options that belong to one.
    leave_out : tuple of str
        Fields that the command does not offer.
    """
    fields = [
        field
        for field in dataclasses.fields(AnalyzeOptions)
        if field.name not in leave_out and (single or not field.metadata["single"])
    ]
    types = typing.get_type_hints(AnalyzeOptions)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def run(**arguments: Any) -> None:
            chosen = {field.name: arguments.pop(field.name) for field in fields}
            command(**arguments, options=options_of(chosen))

        signature = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            if parameter.name == "options":
                parameters += [_parameter(field, types[field.name]) for field in fields]
            else:
                parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return decorate


def options_of(chosen: dict[str, Any]) -> AnalyzeOptions:
    """Return the options that command-line values stand for.

    Raises
    ------
    InputError
        If a value is not one of its choices, or a report format is unknown.
    """
    from mtmm_video.pipeline.reports.writers import check_formats  # noqa: PLC0415 (not needed for --help)

    if "formats" in chosen:
        chosen = {**chosen, "formats": split_names(chosen["formats"].lower())}
        check_formats(chosen["formats"])
    for name in ("speaker_names", "modalities"):
        if name in chosen:
            chosen = {**chosen, name: split_names(chosen[name])}
    return AnalyzeOptions(**chosen)


def split_names(text: str) -> tuple[str, ...]:
    """Return the names in a list separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _parameter(field: dataclasses.Field[Any], annotation: Any) -> inspect.Parameter:
    default = field.default
    if annotation == tuple[str, ...]:
        annotation, default = str, ",".join(getattr(AnalyzeOptions, field.name))
    metadata = field.metadata
    if metadata["metavar"] == "TIME":  # 2:00 is read by the options themselves
        annotation = str | None
    flags = [metadata["flag"]] if metadata["flag"] else []
    # ``readable=False``: typer's own check of a path would end in a box and exit code 2.
    more: dict[str, Any] = {"readable": False} if annotation == Path | None else {}
    if metadata["choices"]:
        more["autocompletion"] = _completion(metadata["choices"], is_list=metadata["metavar"] == "LIST")
    option = typer.Option(*flags, help=metadata["help"], metavar=metadata["metavar"], **more)
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, option]
    )


def _completion(choices: tuple[str, ...], *, is_list: bool) -> Callable[[str], list[str]]:
    """Return what completes a value in the shell; of a list separated by commas, its last name."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",") if is_list else ("", "", incomplete)
        return [f"{before}{comma}{choice}" for choice in choices if choice.startswith(last)]

    return complete
