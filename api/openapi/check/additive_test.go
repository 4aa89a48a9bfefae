package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// releasedFile is the contract of the major release, without its texts; testdata/compat has
// what else a release has left.
const releasedFile, changelogFile = "../../../testdata/compat/v1/openapi.json", "../../../.github/CHANGELOG.md"

// TestAdditive: a client of the major release is a client of the contract as it is now. With
// -rewrite the file of the release is written, until that is out.
func TestAdditive(t *testing.T) {
	now := theDocument(t, jsonFile)
	if *rewrite {
		if bytes.Contains(must(os.ReadFile(changelogFile))(t), []byte("\n## [1.")) {
			t.Fatal("v1 is out, as the changelog says: its contract is not written again")
		}
		ok(t, os.MkdirAll(filepath.Dir(releasedFile), 0o755))
		ok(t, os.WriteFile(releasedFile, append(must(json.Marshal(withoutTexts(now, false)))(t), '\n'), 0o644))
	}
	for _, broken := range brokenBy(t, theDocument(t, releasedFile), now) {
		t.Error(broken)
	}
}

// TestAdditiveFinds: each of these changes breaks a client, or does not.
func TestAdditiveFinds(t *testing.T) {
	const schemas = "components/schemas/"
	for _, change := range []struct {
		at     string // where; a last part of a list is an entry of it
		to     any    // nil: it is removed
		breaks bool
	}{
		{"paths/~1v1~1totals", nil, true},
		{"paths/~1v1~1webhooks/get", nil, true},
		{"paths/~1v1~1totals/get/parameters/0", nil, true},
		{"paths/~1v1~1totals/get/x-roles/0", nil, true},
		{"paths/~1v1~1totals/get/responses/304", nil, true},
		{"paths/~1v1~1totals/get/responses/200/headers/ETag", nil, true},
		{"paths/~1v1~1totals/get/responses/200/content/application~1json", nil, true},
		{"paths/~1v1~1read/post/requestBody/content/application~1json", nil, true},
		{"paths/~1healthz/get/security", nil, true},
		{"components/parameters/KindParam/required", true, true},
		{"components/parameters/KindParam/schema", map[string]any{"type": "integer"}, true},
		{"webhooks/badge.changed", nil, true},
		{"webhooks/badge.changed/post/requestBody/content/application~1json/schema/properties/timestamp", nil, true},
		{schemas + "Totals/properties/muted", nil, true},
		{schemas + "Totals/required/0", nil, true},
		{schemas + "Level/enum/2", nil, true},
		{schemas + "Code/enum/0", nil, true},
		{schemas + "ReadPayload/properties/upto", nil, true},
		{schemas + "ReadPayload/required", []any{"conversation", "upto"}, true},
		{schemas + "Command/oneOf/0", nil, true},
		{schemas + "CommandsRequest/properties/commands/maxItems", 10.0, true},
		{schemas + "ID/maxLength", 10.0, true},
		{schemas + "ID/pattern", "^a", true},
		{schemas + "Seq/type", "string", true},

		{"paths/~1v1~1new", map[string]any{"get": map[string]any{}}, false},
		{"paths/~1v1~1totals/get/responses/418", map[string]any{"description": "new"}, false},
		{"paths/~1v1~1totals/get/summary", "in other words", false},
		{"components/parameters/KindParam/description", "in other words", false},
		{schemas + "ID/maxLength", 1000.0, false},
		{schemas + "Totals/properties/new", map[string]any{"type": "integer"}, false},
		{schemas + "Totals/required", []any{"unread", "c2c", "group", "mentions", "conversations", "muted", "new"}, false},
		{schemas + "Level/enum", []any{"all", "mentions", "none", "new"}, false},
		{schemas + "ReadPayload/properties/new", map[string]any{"type": "integer"}, false},
		{schemas + "New", map[string]any{"type": "integer"}, false},
		{"webhooks/new", map[string]any{"post": map[string]any{}}, false},
	} {
		changed := theDocument(t, jsonFile)
		if !set(changed, strings.Split(change.at, "/"), change.to) {
			t.Errorf("%s is not there", change.at)
		}
		broken := brokenBy(t, theDocument(t, jsonFile), changed)
		if (len(broken) > 0) != change.breaks {
			t.Errorf("%s, now %v, breaks %q", change.at, change.to, broken)
		}
	}
}

// set changes or removes what is at a place; it says whether the place is there.
func set(in any, at []string, to any) bool {
	name := strings.ReplaceAll(at[0], "~1", "/")
	switch in := in.(type) {
	case map[string]any:
		if len(at) > 1 {
			if list, ok := in[name].([]any); ok && len(at) == 2 && to == nil { // an entry is removed
				var n int
				if _, err := fmt.Sscan(at[1], &n); err != nil || n >= len(list) {
					return false
				}
				in[name] = slices.Delete(slices.Clone(list), n, n+1)
				return true
			}
			return set(in[name], at[1:], to)
		}
		_, there := in[name]
		if in[name] = to; to == nil {
			delete(in, name)
		}
		return there || to != nil
	default:
		return false
	}
}

