package store_test

import (
	"slices"
	"strings"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// senders checks that the rows of those who have written in a group are theirs.
func (a *audit) senders() {
	stored := map[fold.Key]bool{}
	for _, key := range a.rows["a"] {
		user, group, _ := strings.Cut(key, "\x00")
		stored[fold.Key{User: user, ConversationID: fold.GroupKey(group).ConversationID}] = true
	}
	for lk, l := range a.logs {
		if lk.Kind != events.Group {
			continue
		}
		wrote := map[fold.Key]bool{}
		for i := range l.messages {
			for _, user := range append([]string{l.messages[i].From}, l.messages[i].Mentions...) {
				wrote[fold.Key{User: user, ConversationID: lk.ConversationID}] = true
			}
		}
		for k := range wrote {
			want := l.ordinals(0, func(m *fold.Message) bool { return m.From == k.User && !m.Apart })
			var apart, recalled []fold.Ord
			for i := range l.messages {
				switch m := &l.messages[i]; {
				case m.From != k.User || !m.Counted:
				case m.Apart:
					apart = append(apart, m.Ord)
				case l.revoked[m.Ord]:
					recalled = append(recalled, m.Ord)
				}
			}
			naming := func(apart bool) []fold.Ord {
				return l.ordinals(0, func(m *fold.Message) bool {
					return m.From != k.User && !m.All && m.Apart == apart && slices.Contains(m.Mentions, k.User)
				})
			}
			named, namedAp := naming(false), naming(true)
			s := a.Sender(k)
			if (s != nil) != (len(want)+len(apart)+len(recalled)+len(named)+len(namedAp) > 0) || stored[k] != (s != nil) {
				a.fail("%+v has %d messages, %d recalled ones and %d mentions, a row %v", k, len(want), len(recalled), len(named), stored[k])
			} else if s != nil {
				a.same(k.Set(fold.SetOwn), &s.Own, want)
				a.same(k.Set(fold.SetOwnAp), &s.OwnAp, apart)
				a.same(k.Set(fold.SetRecalled), &s.Recalled, recalled)
				a.same(k.Set(fold.SetNamed), &s.Named, named)
				a.same(k.Set(fold.SetNamedAp), &s.NamedAp, namedAp)
			}
			delete(stored, k)
		}
	}
	for k := range stored {
		a.fail("%+v has a row and no message", k)
	}
}

// allMembers checks that memberships and members' rows are the same.
func (a *audit) allMembers() {
	members := map[string]map[string]fold.Member{}
	for _, key := range a.rows["g"] {
		members[key] = map[string]fold.Member{}
	}
	for _, key := range a.rows["n"] {
		group, user, _ := strings.Cut(key, "\x00")
		members[group][user] = *a.members[key]
		k := fold.Key{User: user, ConversationID: fold.GroupKey(group).ConversationID}
		if a.ended(k) {
			continue
		}
		if c := a.Conversation(k); c == nil || c.Join.Pos != a.members[key].Join {
			a.fail("member %q of %q, joined at %+v, has the row %+v", user, group, a.members[key], c)
		}
	}
	erased := 0
	for range a.pending.Erased() {
		erased++
	}
	for group, stored := range members {
		present, _ := a.pending.Members(group, stored)
		n, l := uint64(len(present)), a.Group(group)
		if l.Members < n || l.Members > n+uint64(erased) || l.Peak < n {
			a.fail("%d members of %q, at most %d ever; %d are, and %d have been erased", l.Members, group, l.Peak, n, erased)
		}
		for _, user := range present {
			if a.Conversation(fold.Key{User: user, ConversationID: fold.GroupKey(group).ConversationID}) == nil {
				a.fail("%q of %q is a member and has no conversation", user, group)
			}
		}
	}
	rows := slices.DeleteFunc(slices.Clone(a.rows["c"]), func(key string) bool {
		_, id, _ := strings.Cut(key, "\x00")
		return id[0] == 'c'
	})
	if len(rows) != len(a.rows["n"]) {
		a.fail("%d members with rows, %d memberships", len(rows), len(a.rows["n"]))
	}
}

// accounts checks what users have set.
func (a *audit) accounts() {
	for _, user := range a.rows["u"] {
		set := a.Settings(user)
		var names []string
		for _, f := range set.Filters {
			names = append(names, f.Name)
		}
		if !strictlySorted(names) || len(names) > events.MaxFilters || len(names) > 0 && set.Filtered == 0 ||
			!strictlySorted(set.Blocked) || len(set.Blocked) > events.MaxBlocked || set.Blocks(user) {
			a.fail("settings of %q: %+v", user, set)
		}
	}
}

// pendingReads checks that the pending reads of members, their rows and what the
// index says of them are the same.
func (a *audit) pendingReads() {
	pending, ended := map[string]bool{}, map[fold.Key]bool{}
	for _, key := range a.rows["c"] {
		user, id, _ := strings.Cut(key, "\x00")
		k := fold.Key{User: user, ConversationID: conversationOf(id)}
		if a.ended(k) {
			ended[k] = true
			continue
		}
		all := a.Conversation(k).PendingReads
		if len(all) > events.MaxPendingReads {
			a.fail("%+v: %d pending reads", k, len(all))
		}
		for _, e := range all {
			if k.Kind == events.Group {
				pending[k.ID+"\x00"+e.ID+"\x00"+user] = true
			}
			if i, _ := a.Index(k.LogKey(), e.ID); i.Pos > 0 || (i.Awaited > 0) != (k.Kind == events.Group) {
				a.fail("%+v: pending read up to %q, index %+v", k, e.ID, i)
			}
		}
	}
	rows := 0
	for _, key := range a.rows["w"] {
		group, rest, _ := strings.Cut(key, "\x00")
		_, user, _ := strings.Cut(rest, "\x00")
		switch {
		case pending[key]:
			rows++
		case !ended[fold.Key{User: user, ConversationID: fold.GroupKey(group).ConversationID}]:
			a.fail("row %q has no pending read", key)
		}
	}
	if len(pending) != rows {
		a.fail("%d pending reads in groups, %d rows", len(pending), rows)
	}
}

// indexes checks that every index is of a message of a full page, or says what
// awaits one, and that every full page has a row.
func (a *audit) indexes() {
	placed, pages := map[fold.Key]fold.Pos{}, map[fold.Key]fold.Pos{}
	for _, key := range a.rows["i"] {
		log, era, id := ownerOf(key)
		if a.swept(log, era) {
			continue
		}
		i, _ := a.Index(log, id)
		switch {
		case i.Pos > 0:
			placed[log]++
		case !i.Revoked && i.Awaited == 0 || i.Counted || i.Ord > 0:
			a.fail("index of %q in %+v: %+v", id, log, i)
		case i.Awaited > 0 && !slices.ContainsFunc(a.rows["w"], func(w string) bool { return strings.HasPrefix(w, log.ID+"\x00"+id+"\x00") }):
			a.fail("index of %q in %+v: nobody waits", id, log)
		}
	}
	for k, l := range a.logs {
		if full := l.Head.Pos / fold.PageSize * fold.PageSize; placed[k] != full {
			a.fail("%+v: %d ids for %d messages in full pages", k, placed[k], full)
		}
	}
	for _, key := range a.rows["p"] {
		if log, era, _ := ownerOf(key); !a.swept(log, era) {
			pages[log]++
		}
	}
	for k, l := range a.logs {
		if full := l.Head.Pos / fold.PageSize; pages[k] != full {
			a.fail("%+v: %d pages for %d messages", k, pages[k], l.Head.Pos)
		}
	}
}

// dues checks that each message that expires has a row until the clock has passed it,
// whether or not it was recalled, and that no other row is left.
func (a *audit) dues() {
	rows, wanted := map[string]bool{}, 0
	for _, key := range a.rows["v"] {
		d, ok := row.ParseDue("v" + key)
		if !ok || d.At < a.clock {
			a.fail("row %q says that a message expires, and the clock is at %d", key, a.clock)
		}
		rows[string(row.AppendDue(nil, d.At, inEra(d.Log, d.Era), d.Pos))] = a.swept(d.Log, d.Era)
	}
	for k, l := range a.logs {
		era := events.Seq(0)
		if k.Kind == events.C2C {
			era = a.Conversation(k).Era
		}
		for i, m := range l.messages {
			if !m.Expires || m.ExpiresAt < a.clock {
				continue
			}
			wanted++
			swept, found := rows[string(row.AppendDue(nil, m.ExpiresAt, inEra(k, era), fold.Pos(i+1)))]
			if !found || swept {
				a.fail("%+v: message %d expires at %d, and no row says so", k, i+1, m.ExpiresAt)
			}
		}
	}
	for _, swept := range rows {
		if !swept {
			wanted--
		}
	}
	if wanted != 0 {
		a.fail("%d more messages expire than rows say", wanted)
	}
}

// inEra names a log as the keys of its rows do.
func inEra(k fold.Key, era events.Seq) fold.Key {
	if k.Kind == events.C2C {
		k.User = row.InEra(k.User, era)
	}
	return k
}
