"""ELAN's annotation format (.eaf, version 3.0): transcript, words and labels as tiers over the video.

The tier ``transcript`` is aligned to the time line. ``words`` is its child with the stereotype Included_In. The label
tiers are children with the stereotype Symbolic_Association (one to one), so moving an utterance moves its labels.
Format: H. Sloetjes, "ELAN Annotation Format, EAF version 3.0", Max Planck Institute for Psycholinguistics, 2017.
"""

from __future__ import annotations

import mimetypes
from operator import itemgetter
from urllib.parse import quote
from xml.etree import ElementTree

from mtmm_video.model.labels import SENTIMENT_CLASSES
from mtmm_video.pipeline.analysis import Analysis
from mtmm_video.pipeline.reports.intervals import Interval, utterance_intervals, word_intervals
from mtmm_video.pipeline.reports.speakers import parts_by_speaker
from mtmm_video.pipeline.reports.tiers import LABEL_TIERS, tier_name, tier_values

SCHEMA_LOCATION = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"  # the name of the format; nothing is fetched
XSI = "http://www.w3.org/2001/XMLSchema-instance"
STEREOTYPES = {
    "Time_Subdivision": "parts of the parent's interval, without gaps",
    "Symbolic_Subdivision": "ordered parts of the parent, without times",
    "Symbolic_Association": "one to one with the parent",
    "Included_In": "inside the parent's interval, gaps allowed",
}
SENTIMENT_VOCABULARY = "sentiments"
SENTIMENT_TIERS = ("sentiment", "sentiment_binary")


def to_eaf(analysis: Analysis, *, video: str | None = None) -> str:
    """Format an analysis as an ELAN document.

    Parameters
    ----------
    analysis : Analysis
    video : str or None
        Path of the video relative to the document, which ELAN opens with it.

    Returns
    -------
    str
        XML.
    """
    document = _Document(analysis)
    return document.to_xml(video)


