"""The texts that a model learns from, made by the functions that serve it."""

from __future__ import annotations

from dataclasses import dataclass

from recommender.evaluation.suite import TextFunction


@dataclass(frozen=True, slots=True)
class TextFunctions:
    """What turns a product into the text that is embedded, and into its cleaned title and description alone."""

    text: TextFunction
    title: TextFunction
    description: TextFunction
