"""A simulated ONVIF camera and door: SOAP over HTTP, events, WS-Discovery, and faults on demand."""