class _Document:
    """Builds the XML; time slots and annotation numbers are assigned while the tiers are built."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.slots: list[tuple[int, ElementTree.Element, str]] = []  # milliseconds, annotation, referring attribute
        self.annotations = 0

    def to_xml(self, video: str | None) -> str:
        ElementTree.register_namespace("xsi", XSI)
        root = ElementTree.Element(
            "ANNOTATION_DOCUMENT",
            {
                "AUTHOR": f"mtmm-video {self.analysis.provenance.version}",
                "DATE": self.analysis.provenance.created,
                "FORMAT": "3.0",
                "VERSION": "3.0",
                f"{{{XSI}}}noNamespaceSchemaLocation": SCHEMA_LOCATION,
            },
        )
        tiers = [tier for speaker, part in parts_by_speaker(self.analysis) for tier in self._tiers(part, speaker)]
        header = ElementTree.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
        if video is not None:
            mime_type = mimetypes.guess_type(video)[0] or "video/*"
            # MEDIA_URL is required; ELAN falls back to the relative one, which stays right when the folder is moved.
            url = quote(video)
            ElementTree.SubElement(
                header, "MEDIA_DESCRIPTOR", {"MEDIA_URL": url, "MIME_TYPE": mime_type, "RELATIVE_MEDIA_URL": f"./{url}"}
            )
        last = ElementTree.SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"})
        last.text = str(self.annotations)
        order = ElementTree.SubElement(root, "TIME_ORDER")
        # ELAN requires the slots in order of time, so they are named after all are known.
        for number, (value, annotation, attribute) in enumerate(sorted(self.slots, key=itemgetter(0)), start=1):
            annotation.set(attribute, f"ts{number}")
            ElementTree.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{number}", "TIME_VALUE": str(value)})
        root.extend(tiers)
        self._types(root)
        ElementTree.indent(root)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"

    def _tiers(self, part: Analysis, speaker: str | None) -> list[ElementTree.Element]:
        """Return one speaker's tiers, or those of all where there is no speaker."""
        transcript = self._tier("transcript", speaker, type_="utterance", child=False)
        texts = [labelled.utterance.text for labelled in part.utterances]
        spans = utterance_intervals(part)
        parents = [self._aligned(transcript, span, text) for span, text in zip(spans, texts, strict=True)]
        words = self._tier("words", speaker, type_="word")
        for labelled, inside in zip(part.utterances, word_intervals(part), strict=True):
            for word, span in zip(labelled.utterance.words, inside, strict=True):
                self._aligned(words, span, word.text)
        tiers = [transcript, words]
        for name in LABEL_TIERS:
            tier = self._tier(name, speaker, type_="sentiment" if name in SENTIMENT_TIERS else "label")
            for position, value in tier_values(part, name):
                attributes = {"ANNOTATION_ID": self._next(), "ANNOTATION_REF": parents[position]}
                self._value(ElementTree.SubElement(_annotation(tier), "REF_ANNOTATION", attributes), value)
            tiers.append(tier)
        return tiers

    @staticmethod
    def _tier(name: str, speaker: str | None, *, type_: str, child: bool = True) -> ElementTree.Element:
        attributes = {"LINGUISTIC_TYPE_REF": type_, "TIER_ID": _allowed(tier_name(name, speaker))}
        if child:
            attributes["PARENT_REF"] = _allowed(tier_name("transcript", speaker))
        if speaker is not None:
            attributes["PARTICIPANT"] = _allowed(" ".join(speaker.split()))
        return ElementTree.Element("TIER", dict(sorted(attributes.items())))

    def _aligned(self, tier: ElementTree.Element, span: Interval, text: str) -> str:
        name = self._next()
        annotation = ElementTree.SubElement(_annotation(tier), "ALIGNABLE_ANNOTATION", {"ANNOTATION_ID": name})
        self.slots += zip(span, (annotation, annotation), ("TIME_SLOT_REF1", "TIME_SLOT_REF2"), strict=True)
        self._value(annotation, text)
        return name

    def _next(self) -> str:
        self.annotations += 1
        return f"a{self.annotations}"

    @staticmethod
    def _value(annotation: ElementTree.Element, text: str) -> None:
        ElementTree.SubElement(annotation, "ANNOTATION_VALUE").text = _allowed(text)

    @staticmethod
    def _types(root: ElementTree.Element) -> None:
        types = (
            ("utterance", None, None),
            ("word", "Included_In", None),
            ("label", "Symbolic_Association", None),
            ("sentiment", "Symbolic_Association", SENTIMENT_VOCABULARY),
        )
        for name, constraint, vocabulary in types:
            attributes = {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": name}
            attributes["TIME_ALIGNABLE"] = "false" if constraint == "Symbolic_Association" else "true"
            if constraint is not None:
                attributes["CONSTRAINTS"] = constraint
            if vocabulary is not None:
                attributes["CONTROLLED_VOCABULARY_REF"] = vocabulary
            ElementTree.SubElement(root, "LINGUISTIC_TYPE", attributes)
        ElementTree.SubElement(root, "LANGUAGE", {"LANG_ID": "und", "LANG_LABEL": "undetermined (und)"})
        for stereotype, description in STEREOTYPES.items():
            ElementTree.SubElement(root, "CONSTRAINT", {"DESCRIPTION": description, "STEREOTYPE": stereotype})
        words = ElementTree.SubElement(root, "CONTROLLED_VOCABULARY", {"CV_ID": SENTIMENT_VOCABULARY})
        ElementTree.SubElement(words, "DESCRIPTION", {"LANG_REF": "und"})
        for sentiment in SENTIMENT_CLASSES:
            entry = ElementTree.SubElement(words, "CV_ENTRY_ML", {"CVE_ID": f"cveid_{sentiment}"})
            ElementTree.SubElement(entry, "CVE_VALUE", {"DESCRIPTION": "", "LANG_REF": "und"}).text = sentiment


def _annotation(tier: ElementTree.Element) -> ElementTree.Element:
    return ElementTree.SubElement(tier, "ANNOTATION")


def _allowed(text: str) -> str:
    """Return a text without control characters, which XML 1.0 forbids, also escaped ones."""
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n\r")
