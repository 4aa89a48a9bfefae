package view_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/view"
)

// crowd is a group of 100,000 members with 70,000 messages, of which each member has
// read up to another one.
func crowd(b *testing.B, fs vfs.FS) *rig {
	const members, messages = 100_000, 70_000
	r := &rig{TB: b, store: openStore(b, fs)}
	r.do(events.Command{Verb: events.PolicySet, GroupReceipts: events.ReceiptsMembers})
	var users []string
	for i := range members {
		users = append(users, fmt.Sprintf("user%05d", i))
	}
	for part := range slices.Chunk(users, events.MaxUsers) {
		r.do(join("g", part...))
	}
	commit := func(n int) {
		if n%10_000 == 0 {
			r.read(func(fold.Reader) {})
		}
	}
	for i := range messages {
		r.do(message(group("g"), users[i%1000], fmt.Sprint("m", i)))
		commit(i)
	}
	for i, user := range users {
		r.do(events.Command{Verb: events.UserRead, Inbox: user, Conversation: group("g").ConversationID, Upto: fmt.Sprint("m", (i*7919)%messages)})
		commit(i)
	}
	return r
}

// BenchmarkReceipts asks by how many of 100,000 members messages are read, from the
// store's caches, after another read, and from Pebble alone; and for pages of 200 of
// who has read one and who has not.
func BenchmarkReceipts(b *testing.B) {
	fs := vfs.NewMem()
	r := crowd(b, fs)
	defer func() {
		if err := r.store.Close(); err != nil {
			b.Error(err)
		}
	}()
	receipt := func(rows fold.Reader, i int) {
		q := events.GroupReceiptsRequest{Group: "g", IDs: []string{fmt.Sprint("m", 1+(i*7919)%69_000)}}
		reply, err := view.GroupReceipts(rows, "user00001", q)
		if err != nil || len(reply.Receipts) != 1 || reply.Receipts[0].Members != 99_999 {
			b.Fatal(reply, err)
		}
	}
	b.Run("N of M", func(b *testing.B) {
		r.TB = b
		r.read(func(rows fold.Reader) {
			for i := 0; b.Loop(); i++ {
				receipt(rows, i%100)
			}
		})
	})
	b.Run("N of M after a read", func(b *testing.B) {
		r.TB = b
		for i := 0; b.Loop(); i++ {
			b.StopTimer()
			r.do(events.Command{Verb: events.UserRead, Inbox: fmt.Sprintf("user%05d", i%100_000), Conversation: group("g").ConversationID})
			b.StartTimer()
			r.read(func(rows fold.Reader) { receipt(rows, i%100) })
		}
	})
	for name, read := range map[string]bool{"page of readers": true, "page of others": false} {
		b.Run(name, func(b *testing.B) {
			r.TB = b
			r.read(func(rows fold.Reader) {
				for b.Loop() {
					q := events.ReadersRequest{Group: "g", ID: "m35000", Read: &read, Limit: new(events.MaxLimit)}
					if reply, err := view.Readers(rows, "user00001", q); err != nil || len(reply.Users) != events.MaxLimit {
						b.Fatal(len(reply.Users), err)
					}
				}
			})
		})
	}
	b.Run("N of M cold", func(b *testing.B) { cold(b, r, fs, receipt) })
}

// cold asks a store that has just been opened.
func cold(b *testing.B, r *rig, fs vfs.FS, receipt func(rows fold.Reader, i int)) {
	r.TB = b
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		if err := r.store.Close(); err != nil {
			b.Fatal(err)
		}
		r.store = openStore(b, fs)
		r.read(func(rows fold.Reader) {
			b.StartTimer()
			receipt(rows, i)
		})
	}
}

func openStore(b *testing.B, fs vfs.FS) *store.Store {
	s, err := store.Open(store.Config{Dir: "store", FS: fs, Identity: events.StreamID{Name: "S", Created: time.Unix(1, 0)}})
	if err != nil {
		b.Fatal(err)
	}
	return s
}
