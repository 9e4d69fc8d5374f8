package memstore

// Sessions counts the rows, dead ones too.
func Sessions(s *Store) int { return len(s.sessions) }
