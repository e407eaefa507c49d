"""Plans of a site: drawings with portals, devices and zones on them."""
