"""pricewatch: watch product prices in several shops."""

__version__ = "1.0.0"
