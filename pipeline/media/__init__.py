"""Media files: probing, the waveform, the frames with their presentation timestamps."""
