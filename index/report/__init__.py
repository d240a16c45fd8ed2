"""What a finished build shows: summary, contact sheet, dataset card."""
