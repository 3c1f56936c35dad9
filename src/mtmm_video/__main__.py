"""``python -m mtmm_video``: the command line."""

from mtmm_video.flows.cli import main

main()
