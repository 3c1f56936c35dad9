"""Speech: voice activity detection, recognition, words with their times."""
