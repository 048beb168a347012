"""How fast siting is beside its peers; see docs/benchmarks.md."""
