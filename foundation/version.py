"""The one place where the version of mtmm-video is written."""

__version__ = "0.1.0"
