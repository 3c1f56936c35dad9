"""The model's input refuses disagreeing modalities."""

import numpy as np
import pytest

from mtmm_video.foundation.errors import InputError
from mtmm_video.model.features import ModalityFeatures, VideoFeatures


def features(utterances: int, *, valid: bool = True) -> ModalityFeatures:
    shape = (utterances, 2)
    return ModalityFeatures(
        values=np.zeros(shape, np.float32), valid=np.full(shape, valid), names=("F0", "VUV"), version="test/1"
    )


def test_modalities_must_have_the_same_utterances() -> None:
    with pytest.raises(InputError, match="disagree"):
        VideoFeatures("talk", {"text": features(3), "acoustic": features(2)})


def test_an_utterance_without_any_measured_value_lacks_the_modality() -> None:
    assert not features(2, valid=False).present.any()
    assert features(2).present.all()


def test_length_is_the_number_of_utterances() -> None:
    assert len(VideoFeatures("talk", {"text": features(3)})) == 3
    assert len(VideoFeatures("silence", {})) == 0


def test_speakers_are_numbered_and_one_is_assumed_where_none_is_named() -> None:
    named = VideoFeatures("interview", {"text": features(4)}, speakers=("Ann", "Bob", "Ann", ""))
    numbers = named.speaker_numbers.tolist()
    assert numbers[0] == numbers[2]
    assert len(set(numbers)) == 3
    assert VideoFeatures("talk", {"text": features(3)}).speaker_numbers.tolist() == [0, 0, 0]
    with pytest.raises(InputError, match="2 speakers"):
        VideoFeatures("interview", {"text": features(3)}, speakers=("Ann", "Bob"))
