"""Speed, measured side by side with what a user would take instead, as ratios of one run."""
