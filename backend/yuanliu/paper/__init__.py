"""What is printed: codes, labels, farmers' cards, statements. It is told everything, and looks nothing up."""
