package twin

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"reddot/events"
)

// A script is one line per command or question, with what comes out after =>.
// The commands have the seqs 1, 2, … and the stream's times 10, 20, … . A
// command without => is applied and sends no receipt.
//
//	user.message alice id=m1 from=bob
//	user.read alice c2c_bob => receipt to bob m1@20
//	list alice => 0: c2c_bob 0 read=m1@20

// runScript runs a script against a new model.
func runScript(t *testing.T, script string) {
	t.Helper()
	m, seq := New(), events.Seq(0)
	for n, line := range strings.Split(strings.TrimSpace(script), "\n") {
		line, want, told := strings.Cut(strings.TrimSpace(line), "=>")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		got := ""
		if c, ok := parseCommand(t, words); ok {
			seq++
			got = outcome(m.Apply(seq, events.Time(seq)*10, c))
			if !told {
				want = "ok"
			}
			scribble(c)
		} else {
			got = ask(t, m, words)
		}
		if want = strings.TrimSpace(want); got != want {
			t.Errorf("line %d: %s\n got %s\nwant %s", n+1, line, got, want)
		}
	}
}

// scribble uses the memory of a command again, as its owner may.
func scribble(c *events.Command) {
	for i := range c.Mentions {
		c.Mentions[i] = "?"
	}
	for i := range c.Users {
		c.Users[i] = "?"
	}
	*c = events.Command{}
}

func parseCommand(t *testing.T, words []string) (*events.Command, bool) {
	t.Helper()
	all := events.Verbs()
	i := slices.IndexFunc(all, func(v events.Verb) bool { return v.String() == words[0] })
	if i < 0 {
		return nil, false
	}
	c := &events.Command{Verb: all[i]}
	words = words[1:]
	if c.Verb.Inbox() != "" {
		c.Inbox, words = words[0], words[1:]
	}
	for _, word := range words {
		parseField(t, c, word)
	}
	return c, true
}

func outcome(r Result) string {
	switch {
	case r.Refused != "":
		return "refused: " + r.Refused
	case r.Ignored:
		return "ignored"
	case len(r.Receipts)+len(r.Raised) == 0:
		return "ok"
	}
	var told []string
	for _, x := range r.Receipts {
		if x.Conversation != "c2c_"+x.Peer {
			return "receipt in " + x.Conversation
		}
		in := ""
		if x.Thread != "" {
			in = " in " + x.Thread
		}
		told = append(told, fmt.Sprintf("receipt to %s %s@%d%s v%d", x.User, x.Upto, x.At, in, x.Version))
	}
	for _, x := range r.Raised {
		told = append(told, fmt.Sprintf("to %s: %s of %s %d/%d", x.Sender, x.ID, x.Group, x.Read, x.Members))
	}
	return strings.Join(told, "; ")
}

func ask(t *testing.T, m *Model, words []string) string {
	t.Helper()
	switch words[0] {
	case "list":
		return list(m, words[1])
	case "versions":
		all := []string{fmt.Sprint(m.Version(words[1]))}
		for _, c := range m.Conversations(words[1]) {
			all = append(all, fmt.Sprintf("%s %d", c.Conversation, c.Version))
		}
		return strings.Join(all, "; ")
	case "last":
		var all []string
		for _, c := range m.Conversations(words[1]) {
			last := "none"
			if l := c.LastMessage; l != nil {
				last = fmt.Sprintf("%s from %s@%d", l.ID, l.From, l.At)
				if l.Revoked {
					last += " revoked"
				}
			}
			all = append(all, c.Conversation+" "+last)
		}
		return strings.Join(all, "; ")
	case "totals":
		kind := events.NoKind
		if len(words) > 2 {
			kind = parseKind(words[2])
		}
		return badge(m.Totals(words[1], kind, words[len(words)-1] == "muted"))
	case "totalsof":
		return badge(m.TotalsOf(words[1], *parseFilter(strings.Join(words[2:], ","))))
	case "filters":
		var all []string
		filters := m.Filters(words[1])
		for _, name := range slices.Sorted(maps.Keys(filters)) {
			all = append(all, name+" "+badge(filters[name]))
		}
		return strings.Join(all, "; ")
	case "thread":
		th, ok := m.Thread(words[1], words[2], optionalOr(words, 3, ""))
		if !ok {
			return "not found"
		}
		return thread(th)
	case "threads":
		return threads(m, words)
	case "counts":
		all, err := m.GroupReceipts(words[1], events.GroupReceiptsRequest{Group: words[2], IDs: strings.Split(words[3], ",")})
		if err != nil {
			return err.Error()
		}
		out := []string{}
		for _, r := range all {
			out = append(out, fmt.Sprintf("%s %d/%d", r.ID, r.Read, r.Members))
		}
		return strings.Join(out, "; ")
	case "readers":
		r, err := m.Readers(words[1], events.ReadersRequest{Group: words[2], ID: words[3], Read: new(len(words) == 4)})
		if err != nil {
			return err.Error()
		}
		out := fmt.Sprintf("%d/%d:", r.Read, r.Members)
		for _, x := range r.Users {
			out += fmt.Sprintf(" %s@%d", x.User, x.At)
		}
		return out
	case "receipt":
		if r, ok := m.Receipt(words[1], words[2], optional(words, 3)); ok {
			return fmt.Sprintf("%s@%d", r.Upto, r.At)
		}
		return "none"
	case "explain":
		return explain(t, m, words)
	case "users":
		return strings.Join(m.Users(), " ")
	case "policy?":
		return m.Policy().OwnMessage
	}
	t.Fatalf("no such question: %s", words)
	return ""
}

