"""Ready-made worlds, one `.toml` file each; the keys are those of `alife.config.RunConfig`."""
