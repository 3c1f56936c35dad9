"""The subcommands of `mtmm-video`, one file each."""
