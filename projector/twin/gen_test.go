package twin

import (
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/testkit"
)

func TestGeneratorIsDeterministic(t *testing.T) {
	for name, cfg := range map[string]Config{"small": {}, "deep": Deep()} {
		t.Run(name, func(t *testing.T) {
			a, b, other := NewGenerator(7, cfg), NewGenerator(7, cfg), NewGenerator(8, cfg)
			var reused, x events.Command
			differ := false
			for n := range 2_000 {
				var fresh events.Command
				a.Next(&reused)
				b.Next(&fresh)
				other.Next(&x)
				if diff := testkit.Diff(clean(reused), clean(fresh)); diff != "" {
					t.Fatalf("command %d of the same seed differs:\n%s", n, diff)
				}
				if a.Now() != b.Now() {
					t.Fatalf("command %d of the same seed has the times %d and %d", n, a.Now(), b.Now())
				}
				differ = differ || !cmp.Equal(clean(fresh), clean(x))
			}
			if !differ {
				t.Fatal("another seed gives the same commands")
			}
		})
	}
}

// clean makes empty and missing slices the same.
func clean(c events.Command) events.Command {
	if len(c.Mentions) == 0 {
		c.Mentions = nil
	}
	if len(c.Users) == 0 {
		c.Users = nil
	}
	if len(c.Add) == 0 {
		c.Add = nil
	}
	if len(c.Remove) == 0 {
		c.Remove = nil
	}
	if len(c.Conversations) == 0 {
		c.Conversations = nil
	}
	return c
}

// TestGeneratorCovers runs thousands of commands and looks whether what
// tests rely on has happened.
func TestGeneratorCovers(t *testing.T) {
	const seed = 1
	t.Logf("seed %d", seed)
	seen := map[string]int{}
	g, m := NewGenerator(seed, Config{}), New()
	var c events.Command
	for n := range 20_000 {
		g.Next(&c)
		wellFormed(t, &c)
		note(seen, m, &c)
		lists := listed(m, &c)
		r := m.Apply(events.Seq(n+1), g.Now(), &c)
		if bounded(&c) && c.Verb == events.UserDelete && !r.Ignored && r.Refused == "" {
			seen[map[bool]string{true: "bounded delete stays", false: "bounded delete leaves"}[listed(m, &c) == lists]]++
		}
		if len(r.Receipts) > 0 && m.Version(c.Inbox) <= events.Seq(n) {
			seen["nothing but a receipt"]++
		}
		verb := c.Verb.String()
		switch {
		case r.Refused != "":
			seen["refused: "+r.Refused]++
		case r.Ignored:
			seen[verb+" ignored"]++
		default:
			seen[verb]++
		}
		for _, x := range r.Receipts {
			seen["receipt by "+verb]++
			if x.Upto == "" || x.User == x.Peer {
				t.Fatalf("receipt %+v", x)
			}
		}
	}
	for _, v := range events.Verbs() {
		want(t, seen, v.String())
		want(t, seen, v.String()+" ignored")
	}
	for _, what := range []string{
		"refused: " + notMember, "refused: " + noMessage, "refused: " + otherSender,
		"hidden", "sent silent", "sent hidden", "eight pending reads", "pending read, public and private",
		"upto from before the join", "unread from before the join", "late own message", "unread where nothing counts",
		"bounded read-all", "bounded delete stays", "bounded delete leaves", "nothing but a receipt", "revoke of the last",
		"receipt by user.read", "receipt by user.read-all", "receipt by user.message", "receipt by user.sent",
		"duplicate", "pending read comes", "early revoke comes", "upto known", "upto_at", "both", "at", "silent",
		"mentions", "mention_all", "private", "thread", "to oneself", "advance",
		"revoke of an own", "revoke of a silent", "revoke of a read", "revoke of an unread", "long id",
	} {
		want(t, seen, what)
	}
}

