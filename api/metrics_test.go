package api

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestPositionsDown: a scrape says so when the projection doesn't answer.
func TestPositionsDown(t *testing.T) {
	source := newTwinSource()
	registry := prometheus.NewRegistry()
	registry.MustRegister(NewPositions(source))
	names := func() (all []string) {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			all = append(all, f.GetName())
			if up := f.GetMetric()[0].GetGauge().GetValue(); f.GetName() == "reddot_status_up" && (up == 1) != (source.hook == nil) {
				t.Errorf("up is %v", up)
			}
		}
		return all
	}
	if got := names(); len(got) != 3 {
		t.Errorf("up: %v", got)
	}
	source.hook = func(string) error { return errors.New("gone") }
	if got := names(); len(got) != 1 || got[0] != "reddot_status_up" {
		t.Errorf("down: %v", got)
	}
}

func TestMetricsTwice(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := NewMetrics(registry); err != nil {
		t.Fatal(err)
	}
	if _, err := NewMetrics(registry); err == nil {
		t.Error("registered twice without an error")
	}
	var none *Metrics
	none.answered("totals", "200", time.Second)
	none.wait(1)
}

// TestSparseLog: what may happen with every request does not flood the log.
func TestSparseLog(t *testing.T) {
	var out bytes.Buffer
	l := sparseLog{logger: slog.New(slog.NewTextHandler(&out, nil))}
	for range 1_000 {
		l.warn("query not answered")
	}
	if at := l.next.Load().String(); !strings.Contains(at, " m=") {
		t.Errorf("%s has no reading of the monotonic clock: a clock that is set back would silence the log", at)
	}
	l.next.Store(nil)
	l.warn("query not answered")
	if lines := strings.Count(out.String(), "\n"); lines > 3 || !strings.Contains(out.String(), "left_out=") {
		t.Errorf("%d lines for 1,001 warnings:\n%s", lines, out.String())
	}
}