func theDocument(t *testing.T, file string) (doc map[string]any) {
	t.Helper()
	ok(t, json.Unmarshal(must(os.ReadFile(file))(t), &doc))
	return doc
}

// texts are for people, and promise nothing.
var texts = []string{"description", "summary", "example", "examples", "info", "servers", "tags"}

// named are maps whose keys are names of their own.
var named = []string{"properties", "paths", "webhooks", "schemas", "parameters", "responses", "headers", "content", "mapping"}

// withoutTexts is a document without what is for people. names says that the keys are names.
func withoutTexts(v any, names bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, member := range v {
			if names || !slices.Contains(texts, key) {
				out[key] = withoutTexts(member, !names && slices.Contains(named, key))
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, entry := range v {
			out[i] = withoutTexts(entry, false)
		}
		return out
	}
	return v
}

// comparison is of a contract with a later one.
type comparison struct {
	t        *testing.T
	old, now map[string]any
	compared map[string]bool // schemas, by where they are referred to
	broken   []string
}

// brokenBy says what a client of the old contract misses in the new one, or is asked for.
func brokenBy(t *testing.T, old, now map[string]any) []string {
	t.Helper()
	c := &comparison{t: t, old: old, now: now, compared: map[string]bool{}}
	c.each("paths", old["paths"], now["paths"], func(at string, old, now any) {
		c.each(at, old, now, func(at string, old, now any) { c.operation(at, object(old), object(now), asked) })
	})
	c.each("webhooks", old["webhooks"], now["webhooks"], func(at string, old, now any) {
		c.each(at, old, now, func(at string, old, now any) { c.operation(at, object(old), object(now), told) })
	})
	return c.broken
}

func (c *comparison) breaks(format string, args ...any) {
	c.broken = append(c.broken, fmt.Sprintf(format, args...))
}

// each calls a function with each member of a map; one that is gone breaks.
func (c *comparison) each(at string, old, now any, compare func(at string, old, now any)) {
	for _, name := range slices.Sorted(maps.Keys(object(old))) {
		if member, there := object(now)[name]; there {
			compare(at+" "+name, object(old)[name], member)
		} else {
			c.breaks("%s: %s is gone", at, name)
		}
	}
}

// direction is who says what a schema describes.
type direction bool

const (
	asked direction = false // clients
	told  direction = true  // reddot
)

// operation compares a route, which clients ask, or a webhook, which they are told.
func (c *comparison) operation(at string, old, now map[string]any, d direction) {
	c.parameters(at, old["parameters"], now["parameters"], d)
	was, is := object(old["requestBody"]), object(now["requestBody"])
	if d == asked && is["required"] == true && was["required"] != true {
		c.breaks("%s: a body is required", at)
	}
	c.content(at, was["content"], is["content"], d)
	c.each(at, old["responses"], now["responses"], func(at string, old, now any) {
		was, is := c.follow(c.old, old), c.follow(c.now, now)
		c.each(at, was["headers"], is["headers"], func(at string, old, now any) {
			c.schema(at, c.follow(c.old, old)["schema"], c.follow(c.now, now)["schema"], told)
		})
		c.content(at, was["content"], is["content"], told)
	})
	for _, role := range list(old["x-roles"]) {
		if !slices.Contains(list(now["x-roles"]), role) {
			c.breaks("%s: %v may not ask any more", at, role)
		}
	}
	if open, is := old["security"], now["security"]; open != nil && len(list(open)) == 0 && (is == nil || len(list(is)) > 0) {
		c.breaks("%s: it is open to nobody without a credential any more", at)
	}
}

func (c *comparison) content(at string, old, now any, d direction) {
	c.each(at, old, now, func(at string, old, now any) {
		c.schema(at, object(old)["schema"], object(now)["schema"], d)
	})
}

func (c *comparison) parameters(at string, old, now any, d direction) {
	byName := func(doc map[string]any, all any) map[string]any {
		out := map[string]any{}
		for _, p := range list(all) {
			p := c.follow(doc, p)
			out[fmt.Sprintf("%v %v", p["in"], p["name"])] = p
		}
		return out
	}
	was, is := byName(c.old, old), byName(c.now, now)
	c.each(at, was, is, func(at string, old, now any) {
		c.schema(at, object(old)["schema"], object(now)["schema"], d)
	})
	for name, p := range is {
		if d == asked && object(p)["required"] == true && object(was[name])["required"] != true {
			c.breaks("%s: %s is required", at, name)
		}
	}
}

// follow is what a reference leads to, or what is no reference.
func (c *comparison) follow(doc map[string]any, v any) map[string]any {
	for {
		ref, ok := object(v)["$ref"].(string)
		if !ok {
			return object(v)
		}
		v = any(doc)
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			v = object(v)[part]
		}
		if v == nil {
			c.t.Fatalf("%s leads nowhere", ref)
		}
	}
}

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

func list(v any) []any { l, _ := v.([]any); return l }
