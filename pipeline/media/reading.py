"""Reading of media files: probing, the audio as one mono waveform, video frames with presentation timestamps.

Time 0 is the start of the file as in players and ffmpeg: the earliest start of its streams. Audio and video have the
same time base (`clock`), so an offset between their starts is preserved and nothing of either is cut. PyAV decodes both
with the FFmpeg libraries of its wheel; no program has to be installed.

Files are opened with the protocol ``file`` only: a playlist with network addresses opens no connection.
"""

from mtmm_video.extractors.sample_rate import SAMPLE_RATE
from mtmm_video.pipeline.media.pictures import read_frames
from mtmm_video.pipeline.media.probing import AudioTrack, MediaInfo, VideoTrack, probe
from mtmm_video.pipeline.media.sound import read_channels, read_waveform

__all__ = [
    "SAMPLE_RATE",
    "AudioTrack",
    "MediaInfo",
    "VideoTrack",
    "probe",
    "read_channels",
    "read_frames",
    "read_waveform",
]
