package memstore

// Sessions counts the rows, dead ones too.
func Sessions(s *Store) int { return len(s.sessions) }

// UsedIDs is how many ids are remembered.
func UsedIDs(s *Store) int { return max(len(s.used.known), len(s.used.queue)) }
