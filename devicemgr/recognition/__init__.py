"""Worker processes that own the video: frames in, sightings out; a crash in native code never touches a gate."""
