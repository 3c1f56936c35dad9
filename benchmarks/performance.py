"""An analysis and its extractors against other programs: time, processor time and peak memory, ratios in one run.

    pip install --no-deps --target OTHERS faster-whisper tokenizers "huggingface_hub<1" mediapipe absl-py flatbuffers
        opensmile audobject audinterface audeer audformat audiofile audmath audresample oyaml asttokens
        iso639-lang iso3166
    python benchmarks/performance.py ../shared/data/mosei/video/mosei_-571d8cVauQ.mp4 [--runs 3] [--others OTHERS]

Each kind of run is a process of its own, imports and model loading included, in turn with the others, so that a busy
machine slows all of them alike: trust the ratios and the processor seconds. Nothing is reused. Measured are

* ``analysis``: `mtmm-video analyze` with its defaults, all steps, reports and all;
* ``recognition``: voice activity and recognition alone, the part of it that the last one does;
* ``openai-whisper``: ``whisper.transcribe(word_timestamps=True)``, base, fp32, the whole sound;
* ``faster-whisper``: its base model (from the network, once) as int8, with words and batches of 8;
* ``faces`` and ``MediaPipe``: our visual step, and MediaPipe's FaceLandmarker on the same frames, one face;
* ``acoustic`` and ``openSMILE``: our 74 columns, and the 25 eGeMAPS low-level descriptors.

A program that is in no folder of OTHERS is left out, with a note.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tree_memory import TreeMemory

from mtmm_video.foundation.cores import available_cores
from mtmm_video.foundation.folders import cache_folder
from mtmm_video.pipeline.media.reading import probe

OTHERS = {  # what a program needs to be there; faster-whisper's model is downloaded once
    "faster-whisper": "import faster_whisper; faster_whisper.WhisperModel('base', device='cpu')",
    "MediaPipe": "import mediapipe",
    "openSMILE": "import opensmile",
}
COMPARED = {
    "analysis": "openai-whisper",
    "recognition": "openai-whisper",
    "faster-whisper": "openai-whisper",
    "faces": "MediaPipe",
    "acoustic": "openSMILE",
}
FRAMES = """
from mtmm_video.extractors.visual.sampling import DEFAULT_SAMPLING_RATE, LONGEST_SIDE
from mtmm_video.pipeline.media.reading import read_frames
from mtmm_video.pipeline.weights.resolution import resolve
weights = resolve("face-landmarker")
frames = read_frames(Path(sys.argv[1]), rate=DEFAULT_SAMPLING_RATE, longest_side=LONGEST_SIDE)
"""
READ = "from mtmm_video.pipeline.media.reading import read_waveform as r; x = r(Path(sys.argv[1]), sample_rate=16000)"
KINDS = {
    "analysis": """
from mtmm_video.flows.cli import main
sys.argv = ["mtmm-video", "analyze", sys.argv[1], "--out", sys.argv[2]]
main()
""",
    "recognition": READ
    + """
from mtmm_video.extractors.speech.ctranslate2_engine import CTranslate2Engine
from mtmm_video.extractors.speech.recognition import transcribe
from mtmm_video.extractors.speech.voice_activity import detect_speech
from mtmm_video.foundation.cores import available_cores
from mtmm_video.pipeline.weights.ctranslate2_form import whisper_form
engine = CTranslate2Engine.load(whisper_form("whisper-base", device="cpu"), threads=available_cores())
transcribe(x, sample_rate=16000, engine=engine, speech=detect_speech(x, sample_rate=16000))
""",
    "openai-whisper": READ
    + """
from mtmm_video.extractors.speech.whisper_model import load_whisper
from mtmm_video.pipeline.weights.resolution import resolve
load_whisper(resolve("whisper-base")).transcribe(x, word_timestamps=True, fp16=False)
""",
    "faster-whisper": READ
    + """
