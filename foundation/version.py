"""The version of mtmm-video."""

__version__ = "0.1.0"
