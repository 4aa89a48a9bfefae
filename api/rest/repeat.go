package rest

import (
	"container/list"
	"crypto/sha256"
	"sync"
)

// maxRepeats is how many keys are remembered.
const maxRepeats = 10_000

// repeats remember the keys of requests for commands, the newest of them: for what
// another body under the same key is told, and one that comes while the first is at
// work. That a command is stored once is not theirs: the stream's own window for
// duplicates sees to that.
type repeats struct {
	most int

	mu    sync.Mutex
	of    map[[2]string]*repeat // by caller and key
	order *list.List            // of *repeat, the oldest first
}

// repeat is one key of one caller.
type repeat struct {
	name    [2]string
	body    [sha256.Size]byte // of the route and the body
	working bool
	place   *list.Element
}

func newRepeats(most int) *repeats {
	return &repeats{most: most, of: map[[2]string]*repeat{}, order: list.New()}
}

// begin notes that a request is at work, or says why it must not be.
func (r *repeats) begin(caller, key, path string, body []byte) (*repeat, error) {
	hash := sha256.New()
	hash.Write([]byte(path))
	hash.Write([]byte{0})
	hash.Write(body)
	name := [2]string{caller, key}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.of[name]; known != nil {
		switch {
		case known.body != [sha256.Size]byte(hash.Sum(nil)):
			return nil, Fail(KeyReused, "the Idempotency-Key was used for another request; use a new one for each")
		case known.working:
			return nil, Fail(InProgress, "a request with this Idempotency-Key is at work; ask again when it is done")
		}
		known.working = true
		r.order.MoveToBack(known.place)
		return known, nil
	}
	if len(r.of) >= r.most {
		r.forgetLocked(r.order.Front().Value.(*repeat))
	}
	fresh := &repeat{name: name, body: [sha256.Size]byte(hash.Sum(nil)), working: true}
	fresh.place = r.order.PushBack(fresh)
	r.of[name] = fresh
	return fresh, nil
}

func (r *repeats) forgetLocked(old *repeat) {
	r.order.Remove(old.place)
	if r.of[old.name] == old {
		delete(r.of, old.name)
	}
}

// end notes that a request is done; done is false where it was not and nothing of it can
// be stored: the key is as good as new then.
func (r *repeats) end(of *repeat, done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of.working = false
	if !done && r.of[of.name] == of {
		r.forgetLocked(of)
	}
}
