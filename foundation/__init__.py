"""The foundation below the rooms: version, exception root, file writing.

It imports nothing of ours, so every room may stand on it.
"""

from foundation.version import __version__

__all__ = ["__version__"]
