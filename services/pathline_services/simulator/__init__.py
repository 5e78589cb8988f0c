"""Many lives across the reference services, the same for the same seed.

`life(seed, number, now)` is pure; `play` tells the lives to the services' desks.
"""

from pathline_services.simulator.life import simulate_life, simulate_lives
from pathline_services.simulator.script import Act

__all__ = ["Act", "simulate_life", "simulate_lives"]
