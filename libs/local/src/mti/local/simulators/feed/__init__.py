"""Simulated threat-intelligence feeds: a seeded generator, their two file forms and their ground truth."""

from mti.local.simulators.feed.detection import Detection, HashChoice, Observable
from mti.local.simulators.feed.generator import artefact, generate, grid_copies
from mti.local.simulators.feed.spec import CsvForm, FeedSpec
from mti.local.simulators.feed.store import Feed, LateBatch
from mti.local.simulators.feed.truth import FeedTruth, Sightings, truth_of

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
