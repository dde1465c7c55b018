"""The figures that are promised, measured on the release binary between a homeserver and a relay that agree to all."""