func want(t *testing.T, seen map[string]int, what string) {
	t.Helper()
	if seen[what] == 0 {
		t.Errorf("%s never happened", what)
	}
}

// note counts the traits of a command that is about to be applied.
func note(seen map[string]int, m *Model, c *events.Command) {
	for what, is := range map[string]bool{
		"upto_at": c.HasUptoAt, "both": c.HasUptoAt && c.Upto != "", "at": c.HasAt, "silent": c.Silent,
		"mentions": len(c.Mentions) > 0, "mention_all": c.MentionAll, "private": c.Private, "thread": c.Thread != "",
		"to oneself": c.Inbox == c.To || c.Verb == events.UserMessage && c.Inbox == c.From,
		"advance":    m.own == events.OwnAdvance,
		"long id":    len(c.ID) == events.MaxID,
	} {
		if is {
			seen[what]++
		}
	}
	seen["hidden"] += map[bool]int{true: 1}[c.Hidden]
	switch c.Verb {
	case events.UserReadAll:
		seen["bounded read-all"] += map[bool]int{true: 1}[bounded(c)]
	case events.UserMessage, events.UserSent:
		v := m.c2c(c.Inbox, c.From+c.To)
		if v.chat.find(c.ID) >= 0 {
			seen["duplicate"]++
		} else if v.chat.revokes[c.ID] {
			seen["early revoke comes"]++
		}
		if slices.ContainsFunc(v.pending, func(e pendingRead) bool { return e.upto == c.ID }) {
			seen["pending read comes"]++
		}
		if c.Verb == events.UserSent {
			noteSent(seen, m, v, c)
		}
	case events.UserRevoke:
		noteRevoke(seen, m.c2c(c.Inbox, c.From), c.ID)
	case events.UserRead:
		if v := m.view(c.Inbox, c.Conversation); v != nil {
			noteRead(seen, v, c)
		}
	case events.UserUnread:
		if v := m.view(c.Inbox, c.Conversation); v != nil && v.chat.find(c.From) >= 0 {
			if i := v.find(c.From); i < 0 {
				seen["unread from before the join"]++
			} else if !v.countFrom(i, nil) {
				seen["unread where nothing counts"]++
			}
		}
	}
}

func noteSent(seen map[string]int, m *Model, v *view, c *events.Command) {
	for what, is := range map[string]bool{
		"sent silent": c.Silent, "sent hidden": c.Hidden,
		"late own message": m.own == events.OwnAdvance && c.HasAt && v.read < len(v.chat.log) && v.chat.log[len(v.chat.log)-1].at > c.At,
	} {
		if is {
			seen[what]++
		}
	}
}

func noteRead(seen map[string]int, v *view, c *events.Command) {
	known := v.chat.find(c.Upto) >= 0
	for what, is := range map[string]bool{
		"upto known": known, "upto from before the join": known && v.find(c.Upto) < 0,
		"eight pending reads": len(v.pending) == events.MaxPendingReads,
		"pending read, public and private": slices.ContainsFunc(v.pending, func(e pendingRead) bool {
			return e.open && e.at != e.openAt
		}),
	} {
		if is {
			seen[what]++
		}
	}
}

// bounded tells whether a command has a position.
func bounded(c *events.Command) bool { return c.Upto != "" || c.HasUptoAt }

// listed is how many conversations the user of a command has in the list.
func listed(m *Model, c *events.Command) int { return len(m.Conversations(c.Inbox)) }

func noteRevoke(seen map[string]int, v *view, id string) {
	i := v.chat.find(id)
	switch {
	case i < 0:
	case i == v.chat.last() && i < v.read:
		seen["revoke of the last"]++
	case v.own(&v.chat.log[i]):
		seen["revoke of an own"]++
	case v.chat.log[i].silent:
		seen["revoke of a silent"]++
	case i < v.read:
		seen["revoke of a read"]++
	default:
		seen["revoke of an unread"]++
	}
}