// list writes a user's list: the totals, then each conversation.
func list(m *Model, user string) string {
	totals := m.Totals(user, events.NoKind, false)
	s := fmt.Sprint(totals.Unread)
	if totals.Muted > 0 {
		s += fmt.Sprintf(" (%d muted)", totals.Muted)
	}
	sep := ": "
	for _, c := range m.Conversations(user) {
		s += fmt.Sprintf("%s%s %d", sep, c.Conversation, c.Unread)
		sep = "; "
		if c.Mentions > 0 {
			s += fmt.Sprintf(" @%d", c.Mentions)
		}
		if c.FirstUnread != "" {
			s += " first=" + c.FirstUnread
		}
		if c.ReadUpto != "" {
			s += " read=" + c.ReadUpto
		}
		if c.ReadAt != 0 {
			s += fmt.Sprintf("@%d", c.ReadAt)
		}
		if c.MarkedUnread {
			s += " marked"
		}
		if c.Muted {
			s += " muted"
		} else if c.Level != "" {
			s += " level=" + c.Level
		}
		if len(c.Labels) > 0 {
			s += " labels=" + strings.Join(c.Labels, ",")
		}
		if !c.Threads.IsZero() {
			s += fmt.Sprintf(" threads=%d/%d/%d", c.Threads.Unread, c.Threads.Mentions, c.Threads.Threads)
		}
	}
	return s
}

func explain(t *testing.T, m *Model, words []string) string {
	t.Helper()
	limit, err := strconv.Atoi(words[3])
	if err != nil {
		t.Fatal(err)
	}
	e, ok := m.Explain(words[1], words[2], optional(words, 4), limit)
	if !ok {
		return "not found"
	}
	s := fmt.Sprintf("v%d %d=%d-%d-%d @%d read=%s@%d#%d", e.Version, e.Unread, e.SinceRead, e.Own, e.Revoked,
		e.Mentions, e.ReadUpto, e.ReadAt, e.ReadSeq)
	for _, r := range e.PendingReads {
		s += fmt.Sprintf(" early=%s@%d#%d", r.Upto, r.At, r.Seq)
		if r.Private {
			s += " private"
		}
	}
	for _, n := range []struct {
		name string
		n    int64
	}{{"carried", int64(e.Carried)}, {"blocked", int64(e.Blocked)}, {"purged", int64(e.Purged)}, {"threads", e.Threads}} {
		if n.n != 0 {
			s += fmt.Sprintf(" %s=%d", n.name, n.n)
		}
	}
	for _, x := range e.Messages {
		s += fmt.Sprintf(" | %s %s@%d#%d", x.ID, x.From, x.At, x.Seq)
		if x.Mention {
			s += " mention"
		}
		if x.Thread != "" {
			s += " " + x.Thread
		}
	}
	if e.More > 0 {
		s += fmt.Sprintf(" +%d", e.More)
	}
	return s
}
