"""A simulator of Microsoft Sentinel's upload API and of the authority that gives out its tokens."""

from mti.simulators.sentinel.plan import SentinelEndpoint, SentinelFault, SentinelFaultKind, Told
from mti.simulators.sentinel.server import SentinelSimulator
from mti.simulators.sentinel.settings import App, SentinelSettings, UploadLimit, WorkspaceSpec
from mti.simulators.sentinel.workspace import Workspace

__all__ = [
    "App",
    "SentinelEndpoint",
    "SentinelFault",
    "SentinelFaultKind",
    "SentinelSettings",
    "SentinelSimulator",
    "Told",
    "UploadLimit",
    "Workspace",
    "WorkspaceSpec",
]
