"""The family of densities of an integer model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class IntegerDensity:
    """A family of densities, `logistic` or `laplace`, with `components` components per mixture."""

    family: str
    components: int

    @property
    def size(self) -> int:
        """Parameters per coefficient: logits, means and log scales, or just mean and log scale of one component."""
        return 3 * self.components if self.components > 1 or self.family == "logistic" else 2
