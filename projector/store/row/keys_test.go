package row_test

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// address is what a key says: a family and the key's own value.
type address struct {
	family byte
	of     any
}

// What the keys below a log, a group or a set say.
type (
	indexKey struct {
		log fold.Key
		id  string
	}
	pageKey struct {
		log fold.Key
		no  uint64
	}
	chunkKey struct {
		set fold.SetKey
		no  uint64
	}
	memberKey   struct{ group, user string }
	senderKey   struct{ user, group string }
	followerKey struct{ group, thread, user string }
	timelineKey struct {
		of     fold.Key
		thread string
	}
	importKey struct{ user, group string }
	pieceKey  struct{ group, user, timeline string }
	countsKey struct {
		tree  fold.TreeKey
		level byte
		no    uint64
	}
	pendingKey struct{ group, id, user string }
)

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
		k.User = row.InEra(k.User, d.seq()%3)
	}
	log, no := k.LogKey(), d.uint()
	kinds := []fold.SetKind{fold.SetRevoked, fold.SetAll, fold.SetOwn, fold.SetRecalled, fold.SetNamed, fold.SetGone}
	set := k.Set(kinds[d.IntN(len(kinds))])
	if d.coin() {
		set = log.SetOf(d.id(), []fold.SetKind{fold.SetIn, fold.SetAp}[d.IntN(2)])
	}
	switch d.IntN(21) {
	case 0:
		if k.User, _ = row.CutEra(k.User); k.User == "" {
			k.User = d.id()
		}
		return address{row.Conversations, k}, row.AppendConversation(nil, k)
	case 1:
		return address{row.Groups, other}, row.AppendGroup(nil, other)
	case 2:
		return address{row.Users, other}, row.AppendUser(nil, other)
	case 3:
		m := memberKey{other, d.id()}
		return address{row.Members, m}, row.AppendMember(nil, m.group, m.user)
	case 4:
		i := indexKey{log, d.id()}
		return address{row.Indexes, i}, row.AppendIndex(nil, i.log, i.id)
	case 5:
		return address{row.Pages, pageKey{log, no}}, row.AppendPage(nil, log, no)
	case 6:
		return address{row.Blocks, pageKey{log, no}}, row.AppendBlock(nil, log, no)
	case 7:
		return address{row.Chunks, chunkKey{set, no}}, row.AppendChunk(nil, set, no)
	case 8:
		return address{row.Directories, set}, row.AppendDirectory(nil, set)
	case 9:
		w := pendingKey{other, d.id(), d.id()}
		return address{row.PendingReads, w}, row.AppendPendingRead(nil, w.group, w.id, w.user)
	case 20:
		return address{row.Threads, indexKey{log, other}}, row.AppendThread(nil, log, other)
	case 17:
		return address{row.Orders, pageKey{log, no}}, row.AppendOrder(nil, log, events.Seq(no))
	case 18:
		if k.User == "" {
			k.User = d.id()
		}
		thread := []string{"", d.id()}[d.IntN(2)]
		return address{row.Timelines, timelineKey{k, thread}}, row.AppendTimeline(nil, k, thread)
	case 19:
		f := followerKey{other, d.id(), user}
		return address{row.Followers, f}, row.AppendFollower(nil, f.group, f.thread, f.user)
	case 10:
		a := senderKey{other, d.id()}
		return address{row.Senders, a}, row.AppendSender(nil, groupKey(a.user, a.group))
	case 11:
		at, pos := d.time(), max(fold.Pos(no), 1)
		due := fold.Due{At: at, Log: log, Pos: pos}
		due.Log.User, due.Era = row.CutEra(log.User)
		return address{row.Dues, due}, row.AppendDue(nil, at, log, pos)
	case 12:
		p := pieceKey{other, d.id(), []string{"", d.id()}[d.IntN(2)]}
		return address{row.Pieces, p}, row.AppendPiece(nil, p.group, p.user, p.timeline)
	case 13:
		return address{row.Wanted, other}, row.AppendWanted(nil, other)
	case 14:
		c := countsKey{fold.TreeKey{Group: other, Era: d.seq() % 3, Kind: fold.TreeJoins}, byte(d.IntN(8)), no}
		if d.coin() {
			c.tree.Kind, c.tree.Timeline = fold.TreeApart, []string{"", d.id()}[d.IntN(2)]
		}
		return address{row.Trees, c}, row.AppendCounts(nil, c.tree, c.level, c.no)
	case 15:
		i := importKey{row.InEra(user, d.seq()%3), other}
		return address{row.Imports, i}, append(row.InboxPrefix(row.Imports, i.user, 0), i.group...)
	}
	return address{row.Outbox, no}, row.AppendOutbox(nil, events.Seq(no))
}

