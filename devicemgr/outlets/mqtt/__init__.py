"""The channel to an MQTT broker: events, retained states, Home Assistant's discovery, and commands to portals."""
