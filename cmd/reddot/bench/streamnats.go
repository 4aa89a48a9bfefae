package bench

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/vmihailenco/msgpack/v5"
)

// subscribe hears the changes of everybody on NATS. The function returns what was heard,
// and ends it.
func (s *streamed) subscribe() (heard func() []heardChange, err error) {
	conn, err := s.connect()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var all []heardChange
	begin, end := s.subjects.Prefix()+".evt."+streamUserPrefix, ".change"
	_, err = conn.Subscribe(s.subjects.Prefix()+".evt.*.change", func(m *nats.Msg) {
		at := time.Now().UnixNano()
		user, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(m.Subject, begin), end))
		var change struct {
			Version uint64 `msgpack:"version"`
		}
		if err != nil || msgpack.Unmarshal(m.Data, &change) != nil {
			return // what is missed is told
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, heardChange{user, change.Version, at})
	})
	if err == nil {
		err = conn.Flush()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("listen to changes: %w", err)
	}
	return func() []heardChange {
		conn.Close()
		mu.Lock()
		defer mu.Unlock()
		return all
	}, nil
}