// wellFormed checks what a decoder would let pass.
func wellFormed(t *testing.T, c *events.Command) {
	t.Helper()
	ids := map[string]string{"inbox": c.Inbox, "id": c.ID, "from": c.From, "to": c.To, "upto": c.Upto}
	needs := map[events.Verb][]string{
		events.UserMessage: {"id", "from"}, events.UserSent: {"id", "to"}, events.UserRevoke: {"id", "from"},
		events.GroupMessage: {"id", "from"}, events.GroupRevoke: {"id"},
	}[c.Verb]
	if c.Verb.Inbox() != "" {
		needs = append(needs, "inbox")
	}
	for _, what := range needs {
		if err := events.CheckID(what, ids[what]); err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
	}
	switch c.Verb {
	case events.UserRead, events.UserUnread, events.UserMute, events.UserDelete:
		if _, err := events.ParseConversation(c.Conversation.String()); err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
	case events.GroupJoin, events.GroupLeave:
		if len(c.Users) == 0 {
			t.Fatalf("%+v: no users", c)
		}
	}
	for _, at := range []events.Time{c.At, c.UptoAt} {
		if at < 0 || at > events.MaxTime {
			t.Fatalf("%+v: time out of range", c)
		}
	}
}

// TestDeep looks whether the deep profile gets where it should: thousands of
// messages and thousands of unread in a group and in a C2C conversation.
func TestDeep(t *testing.T) {
	const seed = 6
	t.Logf("seed %d", seed)
	g, m := NewGenerator(seed, Deep()), New()
	longest := map[events.Kind]int{}
	most := map[events.Kind]int{}
	var c events.Command
	for n := range 20_000 {
		g.Next(&c)
		m.Apply(events.Seq(n+1), g.Now(), &c)
		if n%100 != 0 {
			continue
		}
		for _, user := range m.Users() {
			for _, v := range m.views(user) {
				longest[v.name.Kind] = max(longest[v.name.Kind], len(v.chat.log))
				most[v.name.Kind] = max(most[v.name.Kind], len(slices.Collect(v.unread())))
			}
		}
	}
	for _, kind := range []events.Kind{events.C2C, events.Group} {
		if longest[kind] < 4_000 || most[kind] < 2_000 {
			t.Errorf("%s: %d messages, %d unread at most", kind, longest[kind], most[kind])
		}
	}
}

// TestExact is rule exact: a count is right however large it is.
func TestExact(t *testing.T) {
	const messages = 5_000
	m := New()
	seq := events.Seq(0)
	apply := func(c events.Command) {
		seq++
		m.Apply(seq, events.Time(seq), &c)
	}
	unread := func(want uint64) {
		t.Helper()
		if got := m.Totals("alice", events.NoKind, false).Unread; got != want {
			t.Errorf("%d unread, want %d", got, want)
		}
	}
	for i := range messages {
		apply(events.Command{Verb: events.UserMessage, Inbox: "alice", From: "bob", ID: "m" + strconv.Itoa(i)})
	}
	unread(messages)
	bob := events.ConversationID{Kind: events.C2C, ID: "bob"}
	apply(events.Command{Verb: events.UserRead, Inbox: "alice", Conversation: bob, Upto: "m4095"})
	unread(904)
	apply(events.Command{Verb: events.UserUnread, Inbox: "alice", Conversation: bob, From: "m64"})
	unread(4_936)
	apply(events.Command{Verb: events.UserRevoke, Inbox: "alice", From: "bob", ID: "m1024"})
	unread(4_935)
}

// TestInvariants checks after each random command what must always hold.
func TestInvariants(t *testing.T) {
	const seed = 2
	t.Logf("seed %d", seed)
	g, m := NewGenerator(seed, Config{}), New()
	versions := map[string]events.Seq{}
	var c events.Command
	for n := range testkit.Effort(2_500) {
		g.Next(&c)
		m.Apply(events.Seq(n+1), g.Now(), &c)
		for _, user := range m.Users() {
			if v := m.Version(user); v < versions[user] {
				t.Fatalf("command %d: the version of %s went from %d to %d", n+1, user, versions[user], v)
			}
			versions[user] = m.Version(user)
			consistent(t, m, user)
		}
	}
}

