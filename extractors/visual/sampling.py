"""At which rate and size frames are sampled for face tracking."""

from typing import Final

DEFAULT_SAMPLING_RATE: Final = 10.0  # frames per second
# Larger frames are scaled down to this: the detector's input has 128 pixels and the landmark model's 256, so a higher
# resolution only costs time (4K: 1.6 s a frame against 0.14 s on the same busy machine).
LONGEST_SIDE: Final = 1280  # pixels
