package store

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
)

// address is what a key says: a family and the key's own value.
type address struct {
	family byte
	of     any
}

// address draws a row of any family, with its key.
func (d dice) address() (address, []byte) {
	user, other := d.id(), d.id()
	k := c2cKey(user, other)
	switch d.IntN(3) {
	case 0:
		k = groupKey(user, other)
	case 1:
		k = fold.GroupKey(other)
	}
	if k.Kind == events.C2C && d.coin() {
		k.User = inEra(k.User, d.seq()%3)
	}
	log, no := k.LogKey(), d.uint()
	kinds := []fold.SetKind{fold.SetRevoked, fold.SetAll, fold.SetOwn, fold.SetNamed, fold.SetOwnAll}
	set := k.Set(kinds[d.IntN(len(kinds))])
	switch d.IntN(11) {
	case 0:
		if k.User, _ = cutEra(k.User); k.User == "" {
			k.User = d.id()
		}
		return address{famConversation, k}, appendConversation(nil, k)
	case 1:
		return address{famGroup, other}, appendGroup(nil, other)
	case 2:
		return address{famUser, other}, appendUser(nil, other)
	case 3:
		m := memberKey{other, d.id()}
		return address{famMember, m}, appendMember(nil, m)
	case 4:
		i := indexKey{log, d.id()}
		return address{famIndex, i}, appendIndex(nil, i)
	case 5:
		return address{famPage, pageKey{log, no}}, appendPage(nil, pageKey{log, no})
	case 6:
		return address{famBlock, pageKey{log, no}}, appendBlock(nil, pageKey{log, no})
	case 7:
		return address{famBucket, bucketKey{set, no}}, appendBucket(nil, bucketKey{set, no})
	case 8:
		return address{famDirectory, set}, appendDirectory(nil, set)
	case 9:
		w := waiterKey{other, d.id(), d.id()}
		return address{famWaiter, w}, appendWaiter(nil, w)
	}
	return address{famOutbox, no}, outboxKey(events.Seq(no))
}

// TestKeysTellRowsApart: equal keys are of equal rows.
func TestKeysTellRowsApart(t *testing.T) {
	d := newDice(t)
	of := map[string]address{}
	keys := map[address]string{}
	for range 200_000 {
		a, key := d.address()
		if known, ok := of[string(key)]; ok && known != a {
			t.Fatalf("%+v and %+v both have the key %q", known, a, key)
		}
		if known, ok := keys[a]; ok && known != string(key) {
			t.Fatalf("%+v has the keys %q and %q", a, known, key)
		}
		if key[0] != a.family {
			t.Fatalf("the key %q of %+v is in family %q", key, a, key[0])
		}
		of[string(key)], keys[a] = a, string(key)
	}
}

// TestNumbersSort: keys that end in a number sort as the numbers do.
func TestNumbersSort(t *testing.T) {
	d := newDice(t)
	log := c2cKey(d.id(), d.id())
	for range 50_000 {
		a, b := d.uint(), d.uint()
		if d.coin() {
			b = a + uint64(d.IntN(3)) - 1
		}
		for _, key := range []func(n uint64) []byte{
			func(n uint64) []byte { return appendUint(nil, n) },
			func(n uint64) []byte { return outboxKey(events.Seq(n)) },
			func(n uint64) []byte { return appendPage(nil, pageKey{log, n}) },
			func(n uint64) []byte { return appendBucket(nil, bucketKey{log.Set(fold.SetNamed), n}) },
		} {
			if got, want := bytes.Compare(key(a), key(b)), cmp.Compare(a, b); got != want {
				t.Fatalf("keys of %d and %d compare as %d", a, b, got)
			}
		}
		if n, ok := readUint(appendUint(nil, a)); n != a || !ok {
			t.Fatalf("%d reads as %d, %v", a, n, ok)
		}
	}
	for _, b := range [][]byte{nil, {1}, {2, 1}, {0, 1}, {9, 1, 2, 3, 4, 5, 6, 7, 8, 9}} {
		if n, ok := readUint(b); ok {
			t.Errorf("%x reads as %d", b, n)
		}
	}
}

