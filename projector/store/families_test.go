package store_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/storetest"
)

// declaredFamilies are the families that package row has keys of.
func declaredFamilies(t *testing.T) (prefixes []byte) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "row/key.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		block, ok := decl.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST || !block.Lparen.IsValid() {
			continue
		}
		for _, spec := range block.Specs {
			for _, value := range spec.(*ast.ValueSpec).Values {
				c, _, _, err := strconv.UnquoteChar(strings.Trim(value.(*ast.BasicLit).Value, "'"), 0)
				if err != nil {
					t.Fatal(err)
				}
				prefixes = append(prefixes, byte(c))
			}
		}
	}
	slices.Sort(prefixes)
	return prefixes
}

// TestFamiliesAreEntered: every family that package row has keys of is an entry,
// and every table has one.
func TestFamiliesAreEntered(t *testing.T) {
	entered := slices.Sorted(maps.Keys(store.AllFamilies()))
	if d := cmp.Diff(string(declaredFamilies(t)), string(entered)); d != "" {
		t.Errorf("families (- in package row, + entered in newTables): %s", d)
	}
	if missing := store.MissingTables(); missing != nil {
		t.Errorf("no entry in newTables for %q", missing)
	}
}

// TestFamiliesRead: every family has golden rows; people can be told what each is
// about and what stands in it, and one of the digest is not read if its end is missing.
func TestFamiliesRead(t *testing.T) {
	families := store.AllFamilies()
	names, seen := map[string]string{}, map[byte]bool{}
	for _, g := range storetest.GoldenRows(t) {
		seen[g.Key[0]] = true
		name := families.Name(g.Key)
		if other, known := names[name]; strings.Contains(name, "unknown") || known && other != string(g.Key) {
			t.Errorf("%s: %q is %q, as is %q", g.Name, g.Key, name, other)
		}
		names[name] = string(g.Key)
		if c, err := families.Read(g.Key, g.Value); err != nil || c.Fields == nil && c.Messages == nil {
			t.Errorf("%s reads as %+v, %v", g.Name, c, err)
		}
		for n := range g.Value {
			if _, err := families.Read(g.Key, g.Value[:n]); err == nil && families.InDigest(g.Key) {
				t.Fatalf("%s: its first %d bytes read as a row", g.Name, n)
			}
		}
	}
	for prefix := range families {
		if !seen[prefix] {
			t.Errorf("family %q has no golden row", prefix)
		}
	}
	for _, key := range []string{"", "?", "ca", "i", "pc", "sca\x00b\x00?\x00", "z"} {
		if name := families.Name([]byte(key)); !strings.Contains(name, "unknown") && key != "" {
			t.Errorf("%q, which no row has as its key, is %q", key, name)
		}
		if _, err := families.Read([]byte(key), []byte{store.Format, 0}); err == nil && (key == "" || key == "?") {
			t.Errorf("a row with the key %q is read", key)
		}
	}
}

// wideInbox folds a C2C log of "a" that has rows of every family a log can have.
func wideInbox(r *rig) {
	id := func(n int) string { return fmt.Sprint("m", n) }
	for n := range 1100 {
		r.do(events.Command{Verb: events.UserMessage, Inbox: "a", From: "b", ID: id(n), Mentions: []string{"a"}})
	}
	for n := range 10 {
		r.do(events.Command{Verb: events.UserRevoke, Inbox: "a", From: "b", ID: id(n)})
	}
	for n := 1090; n < 1100; n++ {
		r.do(events.Command{Verb: events.UserRevoke, Inbox: "a", From: "b", ID: id(n)})
	}
	r.do(events.Command{Verb: events.UserImport, Inbox: "a", Conversations: []events.Import{{Conversation: conversationOf("gold")}}})
	topic := events.ConversationID{Kind: events.C2C, ID: "b"}
	r.do(events.Command{Verb: events.UserMessage, Inbox: "a", From: "b", ID: "topic", Thread: "t"})
	r.do(events.Command{Verb: events.UserRead, Inbox: "a", Conversation: topic, Thread: "t", HasThread: true})
	r.commit()
}

// TestFamiliesAreStored: a log leaves rows of every family, all of them in the
// digest but the store's own, and the key filter knows those that it is for.
func TestFamiliesAreStored(t *testing.T) {
	r := newRigAt(t, 1, slow)
	everyFamily(r)
	wideInbox(r)
	topics, from := events.ConversationID{Kind: events.Group, ID: "topics"}, r.store.Position().Applied
	for _, c := range []events.Command{
		{Verb: events.PolicySet, GroupReceipts: events.ReceiptsMembers},
		{Verb: events.GroupJoin, Inbox: "topics", Users: []string{"a", "b"}},
		{Verb: events.GroupMessage, Inbox: "topics", From: "a", ID: "t1", Thread: "t"},
		{Verb: events.UserRead, Inbox: "b", Conversation: topics, Thread: "t", HasThread: true},
	} {
		if r.do(c); r.fx.Refused != "" || r.fx.Ignored {
			t.Fatalf("after seq %d: %s is refused %q, ignored %v", from, c.Verb, r.fx.Refused, r.fx.Ignored)
		}
	}
	var crowd []string
	for n := range 20 {
		crowd = append(crowd, fmt.Sprint("user", n))
	}
	r.do(events.Command{Verb: events.GroupJoin, Inbox: "crowd", Users: crowd})
	r.do(events.Command{Verb: events.GroupMessage, Inbox: "crowd", From: "y", ID: "1", Receipt: true})
	r.do(events.Command{Verb: events.UserMessage, Inbox: "x", From: "y", ID: "1"}) // sweeps some
	r.commit()
	families, stored := store.AllFamilies(), map[byte]bool{}
	eachRow(t, r.store.DB(), func(key, _ []byte) { stored[key[0]] = true })
	for prefix := range families {
		if !stored[prefix] {
			t.Errorf("no row of family %q is stored", prefix)
		}
	}
	for _, own := range []byte{'M', 'x'} {
		if families.InDigest([]byte{own}) {
			t.Errorf("family %q is part of the digest", own)
		}
	}
	r.verify()
}

// TestFamiliesAreErased: nothing of a C2C log is left once its inbox is erased and
// swept, whatever rows it had.
func TestFamiliesAreErased(t *testing.T) {
	r := newRigAt(t, 1, fold.Pace{})
	wideInbox(r)
	mine := func() (families []byte) {
		eachRow(t, r.store.DB(), func(key, _ []byte) {
			if bytes.HasPrefix(key[1:], []byte("ca\x00")) && !bytes.Contains(families, key[:1]) {
				families = append(families, key[0])
			}
		})
		return families
	}
	want := store.InboxFamilies()
	slices.Sort(want)
	if got := mine(); string(got) != string(want) {
		t.Errorf("the log has rows of the families %q; those of an inbox are %q", got, want)
	}
	r.do(events.Command{Verb: events.UserErase, Inbox: "a"})
	for n := 0; r.pending() != nil; n++ {
		r.do(events.Command{Verb: events.UserMessage, Inbox: "x", From: "y", ID: fmt.Sprint(n)})
	}
	r.commit()
	if left := mine(); left != nil {
		t.Errorf("rows of the families %q are left", left)
	}
	r.verify()
}
