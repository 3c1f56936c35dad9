"""The exceptions of mtmm-video: one root, one class per type of cause.

Every message names the file or argument and the solution; the command line prints it as one line and exits with code 1.
"""


class MtmmError(Exception):
    """Root of all exceptions that mtmm-video raises."""


class InputError(MtmmError):
    """An input of the user (a file, an option, an array) cannot be used."""


class MediaError(InputError):
    """A media file cannot be read, or lacks a required track."""


class WeightsError(MtmmError):
    """A pretrained weight is absent, cannot be fetched, or fails its checksum."""


class CheckpointError(MtmmError):
    """A model checkpoint is damaged, foreign, or was trained on other features."""


class DataError(InputError):
    """A corpus table or computational sequence is damaged or has the wrong layout."""


class StoreError(MtmmError):
    """The artefact store or an output folder cannot be written or read."""


class DependencyError(MtmmError):
    """An optional package that the request needs is not installed."""
