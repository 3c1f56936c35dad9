"""One video end to end as plain Python: media, utterances, averaging, weights, reports. Complete without Prefect."""
