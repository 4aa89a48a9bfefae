package identity_test

import (
	"strings"
	"testing"

	"reddot/api/identity"
)

// TestPermissions: the subjects of each role, as the table of api/docs/access.md has them.
func TestPermissions(t *testing.T) {
	viewer := "p.api.*.totals p.api.*.conversations p.api.*.conversation p.api.*.explain p.api.*.receipt " +
		"p.api.*.threads p.api.*.thread p.api.*.group-receipts p.api.*.readers p.api.status"
	for _, c := range []struct {
		id                 identity.Identity
		publish, subscribe string
	}{
		{identity.Identity{}, "", ""},
		{identity.Identity{Role: identity.User, User: "alice", Read: true, Mark: true}, "p.do.alice.> p.api.alice.>", "p.evt.alice.> p.inbox.alice.>"},
		{identity.Identity{Role: identity.User, User: "a.*b >", Read: true, Mark: true}, "p.do.a%2E%2Ab%20%3E.> p.api.a%2E%2Ab%20%3E.>", "p.evt.a%2E%2Ab%20%3E.> p.inbox.a%2E%2Ab%20%3E.>"},
		{identity.Identity{Role: identity.User, User: "alice", Read: true}, "p.api.alice.>", "p.evt.alice.> p.inbox.alice.>"},
		{identity.Identity{Role: identity.User, User: "alice", Mark: true}, "p.do.alice.>", "p.inbox.alice.>"},
		{identity.Identity{Role: identity.User, User: "alice"}, "", ""},
		{identity.Identity{Role: identity.User, User: "key", Read: true, Mark: true}, "p.do.key.> p.api.key.>", "p.evt.key.>"},
		{identity.Identity{Role: identity.User, Read: true, Mark: true}, "", ""},
		{identity.Identity{Role: identity.Backend, Name: "chat"},
			"p.cmd.> p.api.> $SRV.> $JS.API.CONSUMER.CREATE.P_EVENTS.> $JS.API.CONSUMER.DURABLE.CREATE.P_EVENTS.> $JS.API.CONSUMER.INFO.P_EVENTS.> " +
				"$JS.API.CONSUMER.MSG.NEXT.P_EVENTS.> $JS.API.CONSUMER.DELETE.P_EVENTS.> $JS.API.STREAM.INFO.P_EVENTS $JS.ACK.P_EVENTS.> $JS.FC.>",
			"p.evt.> p.rejected _INBOX.>"},
		{identity.Identity{Role: identity.Viewer, Name: "grafana.1"}, viewer, "p.evt.> p.rejected p.inbox.key.grafana%2E1.>"},
		{identity.Identity{Role: identity.Operator, Name: "ops"}, viewer + " p.api.rebuild p.api.snapshot p.api.hold", "p.evt.> p.rejected p.inbox.key.ops.>"},
		{identity.Identity{Role: identity.Metrics, Name: "prometheus"}, "", ""},
		{identity.Identity{Role: identity.Anybody}, ">", ">"},
	} {
		got := identity.Permissions(c.id, "p")
		if p, s := strings.Join(got.Publish, " "), strings.Join(got.Subscribe, " "); p != c.publish || s != c.subscribe {
			t.Errorf("%v\n publish   %s\n want      %s\n subscribe %s\n want      %s", c.id, p, c.publish, s, c.subscribe)
		}
	}
	if got := identity.Permissions(identity.Identity{Role: identity.Backend}, "a.>"); len(got.Publish)+len(got.Subscribe) > 0 {
		t.Errorf("under no prefix: %v", got)
	}
}

// TestRoles: who may do what another may, and about whom.
func TestRoles(t *testing.T) {
	may := map[identity.Role]string{
		identity.User: "user", identity.Backend: "backend", identity.Viewer: "viewer metrics",
		identity.Operator: "viewer operator metrics", identity.Metrics: "metrics", identity.Anybody: "backend viewer operator metrics",
	}
	for role, want := range may {
		var words []string
		for _, other := range identity.Roles() {
			if (identity.Identity{Role: role}).May(other) {
				words = append(words, other.String())
			}
		}
		if got := strings.Join(words, " "); got != want {
			t.Errorf("%v may do what %s may, want %s", role, got, want)
		}
	}
	if (identity.Identity{}).May(identity.Roles()...) {
		t.Error("nobody may do something")
	}
	for _, c := range []struct {
		id    identity.Identity
		asked string
		want  string
		err   error
	}{
		{identity.Identity{Role: identity.User, User: "a"}, "", "a", nil},
		{identity.Identity{Role: identity.User, User: "a"}, "a", "a", nil},
		{identity.Identity{Role: identity.User, User: "a"}, "b", "", identity.ErrOtherUser},
		{identity.Identity{Role: identity.Backend, Name: "a"}, "", "", identity.ErrNoUser},
		{identity.Identity{Role: identity.Backend, Name: "a"}, "b", "b", nil},
	} {
		if got, err := c.id.For(c.asked); got != c.want || err != c.err {
			t.Errorf("%v for %q: %q, %v", c.id, c.asked, got, err)
		}
	}
}
