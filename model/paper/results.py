"""The figures of the paper, in per cent: Akhtar et al., NAACL 2019, Tables 4 and 7."""

from __future__ import annotations

from collections.abc import Mapping

# Table 4: columns T, A, V, T+V, T+A, A+V, T+A+V.
MODALITY_COLUMNS: tuple[str, ...] = ("T", "A", "V", "T+V", "T+A", "A+V", "T+A+V")
Row = tuple[float, ...]
TABLE_4_F1: Mapping[tuple[str, str], Row] = {
    ("sentiment", "STL"): (75.1, 67.9, 66.3, 77.0, 76.5, 69.6, 77.6),
    ("sentiment", "MTL"): (77.5, 72.1, 69.1, 78.7, 78.6, 75.8, 78.8),
    ("emotion", "STL"): (75.9, 72.3, 73.6, 77.5, 76.8, 76.0, 77.7),
    ("emotion", "MTL"): (76.9, 74.6, 75.4, 78.5, 77.6, 77.0, 78.6),
}
# Accuracy for sentiment, weighted accuracy for emotion.
TABLE_4_ACCURACY: Mapping[tuple[str, str], Row] = {
    ("sentiment", "STL"): (78.2, 74.8, 75.8, 79.4, 79.7, 76.6, 79.8),
    ("sentiment", "MTL"): (79.7, 75.7, 76.5, 80.4, 80.2, 77.4, 80.5),
    ("emotion", "STL"): (58.0, 56.7, 53.7, 60.1, 59.6, 58.0, 60.8),
    ("emotion", "MTL"): (60.2, 56.2, 57.5, 62.5, 60.5, 59.3, 62.8),
}
# Table 7, per system: F1 and W-Acc of anger, disgust, fear, happy, sad, surprise, their average, then sentiment F1 and
# accuracy. None for a dash in the table.
Cell = float | None
TABLE_7: Mapping[str, tuple[Cell, ...]] = {
    "Blanchard et al. (2018)": (*(None,) * 14, 63.2, 60.0),
    "Zadeh et al. (2018b), MFN": (
        *(None, None, 71.4, 65.2, 89.9, None, None, None, 60.8, None, 85.4, 53.3, None, None),
        *(76.0, 76.0),
    ),
    "Nojavanasghari et al. (2016), CNN": (71.4, None, None, 67.0, *(None,) * 12),
    "Rajagopalan et al. (2016), MV-LSTM": (None, 56.0, *(None,) * 12, 76.4, 76.4),
    "EF-LSTM": (*(None,) * 5, 56.7, None, 57.8, None, 59.2, *(None,) * 6),
    "TFN": (None, 60.5, *(None,) * 4, 66.6, 66.5, None, 58.9, None, 52.2, *(None,) * 4),
    "Random Forest": (72.0, None, 73.2, None, 89.9, None, None, None, 61.8, None, 85.4, *(None,) * 5),
    "SVM": (*(None,) * 5, 60.0, *(None,) * 10),
    "Zadeh et al. (2018a), MARN": (*(None,) * 6, 71.0, *(None,) * 9),
    "Zadeh et al. (2018c), Graph-MFN": (
        *(72.8, 62.6, 76.6, 69.1, 89.9, 62.0, 66.3, 66.3, 66.9, 60.4, 85.5, 53.7, 76.3, 62.3),
        *(77.0, 76.9),
    ),
    "Proposed, single-task": (
        *(75.6, 64.5, 81.0, 72.2, 87.7, 51.5, 59.3, 61.6, 67.3, 65.4, 86.5, 53.0, 76.2, 61.3),
        *(77.6, 79.8),
    ),
    "Proposed, multi-task": (
        *(75.9, 66.8, 81.9, 72.7, 87.9, 62.2, 67.0, 53.6, 72.4, 61.4, 86.0, 60.6, 78.6, 62.8),
        *(78.8, 80.5),
    ),
}
# Table 7's last rows: p-values of average emotion F1 and W-Acc, sentiment F1 and accuracy, of the multi-task network
# against the best earlier system (Graph-MFN is the only one with all four figures) and against single-task learning.
TABLE_7_P: Mapping[str, Row] = {
    "graph_mfn": (0.0240, 0.0420, 0.0012, 0.0046),
    "cim_single": (0.0171, 0.0312, 0.0015, 0.0278),
}
# The row of the paper that each system is compared with.
PAPER_ROW: Mapping[str, str] = {
    "mfn": "Zadeh et al. (2018b), MFN",
    "cnn": "Nojavanasghari et al. (2016), CNN",
    "mv_lstm": "Rajagopalan et al. (2016), MV-LSTM",
    "mv_lstm_words": "Rajagopalan et al. (2016), MV-LSTM",
    "marn_words": "Zadeh et al. (2018a), MARN",
    "mfn_words": "Zadeh et al. (2018b), MFN",
    "ef_lstm": "EF-LSTM",
    "tfn": "TFN",
    "random_forest": "Random Forest",
    "svm": "SVM",
    "marn": "Zadeh et al. (2018a), MARN",
    "graph_mfn": "Zadeh et al. (2018c), Graph-MFN",
    "cim_single": "Proposed, single-task",
    "cim": "Proposed, multi-task",
}
