"""How far two or more people, or people and a model, agree beyond chance.

Figures of two raters follow from their confusion matrix alone, so that a resampling of videos is a weighted sum of
confusion matrices. All functions take matrices of shape (..., K, K): rows are the first rater's categories (the truth,
where there is one), columns the second's, in order where the categories have one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import InputError

Level = Literal["nominal", "ordinal"]
Matrix = NDArray[np.float64]


def confusion(truth: NDArray[np.floating], other: NDArray[np.floating], *, categories: int) -> Matrix:
    """Count pairs of categories, shape (K, K); pairs in which one is NaN are left out.

    Parameters
    ----------
    truth, other : ndarray, shape (n,)
        Numbers of categories from 0, or NaN.
    categories : int
        K.
    """
    known = ~(np.isnan(truth) | np.isnan(other))
    counts = np.zeros((categories, categories))
    np.add.at(counts, (truth[known].astype(np.intp), other[known].astype(np.intp)), 1)
    return counts


def accuracy(counts: Matrix) -> NDArray[np.float64]:
    """Share of equal categories."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1)))


def class_f1(counts: Matrix) -> NDArray[np.float64]:
    """F1 of each category, shape (..., K); 0 where it is neither true nor said (van Rijsbergen, 1979)."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    mentioned = counts.sum(axis=-1) + counts.sum(axis=-2)
    return np.where(mentioned > 0, 2 * hits / np.maximum(mentioned, 1e-300), 0.0)


def f1_weighted(counts: Matrix) -> NDArray[np.float64]:
    """F1 averaged over the categories by their number of true cases."""
    support = counts.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((class_f1(counts) * support).sum(axis=-1) / support.sum(axis=-1))


def f1_macro(counts: Matrix) -> NDArray[np.float64]:
    """F1 averaged over the categories that are true or said at least once."""
    mentioned = (counts.sum(axis=-1) + counts.sum(axis=-2)) > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(class_f1(counts).sum(axis=-1) / mentioned.sum(axis=-1))


def cohens_kappa(counts: Matrix) -> NDArray[np.float64]:
    """Agreement beyond what the two raters' own frequencies give (Cohen, 1960). NaN where that is all there can be."""
    total = counts.sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = accuracy(counts)
        chance = (counts.sum(axis=-1) * counts.sum(axis=-2)).sum(axis=-1) / total**2
        return np.asarray(np.where(chance < 1, (observed - chance) / (1 - chance), np.nan))


def alpha_of_coincidences(coincidences: Matrix, *, level: Level) -> NDArray[np.float64]:
    """Krippendorff's alpha from a coincidence matrix, shape (..., K, K), symmetric.

    Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011: 1 minus observed over expected disagreement, with
    the difference function of the level. NaN where only one category occurs.
    """
    marginals = coincidences.sum(axis=-1)  # (..., K)
    total = marginals.sum(axis=-1)
    categories = marginals.shape[-1]
    if level == "nominal":
        difference = np.broadcast_to(1.0 - np.eye(categories), coincidences.shape)
    else:
        below = np.cumsum(marginals, axis=-1) - marginals / 2  # (..., K): rank of the middle of each category
        difference = (below[..., :, None] - below[..., None, :]) ** 2
    observed = (coincidences * difference).sum(axis=(-2, -1))
    expected = (marginals[..., :, None] * marginals[..., None, :] * difference).sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(expected > 0, 1 - (total - 1) * observed / expected, np.nan))


def alpha_of_two(counts: Matrix, *, level: Level) -> NDArray[np.float64]:
    """Krippendorff's alpha of two raters without a missing value, from their confusion matrix."""
    return alpha_of_coincidences(counts + np.swapaxes(counts, -1, -2), level=level)


def krippendorff_alpha(ratings: NDArray[np.floating], *, categories: int, level: Level) -> float:
    """Krippendorff's alpha of any number of raters, of whom each may leave units out.

    Parameters
    ----------
    ratings : ndarray, shape (raters, units)
        Numbers of categories from 0; NaN where a rater did not rate.
    categories : int
        K.
    level : str
        ``nominal``, or ``ordinal`` where the categories are in order.

    Returns
    -------
    float
        NaN where nothing was rated twice or only one category occurs.

    Raises
    ------
    InputError
        If a number is no category.
    """
    known = ~np.isnan(ratings)
    if known.any() and not (ratings[known].min() >= 0 and ratings[known].max() < categories):
        raise InputError(f"krippendorff_alpha: ratings must be numbers of categories from 0 to {categories - 1}")
    votes = np.stack([(ratings == category).sum(axis=0) for category in range(categories)], axis=1)  # (units, K)
    raters = votes.sum(axis=1)
    paired = votes[raters > 1].astype(np.float64)
    pairs = paired[:, :, None] * paired[:, None, :] - paired[:, :, None] * np.eye(categories)
    coincidences = (pairs / (raters[raters > 1] - 1)[:, None, None]).sum(axis=0)
    return float(alpha_of_coincidences(coincidences, level=level))


FIGURES: Mapping[str, Callable[[Matrix], NDArray[np.float64]]] = {
    "accuracy": accuracy,
    "f1_weighted": f1_weighted,
    "f1_macro": f1_macro,
    "kappa": cohens_kappa,
    "alpha_nominal": lambda counts: alpha_of_two(counts, level="nominal"),
    "alpha_ordinal": lambda counts: alpha_of_two(counts, level="ordinal"),
}