// TestKeysDistinguishRows: equal keys are of equal rows.
func TestKeysDistinguishRows(t *testing.T) {
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
			func(n uint64) []byte { return row.AppendUint(nil, n) },
			func(n uint64) []byte { return row.AppendOutbox(nil, events.Seq(n)) },
			func(n uint64) []byte { return row.AppendPage(nil, log, n) },
			func(n uint64) []byte { return row.AppendChunk(nil, log.Set(fold.SetNamed), n) },
		} {
			if got, want := bytes.Compare(key(a), key(b)), cmp.Compare(a, b); got != want {
				t.Fatalf("keys of %d and %d compare as %d", a, b, got)
			}
		}
		if n, ok := row.ReadUint(row.AppendUint(nil, a)); n != a || !ok {
			t.Fatalf("%d reads as %d, %v", a, n, ok)
		}
	}
	for _, b := range [][]byte{nil, {1}, {2, 1}, {0, 1}, {9, 1, 2, 3, 4, 5, 6, 7, 8, 9}} {
		if n, ok := row.ReadUint(b); ok {
			t.Errorf("%x reads as %d", b, n)
		}
	}
}

// TestDuesSort: the keys of messages that expire read as what they are made of, and
// sort by the time, those of one time by the log and the position.
func TestDuesSort(t *testing.T) {
	d := newDice(t)
	user := func() string { return "u" + strings.ReplaceAll(d.id(), "\xff", "") } // which no id has
	logs := []fold.Key{c2cKey(user(), d.id()), c2cKey(row.InEra(user(), d.seq()), d.id()), fold.GroupKey(d.id())}
	slices.SortFunc(logs, func(a, b fold.Key) int { return bytes.Compare(row.AppendPage(nil, a, 0), row.AppendPage(nil, b, 0)) })
	draw := func() (at events.Time, log int, pos fold.Pos) {
		return events.Time(d.IntN(1000)), d.IntN(len(logs)), fold.Pos(1 + d.IntN(1000))
	}
	for range 50_000 {
		at, log, pos := draw()
		at2, log2, pos2 := draw()
		key, key2 := row.AppendDue(nil, at, logs[log], pos), row.AppendDue(nil, at2, logs[log2], pos2)
		want := cmp.Or(cmp.Compare(at, at2), cmp.Compare(log, log2), cmp.Compare(pos, pos2))
		if got := bytes.Compare(key, key2); got != want && logs[log] != logs[log2] {
			t.Fatalf("%q and %q compare as %d", key, key2, got)
		}
		if before := bytes.Compare(key, row.AppendDues(nil, at2)) < 0; before != (at < at2) {
			t.Fatalf("%q comes before those of %d: %v", key, at2, before)
		}
		due, ok := row.ParseDue(string(key))
		if due.Log.Kind == events.C2C {
			due.Log.User = row.InEra(due.Log.User, due.Era)
		}
		if !ok || due.At != at || due.Log != logs[log] || due.Pos != pos {
			t.Fatalf("%q reads as %+v, %v", key, due, ok)
		}
	}
	for _, key := range []string{"v", "v\x01", "v\x00", "v\x00ca\x00b\x00", "v\x00gx\x00\x00", "v\x09123456789gx\x00\x011", "v\x00mx\x00y\x00\x011"} {
		if due, ok := row.ParseDue(key); ok {
			t.Errorf("%q reads as %+v", key, due)
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
		end := row.PrefixEnd(prefix)
		within := bytes.Compare(prefix, key) <= 0 && bytes.Compare(key, end) < 0
		if within != bytes.HasPrefix(key, prefix) || !bytes.Equal(before, prefix) {
			t.Fatalf("%q, %q, end %q: within %v", prefix, key, end, within)
		}
	}
}

// TestPrefixesFindTheirRows draws many rows side by side: the rows with a prefix
// are all those that it is meant for and no other.
func TestPrefixesFindTheirRows(t *testing.T) {
	d := newDice(t)
	stored := map[string]address{}
	for range 5000 {
		a, key := d.address()
		stored[string(key)] = a
	}
	keys := slices.Sorted(maps.Keys(stored))
	for range 200 {
		user, group, id, era := d.id(), d.id(), d.id(), d.seq()%3
		kind := []events.Kind{events.C2C, events.Group}[d.IntN(2)]
		inbox := [][]byte{row.ConversationsPrefix(user)}
		for _, family := range []byte{row.Directories, row.Timelines, row.Threads, row.Orders, row.Indexes, row.Pages, row.Chunks, row.Blocks} {
			inbox = append(inbox, row.InboxPrefix(family, user, era))
		}
		for _, test := range []struct {
			what     string
			prefixes [][]byte
			mine     func(of any) bool
		}{
			{"conversations", [][]byte{row.ConversationsPrefix(user)}, func(of any) bool {
				k, ok := of.(fold.Key)
				return ok && k.User == user
			}},
			{"conversations of a kind", [][]byte{row.ConversationsOfKind(user, kind)}, func(of any) bool {
				k, ok := of.(fold.Key)
				return ok && k.User == user && k.Kind == kind
			}},
			{"members", [][]byte{row.MembersPrefix(group)}, func(of any) bool {
				m, ok := of.(memberKey)
				return ok && m.group == group
			}},
			{"messages in groups", [][]byte{row.SendersPrefix(user)}, func(of any) bool {
				a, ok := of.(senderKey)
				return ok && a.user == user
			}},
			{"pieces", [][]byte{row.PiecesPrefix(group, user)}, func(of any) bool {
				p, ok := of.(pieceKey)
				return ok && p.group == group && p.user == user
			}},
			{"trees", [][]byte{row.TreesPrefix(group, era)}, func(of any) bool {
				c, ok := of.(countsKey)
				return ok && c.tree.Group == group && c.tree.Era == era
			}},
			{"followers", [][]byte{row.FollowersPrefix(group, id)}, func(of any) bool {
				f, ok := of.(followerKey)
				return ok && f.group == group && f.thread == id
			}},
			{"timelines", [][]byte{row.TimelinesOf(groupKey(row.InEra(user, era), group))}, func(of any) bool {
				t, ok := of.(timelineKey)
				return ok && t.of == groupKey(row.InEra(user, era), group)
			}},
			{"pending reads", [][]byte{row.PendingReadsPrefix(group, id)}, func(of any) bool {
				w, ok := of.(pendingKey)
				return ok && w.group == group && w.id == id
			}},
			{"inbox", inbox, func(of any) bool { return ownedBy(of, user, era) }},
		} {
			found := map[string]bool{}
			for _, prefix := range test.prefixes {
				from, _ := slices.BinarySearch(keys, string(prefix))
				to, _ := slices.BinarySearch(keys, string(row.PrefixEnd(prefix)))
				for _, key := range keys[from:to] {
					found[key] = true
				}
			}
			for key, a := range stored {
				if mine := test.mine(a.of); found[key] != mine {
					t.Fatalf("%s of %q, %q, %q since %d: %+v, key %q, belongs to them: %v", test.what, user, group, id, era, a, key, mine)
				}
			}
		}
	}
}

// ownedBy reports whether a row is a user's conversation, or of a C2C log of an
// era.
func ownedBy(of any, user string, era events.Seq) bool {
	var log fold.Key
	switch of := of.(type) {
	case fold.Key:
		return of.User == user
	case indexKey:
		log = of.log
	case timelineKey:
		return of.of.User == row.InEra(user, era)
	case pageKey:
		log = of.log
	case chunkKey:
		log = of.set.Owner
	case fold.SetKey:
		log = of.Owner
	}
	return log.Kind == events.C2C && log.User == row.InEra(user, era)
}
