"""A methods paragraph for a publication, filled in with what was really used, and the references it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtmm_video.foundation.errors import InputError, MtmmError
from mtmm_video.foundation.version import __version__
from mtmm_video.model.checkpoint_file import load_specification
from mtmm_video.model.specification import Specification
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.json_reader import from_json

REFERENCES: Mapping[str, str] = {
    "network": "Akhtar, M. S., Chauhan, D. S., Ghosal, D., Poria, S., Ekbal, A., and Bhattacharyya, P. (2019). "
    "Multi-task learning for multi-modal emotion recognition and sentiment analysis. NAACL.",
    "covarep": "Degottex, G., Kane, J., Drugman, T., Raitio, T., and Scherer, S. (2014). COVAREP: A collaborative "
    "voice analysis repository for speech technologies. ICASSP.",
    "whisper": "Radford, A., Kim, J. W., Xu, T., Brockman, G., McLeavey, C., and Sutskever, I. (2023). Robust "
    "speech recognition via large-scale weak supervision. ICML.",
    "glove": "Pennington, J., Socher, R., and Manning, C. D. (2014). GloVe: Global vectors for word "
    "representation. EMNLP.",
    "mpnet": "Reimers, N., and Gurevych, I. (2019). Sentence-BERT: Sentence embeddings using Siamese "
    "BERT-networks. EMNLP.",
    "mosei": "Zadeh, A., Liang, P. P., Poria, S., Cambria, E., and Morency, L.-P. (2018). Multimodal language "
    "analysis in the wild: CMU-MOSEI dataset and interpretable dynamic fusion graph. ACL.",
    "bootstrap": "Efron, B., and Tibshirani, R. J. (1993). An introduction to the bootstrap. Chapman and Hall.",
}


def cite(path: Path) -> str:
    """Return the paragraph and the references for a report or a checkpoint.

    Parameters
    ----------
    path : Path
        ``NAME.json`` of an analysed video, or ``NAME.safetensors``.

    Raises
    ------
    InputError
        If it is neither.
    """
    if path.suffix == ".safetensors":
        return _checkpoint_paragraph(load_specification(path))
    try:
        analysis = from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, MtmmError) as error:
        raise InputError(f"{path}: is neither a report of an analysed video nor a checkpoint ({error})") from error
    return _report_paragraph(analysis)


def _report_paragraph(analysis: Analysis) -> str:
    provenance = analysis.provenance
    options, model = provenance.options, provenance.model
    words = "Transcripts were supplied by us."
    used = ["network", "mosei"]
    if options.get("asr"):
        engine = f" run by {options['asr_engine']}" if options.get("asr_engine") else ""
        words = f"Words and their times were recognised with whisper {options['asr']}{engine} (Radford et al., 2023)."
        used.append("whisper")
    features, more = _features({key: value for key, value in model.items() if key not in ("name", "sha256")})
    packages = ", ".join(f"{name} {version}" for name, version in provenance.packages.items())
    text = (
        f"Videos were analysed with mtmm-video {provenance.version} (model {model.get('name')}, SHA-256 "
        f"{str(model.get('sha256'))[:12]}; {packages}). {words} Utterances are bounded by pauses, sentence ends and "
        f"speakers. {features} A bidirectional recurrent network with contextual inter-modal attention (Akhtar et al., "
        "2019) gave each utterance a sentiment and six emotions; probabilities were calibrated, and thresholds chosen, "
        "on validation data. The labels estimate what observers believe that a speaker feels."
    )
    return _with_references(text, [*used, *more])


def _checkpoint_paragraph(specification: Specification) -> str:
    provenance, shape = specification.provenance, specification.shape
    recipe: Mapping[str, Any] = provenance.get("recipe", {})
    features, more = _features(specification.versions)
    started = ""
    if "base_sha256" in provenance:
        started = f" starting from another checkpoint (SHA-256 {provenance['base_sha256'][:12]})"
    names = [name for name in ("epochs", "batch", "learning_rate", "seed") if name in recipe]
    details = "".join(f", {name.replace('_', ' ')} {recipe[name]}" for name in names)
    data = f" The table has SHA-256 {provenance['data_sha256'][:12]}." if "data_sha256" in provenance else ""
    text = (
        "We trained the multi-task network with contextual inter-modal attention of Akhtar et al. (2019) with "
        f"mtmm-video {__version__}{started} ({shape.hidden} recurrent units per direction, {shape.dense} dense "
        f"units{details}). {features} Epoch ({provenance.get('epoch', 'not recorded')}), calibration and thresholds "
        f"were chosen on the validation split; the test split took no part.{data} Intervals and paired tests resample "
        "videos (Efron and Tibshirani, 1993). The labels estimate what observers believe that a speaker feels."
    )
    return _with_references(text, ["network", "bootstrap", *more])


def _features(versions: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return a sentence about the features, and the references it needs."""
    named = {modality: version for modality, version in versions.items() if modality in ("text", "acoustic", "visual")}
    every = " ".join(named.values())
    used = [name for name, sign in (("glove", "glove"), ("mpnet", "mpnet"), ("covarep", "covarep")) if sign in every]
    parts = ", ".join(f"{modality} ({version})" for modality, version in named.items())
    return f"Features were averaged over the words of an utterance: {parts}.", used


def _with_references(text: str, names: list[str]) -> str:
    references = "\n".join(f"* {REFERENCES[name]}" for name in dict.fromkeys(names))
    return f"{text}\n\n{references}\n"
