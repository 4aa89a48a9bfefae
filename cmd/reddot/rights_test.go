package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reddot/api/identity"
	"reddot/projector/testkit"
)

// TestPageRights: the page's table has the rights that there are, of each role.
func TestPageRights(t *testing.T) {
	text := string(testkit.Must(os.ReadFile(filepath.Join("..", "..", "api", "docs", "access.md")))(t))
	_, text, _ = strings.Cut(text, "\n## Rights on NATS\n")
	row := func(who string) string {
		_, rest, found := strings.Cut(text, "\n| "+who)
		if !found {
			t.Fatalf("it has no row of %s", who)
		}
		line, _, _ := strings.Cut(rest, "\n")
		return line
	}
	viewer := row("a viewer, here `grafana`")
	for who, id := range map[string]identity.Identity{
		row("a user, here `alice`"): {Role: identity.User, User: "alice", Read: true, Mark: true}, row("a back end"): {Role: identity.Backend, Name: "chat"},
		viewer: {Role: identity.Viewer, Name: "grafana"}, row("an operator") + viewer: {Role: identity.Operator, Name: "grafana"},
	} {
		rights := identity.Permissions(id, "unread")
		for _, subject := range append(rights.Publish, rights.Subscribe...) {
			if !strings.Contains(who, "`"+subject+"`") {
				t.Errorf("%v: %s is not in its row", id, subject)
			}
		}
	}
}
