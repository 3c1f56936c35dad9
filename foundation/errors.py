"""The exceptions of mtmm-video: one root, one class per way out.

Every message names the file or argument at fault and what the user can do about it; the command line prints it as one
line and exits with code 1.
"""


class MtmmError(Exception):
    """Root of all errors that mtmm-video raises on purpose."""


class InputError(MtmmError):
    """What the user handed in (a file, an option, an array) cannot be used."""


class MediaError(InputError):
    """A media file cannot be read, or lacks what the analysis needs."""


class WeightsError(MtmmError):
    """A pretrained weight is absent, cannot be fetched, or fails its checksum."""


class CheckpointError(MtmmError):
    """A model checkpoint is damaged, foreign, or was trained on other features."""


class DataError(InputError):
    """A corpus table or computational sequence is damaged or has the wrong layout."""


class StoreError(MtmmError):
    """The artefact store or an output folder cannot be written or read."""


class DependencyError(MtmmError):
    """An optional package is needed for what was asked and is not installed."""
