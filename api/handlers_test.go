package api

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"reddot/events"
	"reddot/projector/testkit"
)

// TestEveryQuery: each query that package events names is answered, and its
// answers and errors stand in testdata/queries, but for those of a maintainer,
// which the program tests.
func TestEveryQuery(t *testing.T) {
	answered := map[string]handler{}
	for _, h := range handlers(struct{ Maintainer }{}) {
		if h.name == "" || h.read == nil || answered[h.name].read != nil {
			t.Errorf("%q has no name, no handler, or two", h.name)
		}
		if h.lane != queryLane && h.pattern == nil {
			t.Errorf("%s is about no user and heard on a subject that names one", h.name)
		}
		answered[h.name] = h
	}
	scenarios := ""
	for _, file := range testkit.Must(filepath.Glob("testdata/queries/*.txt"))(t) {
		scenarios += string(testkit.Must(os.ReadFile(file))(t))
	}
	for constant, name := range testkit.Constants(t, "../events/request.go", "Query") {
		if answered[name].read == nil {
			t.Errorf("%s is not answered", constant)
		}
		if maintained := name == events.QueryRebuild || name == events.QuerySnapshot; !maintained && !regexp.MustCompile(`(?m)^\? \S+ `+name+`\b`).MatchString(scenarios) {
			t.Errorf("%s stands in no scenario", constant)
		}
		delete(answered, name)
	}
	for constant, name := range testkit.Constants(t, "../events/web.go", "Query") {
		if !answered[name].web {
			t.Errorf("%s is not answered, or heard on NATS", constant)
		}
		delete(answered, name)
	}
	for name := range answered {
		t.Errorf("%s is answered and has no name in package events", name)
	}
}
