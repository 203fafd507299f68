"""Simulated threat-intelligence feeds: a seeded generator, their two file forms and their ground truth."""

from mti.simulators.feed.detection import Detection, HashChoice, Observable
from mti.simulators.feed.generator import artefact, generate, grid_copies
from mti.simulators.feed.spec import CsvForm, FeedSpec
from mti.simulators.feed.store import Feed, LateBatch
from mti.simulators.feed.truth import FeedTruth, Sightings, truth_of

__all__ = [
    "CsvForm",
    "Detection",
    "Feed",
    "FeedSpec",
    "FeedTruth",
    "HashChoice",
    "LateBatch",
    "Observable",
    "Sightings",
    "artefact",
    "generate",
    "grid_copies",
    "truth_of",
]