from faster_whisper import BatchedInferencePipeline, WhisperModel
from mtmm_video.foundation.cores import available_cores
model = WhisperModel("base", device="cpu", compute_type="int8", cpu_threads=available_cores())
list(BatchedInferencePipeline(model).transcribe(x, word_timestamps=True, batch_size=8)[0])
""",
    "faces": FRAMES
    + """
from mtmm_video.extractors.visual.tracking import track_faces
track_faces(frames, landmarker=weights)
""",
    "MediaPipe": FRAMES
    + """
import mediapipe
from mediapipe.tasks.python import BaseOptions, vision
options = vision.FaceLandmarkerOptions(
    base_options=BaseOptions(model_asset_path=str(weights)), running_mode=vision.RunningMode.VIDEO, num_faces=1,
    output_face_blendshapes=True, output_facial_transformation_matrixes=True,
)
with vision.FaceLandmarker.create_from_options(options) as landmarker:
    for frame in frames:
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=frame.image)
        landmarker.detect_for_video(picture, round(1000 * frame.time))
""",
    "acoustic": READ
    + """
from threadpoolctl import threadpool_limits
from mtmm_video.extractors.acoustic.covarep import covarep
threadpool_limits(1)  # as in an analysis
covarep(x, sample_rate=16000)
""",
    "openSMILE": READ
    + """
import opensmile
level = opensmile.FeatureLevel.LowLevelDescriptors
opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=level).process_signal(x, 16000)
""",
}


def measure(kind: str, video: Path, *, weights: Path, forms: Path, others: Path | None) -> tuple[float, float, float]:
    """Return seconds, processor seconds and peak memory in MB of one run with an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        for name, place in (("weights", weights), ("ctranslate2", forms)):
            (Path(folder) / name).symlink_to(place)
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", f"import sys; from pathlib import Path; {KINDS[kind]}", str(video), folder + "/out"],
            env={**os.environ, "MTMM_CACHE_DIR": folder} | search_path(kind, others),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with TreeMemory(process.pid) as memory:
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{kind}: exit status {status}")
    return seconds, usage.ru_utime + usage.ru_stime, memory.peak


def search_path(kind: str, others: Path | None) -> dict[str, str]:
    """Return the environment in which another program's package is found."""
    places = [str(others), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, places))} if kind in OTHERS and others else {}


def present(kind: str, others: Path | None) -> bool:
    """Tell whether what a kind of run needs is there."""
    if kind not in OTHERS:
        return True
    command = [sys.executable, "-c", OTHERS[kind]]
    environment = {**os.environ, **search_path(kind, others)}
    if subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0:
        return True
    print(f"{kind} is left out: `{OTHERS[kind]}` fails (--help has its installation, then --others FOLDER)")
    return False


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--others", type=Path, metavar="FOLDER", help="where other programs are installed")
    arguments = parser.parse_args()
    places = {
        "weights": cache_folder() / "weights",
        "forms": cache_folder() / "ctranslate2",
        "others": arguments.others,
    }
    kinds = [kind for kind in arguments.kinds if present(kind, arguments.others)]
    print(f"{available_cores()} cores, load average {os.getloadavg()[0]:.1f}, medians of {arguments.runs}\n")
    print(
        "| video | run | seconds | of real time | processor s per s | seconds, processor s over those of | peak (MB) |"
    )
    print("|---|---|---:|---:|---:|---:|---:|")
    for video in arguments.videos:
        duration = probe(video).duration
        rows: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in kinds}
        for _ in range(arguments.runs):
            for kind in kinds:
                rows[kind].append(measure(kind, video, **places))
        medians = {
            kind: [statistics.median(column) for column in zip(*found, strict=True)] for kind, found in rows.items()
        }
        for kind, (seconds, used, peak) in medians.items():
            other = COMPARED.get(kind)
            ratio = (
                f"{seconds / medians[other][0]:.2f}, {used / medians[other][1]:.2f} {other}" if other in medians else ""
            )
            print(
                f"| {video.stem} | {kind} | {seconds:.1f} | {seconds / duration:.2f} | {used / duration:.2f} "
                f"| {ratio} | {peak:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
