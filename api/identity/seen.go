package identity

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxSeen bounds the tokens of one generation that are known again, some 300 bytes each.
const maxSeen = 50_000

// seen are tokens that were valid: to check a signature takes longer than most answers.
// It is kept by digest, so that no token is, in two generations, and ends with the file
// and the key set that the tokens were checked with.
type seen struct {
	mu       sync.Mutex
	now, old map[[sha256.Size]byte]known
}

// known is who a token is of.
type known struct {
	Identity
	version uint64 // of the key set
}

// find returns who a token is of, unless it is not known, or no longer valid.
func (s *seen) find(digest [sha256.Size]byte, version uint64, at time.Time) (Identity, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.now[digest]
	if !ok {
		if k, ok = s.old[digest]; ok {
			s.keepLocked(digest, k)
		}
	}
	return k.Identity, ok && k.version == version && !k.Expired(at)
}

// keep remembers a token.
func (s *seen) keep(digest [sha256.Size]byte, version uint64, id Identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepLocked(digest, known{id, version})
}

func (s *seen) keepLocked(digest [sha256.Size]byte, k known) {
	if s.now == nil || len(s.now) >= maxSeen {
		s.now, s.old = make(map[[sha256.Size]byte]known), s.now
	}
	s.now[digest] = k
}
