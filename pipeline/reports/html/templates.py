"""Rendering of the HTML templates, with their filters, and styles and scripts inlined."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup


def render(template: str, *, styles: Sequence[str], scripts: Sequence[str], data: Any = None, **values: Any) -> str:
    """Render a template of this folder to a self-contained page.

    Parameters
    ----------
    template : str
        File name.
    styles : sequence of str
        File names, concatenated in this order.
    scripts : sequence of str
        File names, concatenated in this order into one strict function.
    data : JSON-able
        Data for the scripts.
    **values
        For the template. All text is escaped.

    Returns
    -------
    str
        HTML. Its content security policy allows the inlined script (by hash) and no network access.
    """
    script = '(() => {\n"use strict";\n' + "\n".join(_asset(name) for name in scripts) + "\n})();"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup("\n".join(_asset(name) for name in styles)),  # noqa: S704 - our own files
            script=Markup(script),  # noqa: S704 - our own files
            script_hash=Markup(f"sha256-{digest}"),  # noqa: S704
            data=Markup(json_for_html(data)),  # noqa: S704 - escaped for this place
            **values,
        )
    )


def json_for_html(data: Any) -> str:
    """Serialise JSON that cannot end its script element or open a comment in it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def clock(seconds: float) -> str:
    """Format a time to the nearest second, as 1:02 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def percent(share: float) -> str:
    """Format a share in whole percent; shares that round to 0 or 100 without being so as "<1 %" and ">99 %"."""
    rounded = round(100 * share)
    if rounded == 0 and share > 0:
        return "<1 %"
    return ">99 %" if rounded == 100 and share < 1 else f"{rounded} %"


def _words(name: str) -> str:
    return name.replace("_", " ")


@cache
def _asset(name: str) -> str:
    return resources.files("mtmm_video.pipeline.reports.html").joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"clock": clock, "percent": percent, "words": _words}
    return environment
