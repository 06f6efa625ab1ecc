package ledger

// actAs is the main of a process that a test has started.
func actAs(role string) int { return 2 }