// consistent checks one user's answers against each other (rules total, filter,
// in, apart).
func consistent(t *testing.T, m *Model, user string) {
	t.Helper()
	list := m.Conversations(user)
	for _, c := range list {
		e, ok := m.Explain(user, c.Conversation, nil, 3)
		carried := e.Carried
		if id, _ := events.ParseConversation(c.Conversation); id.Kind == events.C2C && e.Blocked > 0 {
			carried = 0 // blocked too
		}
		switch {
		case !ok || e.Unread != c.Unread || int64(e.Unread) != int64(e.Carried+e.SinceRead-e.Own-e.Revoked-e.Blocked-e.Purged)+e.Threads:
			t.Fatalf("%s %s: unread %d, explained %+v", user, c.Conversation, c.Unread, e)
		case uint64(len(e.Messages))+e.More+carried != e.Unread:
			t.Fatalf("%s %s: %d and %d messages of %d", user, c.Conversation, len(e.Messages), e.More, e.Unread)
		case c.Mentions > c.Unread || (c.FirstUnread == "") != (c.Unread == 0 || e.Carried > 0) || c.Version > m.Version(user):
			t.Fatalf("%s: %+v", user, c)
		}
		sumOfTimelines(t, m, user, c)
	}
	if got := m.Totals(user, events.NoKind, false); got != Sum(slices.Values(list), got) {
		t.Fatalf("%s: totals %+v, sum %+v", user, got, Sum(slices.Values(list), got))
	}
	for name, got := range m.Filters(user) {
		f, _ := m.Filter(user, name)
		if sum := SumOf(f, slices.Values(list), got); got != sum {
			t.Fatalf("%s: filter %+v: %+v, sum %+v", user, f, got, sum)
		}
	}
	for _, v := range m.views(user) {
		if !v.inList() && slices.ContainsFunc(slices.Collect(v.unread()), v.ofConversation) {
			t.Fatalf("%s: %s is not in the list and has unread", user, v.name)
		}
		if v.read < v.joined || v.lowest() < v.cleared {
			t.Fatalf("%s: %s is read to %d, before the join at %d", user, v.name, v.lowest(), v.joined)
		}
	}
}

// sumOfTimelines checks that a conversation's counts are the sums of its timelines',
// as far as they count in it or apart: those that are not muted.
func sumOfTimelines(t *testing.T, m *Model, user string, c events.Conversation) {
	t.Helper()
	id, _ := events.ParseConversation(c.Conversation)
	v := m.view(user, id)
	sum := m.thread(user, c.Conversation, "").Unread
	for _, thread := range v.knownThreads() {
		if th := m.thread(user, c.Conversation, thread); !th.Muted {
			sum += th.Unread
		}
	}
	if sum != c.Unread+c.Threads.Unread {
		t.Fatalf("%s: the timelines of %+v have %d", user, c, sum)
	}
}

func (m *Model) thread(user, conversation, thread string) events.Thread {
	t, _ := m.Thread(user, conversation, thread)
	return t
}

// BenchmarkApply applies commands and asks one user's list after each.
func BenchmarkApply(b *testing.B) {
	for _, world := range []struct {
		name string
		cfg  Config
	}{{"small", Config{}}, {"deep", Deep()}} {
		b.Run(world.name, func(b *testing.B) {
			g, m := NewGenerator(1, world.cfg), New()
			var c events.Command
			for n := 0; b.Loop(); n++ {
				g.Next(&c)
				m.Apply(events.Seq(n+1), g.Now(), &c)
				m.Conversations(g.users[n%len(g.users)])
			}
		})
	}
}