// TestPrefixEnd: a key lies between a prefix and its end exactly if it begins
// with the prefix.
func TestPrefixEnd(t *testing.T) {
	d := newDice(t)
	for range 20_000 {
		_, key := d.address()
		_, prefix := d.address()
		if d.coin() {
			prefix = key[:1+d.IntN(len(key))]
		}
		if prefix[len(prefix)-1] == 0xff {
			continue // no prefix ends in it
		}
		before := slices.Clone(prefix)
		end := prefixEnd(prefix)
		within := bytes.Compare(prefix, key) <= 0 && bytes.Compare(key, end) < 0
		if within != bytes.HasPrefix(key, prefix) || !bytes.Equal(before, prefix) {
			t.Fatalf("%q, %q, end %q: within %v", prefix, key, end, within)
		}
	}
}

// TestScansFindTheirRows stores many rows side by side: every scan by prefix
// finds all rows it is meant for and no other.
func TestScansFindTheirRows(t *testing.T) {
	d := newDice(t)
	db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem(), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stored := map[string]address{}
	for range 5000 {
		a, key := d.address()
		stored[string(key)] = a
		if err := db.Set(key, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		user, group, id := d.id(), d.id(), d.id()
		if diff := sameRows(stored, func(a address) string {
			if k, ok := a.of.(fold.Key); ok && k.User == user {
				return fmt.Sprint(k)
			}
			return ""
		}, asStrings(conversationsOf(db, user))); diff != "" {
			t.Fatalf("conversations of %q: %s", user, diff)
		}
		if diff := sameRows(stored, func(a address) string {
			if m, ok := a.of.(memberKey); ok && m.group == group {
				return m.user
			}
			return ""
		}, membersOf(db, group)); diff != "" {
			t.Fatalf("members of %q: %s", group, diff)
		}
		var waiters []string
		scan(db, append(appendPair([]byte{famWaiter}, group, id), 0), func(rest, _ []byte) { waiters = append(waiters, string(rest)) })
		if diff := sameRows(stored, func(a address) string {
			if w, ok := a.of.(waiterKey); ok && w.group == group && w.id == id {
				return w.user
			}
			return ""
		}, waiters); diff != "" {
			t.Fatalf("waiters for %q in %q: %s", id, group, diff)
		}
		var inbox []string
		era := d.seq() % 3
		for _, prefix := range inboxPrefixes(user, era) {
			scan(db, prefix, func(rest, _ []byte) { inbox = append(inbox, fmt.Sprint(stored[string(prefix)+string(rest)])) })
		}
		if diff := sameRows(stored, func(a address) string {
			if a.ownedBy(user, era) {
				return fmt.Sprint(a)
			}
			return ""
		}, inbox); diff != "" {
			t.Fatalf("inbox of %q: %s", user, diff)
		}
	}
}

// ownedBy reports whether a row is a user's conversation, or of a C2C log of an
// era.
func (a address) ownedBy(user string, era events.Seq) bool {
	var log fold.Key
	switch of := a.of.(type) {
	case fold.Key:
		return of.User == user
	case indexKey:
		log = of.log
	case pageKey:
		log = of.log
	case bucketKey:
		log = of.set.Owner
	case fold.SetKey:
		log = of.Owner
	}
	return log.Kind == events.C2C && log.User == inEra(user, era)
}

func asStrings(keys []fold.Key) (all []string) {
	for _, k := range keys {
		all = append(all, fmt.Sprint(k))
	}
	return all
}

// sameRows compares what a scan found with the rows that name gives a name.
func sameRows(stored map[string]address, name func(address) string, found []string) string {
	var want []string
	for _, a := range stored {
		if n := name(a); n != "" {
			want = append(want, n)
		}
	}
	slices.Sort(want)
	slices.Sort(found)
	if !slices.Equal(want, found) {
		return fmt.Sprintf("found %q, stored are %q", found, want)
	}
	return ""
}
