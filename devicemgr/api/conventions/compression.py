"""Which clients take compressed answers."""


def takes_gzip(accepted: str) -> bool:
    """Return True where Accept-Encoding names gzip, or anything, without refusing it (RFC 9110, 12.5.3)."""
    weights: dict[str, float] = {}
    for one in accepted.split(","):
        coding, *parameters = (part.strip().lower() for part in one.split(";"))
        quality = next((part.removeprefix("q=") for part in parameters if part.startswith("q=")), "1")
        weights[coding] = float(quality) if quality.replace(".", "", 1).isdigit() else 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0
