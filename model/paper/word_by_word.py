"""MV-LSTM, MARN and MFN as they were published: reading the words of one utterance, one after the other.

The originals label an utterance by the state after its last word, and know nothing of the utterances around it:

* MV-LSTM (Rajagopalan et al., ECCV 2016): h(T), the hidden states of all views.
* MARN (Zadeh et al., AAAI 2018a): h(T) of the long-short term hybrid memories and z(T), the cross-view code.
* MFN (Zadeh et al., AAAI 2018b): h(T) of the system of LSTMs and u(T), the multi-view gated memory.

The same networks read utterance means along a video under their plain names (Table 7's protocol). Of an utterance of T
words a sequence of T rows is made, the last of which has the label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtmm_video.foundation.errors import DataError
from mtmm_video.model.batches import BatchMaker
from mtmm_video.model.evaluation import network_logits
from mtmm_video.model.scores import Logits
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.model.training import Fitted


def spelled_out(table: UtteranceTable) -> UtteranceTable:
    """Return the table of the words: a sequence per utterance and a row per word; the last row has the labels.

    Parameters
    ----------
    table : UtteranceTable
        Of n utterances, with their words.

    Returns
    -------
    UtteranceTable
        n sequences in the order of the rows of `table`.

    Raises
    ------
    DataError
        If the table keeps no words.
    """
    words = table.words
    if words is None:
        raise DataError("the table keeps no words; `mtmm-video corpus prepare` makes tables that do")
    last, count = words.offsets[1:] - 1, int(words.offsets[-1])
    labels = Labels.unknown(count)
    labels.sentiment[last] = table.labels.sentiment
    labels.emotion[last] = table.labels.emotion
    labels.sentiment_intensity[last] = table.labels.sentiment_intensity
    labels.emotion_intensity[last] = table.labels.emotion_intensity
    videos = table.video_of_row
    return UtteranceTable(
        video_ids=table.segments,
        splits=tuple(table.splits[video] for video in videos),
        corpora=tuple(table.corpora[video] for video in videos),
        offsets=words.offsets,
        modalities=words.modalities,
        labels=labels,
        segments=("",) * count,
        texts=("",) * count,
    )


@dataclass(frozen=True)
class WordByWordFit:
    """A fitted network that reads words; its answer is the one after the last word."""

    fitted: Fitted

    def logits(self, table: UtteranceTable) -> Logits:
        """Return the log-odds of each task, (n, width)."""
        words = spelled_out(table)
        device = next(self.fitted.network.parameters()).device
        maker = BatchMaker(words, columns=self.fitted.columns, device=device)
        found = network_logits(self.fitted.network, maker, rows=len(words))
        last = np.asarray(words.offsets[1:] - 1)
        return {task: values[last] for task, values in found.items()}
