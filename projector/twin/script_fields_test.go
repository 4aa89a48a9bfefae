package twin

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"reddot/events"
)

// parseField reads one word of a command: a flag, or key=value. In an import each
// conversation begins an entry, which the words after it are of.
func parseField(t *testing.T, c *events.Command, word string) {
	t.Helper()
	key, value, _ := strings.Cut(word, "=")
	number := func(s string) events.Time {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", word, err)
		}
		return events.Time(n)
	}
	if n := len(c.Conversations); n > 0 && parseImport(&c.Conversations[n-1], key, value, number) {
		return
	}
	if flag := flagOf(c, key); flag != nil {
		*flag = true
		return
	}
	if text := textOf(c, key); text != nil {
		*text = value
		return
	}
	switch key {
	case "thread":
		c.Thread, c.HasThread = value, c.Verb == events.UserRead || c.Verb == events.UserUnread
	case "main":
		c.HasThread = true
	case "at":
		c.At, c.HasAt = number(value), true
	case "upto_at":
		c.UptoAt, c.HasUptoAt = number(value), true
	case "before_at":
		c.BeforeAt, c.HasBeforeAt = number(value), true
	case "expires":
		c.ExpiresAt, c.HasExpiresAt = number(value), true
	case "mentions":
		c.Mentions = strings.Split(value, ",")
	case "users":
		c.Users = strings.Split(value, ",")
	case "add":
		c.Add = strings.Split(value, ",")
	case "remove":
		c.Remove = strings.Split(value, ",")
	case "level":
		c.Level, _ = events.ParseLevel(value)
	case "filter":
		c.Filter = parseFilter(value)
	case "keep", "advance":
		c.OwnMessage, _ = events.ParseOwnPolicy(key)
	case "in", "apart":
		c.ThreadPolicy, _ = events.ParseThreadPolicy(key)
	case "off", "sender", "members":
		c.GroupReceipts, _ = events.ParseReceiptPolicy(key)
	case "c2c", "group":
		c.Kind = parseKind(key)
	case "unmuted", "unblocked", "unfollowing":
	default:
		id, err := events.ParseConversation(word)
		if err != nil {
			t.Fatalf("%s: %v", word, err)
		}
		if c.Verb == events.UserImport {
			c.Conversations = append(c.Conversations, events.Import{Conversation: id})
		}
		c.Conversation = id
	}
}

func flagOf(c *events.Command, key string) *bool {
	return map[string]*bool{
		"silent": &c.Silent, "hidden": &c.Hidden, "private": &c.Private, "muted": &c.Muted, "all": &c.MentionAll,
		"blocked": &c.Blocked, "following": &c.Following, "broadcast": &c.Broadcast, "receipt": &c.Receipt, "threads": &c.Threads,
	}[key]
}

func textOf(c *events.Command, key string) *string {
	return map[string]*string{
		"id": &c.ID, "from": &c.From, "to": &c.To, "upto": &c.Upto, "before": &c.Before, "name": &c.Name,
	}[key]
}

// parseImport reads a word of an entry of an import.
func parseImport(e *events.Import, key, value string, number func(string) events.Time) bool {
	parts := strings.Split(value, "/")
	switch key {
	case "unread":
		e.Unread = uint64(number(value))
	case "named":
		e.Mentions = uint64(number(value))
	case "marked":
		e.MarkedUnread = true
	case "level":
		e.Level, _ = events.ParseLevel(value)
	case "labels":
		e.Labels = strings.Split(value, ",")
	case "read_at":
		e.ReadAt, e.HasReadAt = number(value), true
	case "last":
		e.LastMessage = &events.ImportMessage{ID: parts[0], From: parts[1], At: number(parts[2])}
	case "receipt":
		e.Receipt = &events.ImportReceipt{Upto: parts[0], At: number(parts[1])}
	default:
		return false
	}
	return true
}

// parseFilter reads a filter as in kind:c2c,label:work,without:star,mentioned,muted.
func parseFilter(s string) *events.Filter {
	f := &events.Filter{}
	for part := range strings.SplitSeq(s, ",") {
		key, value, _ := strings.Cut(part, ":")
		switch key {
		case "kind":
			f.Kind = parseKind(value)
		case "label":
			f.Label = new(value)
		case "without":
			f.Without = value
		case "mentioned":
			f.Mentioned = true
		case "muted":
			f.IncludeMuted = true
		}
	}
	return f
}

func parseKind(s string) events.Kind {
	kind, _ := events.ParseKind(s)
	return kind
}

// optional returns a word of a question if it is there.
func optional(words []string, i int) *string {
	if i >= len(words) {
		return nil
	}
	return new(strings.TrimPrefix(words[i], "thread="))
}

func optionalOr(words []string, i int, or string) string {
	if s := optional(words, i); s != nil {
		return *s
	}
	return or
}

// badge writes totals.
func badge(t events.Totals) string {
	threads := t.Threads
	t.Threads = events.ThreadTotals{}
	s := fmt.Sprintf("{%d %d %d %d %d %d}", t.Unread, t.C2C, t.Group, t.Mentions, t.Conversations, t.Muted)
	if !threads.IsZero() {
		s += fmt.Sprintf(" threads=%d/%d/%d", threads.Unread, threads.Mentions, threads.Threads)
	}
	return s
}

func thread(t events.Thread) string {
	s := fmt.Sprintf("%s %d", t.Thread, t.Unread)
	if t.Mentions > 0 {
		s += fmt.Sprintf(" @%d", t.Mentions)
	}
	if t.FirstUnread != "" {
		s += " first=" + t.FirstUnread
	}
	if t.ReadUpto != "" {
		s += " read=" + t.ReadUpto
	}
	if t.LastMessage != nil {
		s += " last=" + t.LastMessage.ID
		if t.LastMessage.Revoked {
			s += " revoked"
		}
	}
	if t.Following {
		s += " following"
	}
	if t.Muted {
		s += " muted"
	}
	return strings.TrimSpace(s)
}

// threads answers "threads USER [CONVERSATION] [following] [unread]".
func threads(m *Model, words []string) string {
	q := events.ThreadsRequest{}
	for _, word := range words[2:] {
		switch word {
		case "following":
			q.Following = true
		case "unread":
			q.UnreadOnly = true
		default:
			q.Conversation, _ = events.ParseConversation(word)
		}
	}
	list, ok := m.Threads(words[1], q)
	if !ok {
		return "not found"
	}
	var all []string
	for _, t := range list {
		s := thread(t)
		if q.Conversation.ID == "" {
			s = t.Conversation + " " + s
		}
		all = append(all, s)
	}
	return strings.Join(all, "; ")
}
