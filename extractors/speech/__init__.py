"""What is said and when: voice activity, recognition, words with their times."""
