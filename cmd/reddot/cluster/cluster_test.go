package cluster_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reddot/cmd/reddot/cluster"
)

// TestCluster has a stream on three servers, stops the one that leads it and
// starts it again at its place.
func TestCluster(t *testing.T) {
	c, js := start(t, nil)
	create(t, js, "S", 3)
	publish(t, js, "S")
	leader := c.Leads("S")
	if leader < 0 {
		t.Fatal("no server leads the stream that has acknowledged a message")
	}
	c.Stop(leader)
	if c.At(leader) != nil {
		t.Error("a server that was stopped is there")
	}
	publish(t, js, "S")
	if now := c.Leads("S"); now == leader {
		t.Errorf("server %d leads, which was stopped", now)
	}
	if err := c.Begin(leader); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(within(t, tooLong)); err != nil {
		t.Fatal(err)
	}
	if got, want := c.At(leader).ClientURL(), c.URL(leader); got != want {
		t.Errorf("the server is at %s, not %s", got, want)
	}
	publish(t, js, "S")
}

// TestPlan checks that a plan is the same in another process, and that its
// options are those of one cluster.
func TestPlan(t *testing.T) {
	p, err := cluster.NewPlan("x", t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	p.Sync = "250ms"
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var q cluster.Plan
	if err := json.Unmarshal(text, &q); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, q); diff != "" {
		t.Error(diff)
	}
	ports := map[int]bool{}
	for i := range p.Servers {
		o, err := q.Options(i)
		if err != nil {
			t.Fatal(err)
		}
		if o.Cluster.Name != "x" || len(o.Routes) != 3 || o.SyncInterval != 250*time.Millisecond {
			t.Errorf("server %d: %+v", i, o)
		}
		ports[o.Port], ports[o.Cluster.Port] = true, true
	}
	if len(ports) != 6 {
		t.Errorf("%d ports, not 6", len(ports))
	}
	p.Sync = "x"
	if _, err := p.Options(0); err == nil {
		t.Error("a sync interval of x is taken")
	}
}
