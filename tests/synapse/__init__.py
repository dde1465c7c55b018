"""What Penpal must do with a real homeserver in front of it: `scripts/test --only synapse`."""
