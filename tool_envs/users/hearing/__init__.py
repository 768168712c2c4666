"""What a user of the natural register hears: messages as real models write them, read by their words alone."""
