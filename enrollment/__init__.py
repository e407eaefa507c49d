"""Everything about faces: photos, detector, encoder, quality, gallery."""
