package rest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"reddot/api/rest"
	"reddot/projector/testkit"
)

// TestDeliveries: what became of webhooks lately is told of each endpoint, and of all.
func TestDeliveries(t *testing.T) {
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "reddot_webhook_deliveries_total"}, []string{"endpoint", "outcome"})
	w := newWorld(t, options{fold: true, rest: func(c *rest.Config) { testkit.OK(t, c.Registry.Register(sent)) }})
	window := func() rest.Window {
		t.Helper()
		return read[rest.Stats](t, w.get("/v1/stats")).Windows[0]
	}
	testkit.Eventually(t, "there is something to compare with", func() bool { return window().Seconds > 0 })
	if got := window().Webhooks; got.Endpoints != nil || got.Sent.Count != 0 {
		t.Errorf("without webhooks: %+v", got)
	}
	for name, n := range map[string][2]float64{"push": {3, 1}, "audit": {0, 2}, "idle": {0, 0}} {
		sent.WithLabelValues(name, "delivered").Add(n[0])
		sent.WithLabelValues(name, "failed").Add(n[1])
	}
	type counts struct {
		name            string
		sent, delivered uint64
	}
	now := window().Webhooks
	got := []counts{{"", now.Sent.Count, now.Delivered.Count}}
	for _, e := range now.Endpoints {
		got = append(got, counts{e.Name, e.Sent.Count, e.Delivered.Count})
	}
	want := []counts{{"", 6, 3}, {"audit", 2, 0}, {"idle", 0, 0}, {"push", 4, 3}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(counts{})); d != "" {
		t.Errorf("(- want, + got)\n%s", d)
	}
}
