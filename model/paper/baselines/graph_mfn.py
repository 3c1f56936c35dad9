"""Graph-MFN: the memory fusion network with a dynamic fusion graph (Zadeh et al., ACL 2018, the MOSEI paper)."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor, nn

from mtmm_video.model.network_shape import NetworkShape
from mtmm_video.model.paper.baselines.common import HIDDEN
from mtmm_video.model.paper.baselines.mfn import MemoryFusion


class DynamicFusionGraph(nn.Module):
    """A vertex per set of modalities, edges from its subsets; each edge's efficacy in [0, 1] depends on the input."""

    def __init__(self, modalities: int) -> None:
        super().__init__()
        self.sets = [chosen for size in range(1, modalities + 1) for chosen in combinations(range(modalities), size)]
        self.parents = [
            [index for index, other in enumerate(self.sets) if set(other) < set(chosen)] for chosen in self.sets
        ]
        self.reduce = nn.ModuleList(nn.Linear(2 * HIDDEN, HIDDEN) for _ in range(modalities))
        self.vertices = nn.ModuleList(
            nn.Sequential(nn.Linear(HIDDEN * len(parents), HIDDEN), nn.ReLU()) if parents else nn.Identity()
            for parents in self.parents
        )
        # One efficacy per edge, and one per vertex for its edge to the output.
        self.edges = sum(map(len, self.parents)) + len(self.sets)
        self.efficacy = nn.Linear(2 * HIDDEN * modalities, self.edges)
        self.width = HIDDEN * len(self.sets)

    def forward(self, memories: Tensor) -> Tensor:
        """Fuse memories of shape (B, M, 2H) and return all vertices, weighted, (B, sets H)."""
        efficacy = self.efficacy(memories.flatten(1)).sigmoid()  # (B, edges)
        used = 0
        vertices: list[Tensor] = []
        for index, parents in enumerate(self.parents):
            if not parents:
                vertices.append(self.reduce[index](memories[:, index]))  # (B, H)
                continue
            incoming = [
                efficacy[:, used + place, None] * vertices[parent]  # (B, H)
                for place, parent in enumerate(parents)
            ]
            used += len(parents)
            vertices.append(self.vertices[index](torch.cat(incoming, dim=-1)))  # (B, H)
        weighed = [efficacy[:, used + index, None] * vertex for index, vertex in enumerate(vertices)]  # (B, H) each
        return torch.cat(weighed, dim=-1)


class GraphMemoryFusion(MemoryFusion):
    """Memory fusion network with a dynamic fusion graph across views."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__(shape, fusion=DynamicFusionGraph)
