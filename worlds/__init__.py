"""The world-stepping engine: `engine` runs a world, `schedule` says when it is drawn, `render` and `lattice` draw."""
