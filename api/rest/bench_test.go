package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"reddot/api/gate"
	"reddot/api/identity"
	"reddot/projector/testkit"
)

// quiet is a connection's end of an answer that goes nowhere.
type quiet struct {
	header http.Header
	code   int
}

func (q *quiet) Header() http.Header              { return q.header }
func (q *quiet) WriteHeader(code int)             { q.code = code }
func (q *quiet) Write(b []byte) (int, error)      { return len(b), nil }
func (q *quiet) SetReadDeadline(time.Time) error  { return nil }
func (q *quiet) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkTotals is what a poll of a badge costs beside net/http: with the totals in the
// answer, and without since they are the same.
func BenchmarkTotals(b *testing.B) {
	w := newWorld(b, options{fold: true, alone: true, auth: `"origins": []`})
	var list []string
	for i := range 100 {
		list = append(list, fmt.Sprintf(`{"type":"user.message","user":"alice","id":"m%d","from":"peer%d"}`, i, i))
	}
	w.commands(list...)
	testkit.Eventually(b, "it is known that nobody else answers", func() bool { return w.p.Newest() == nil })
	const path = "/v1/totals?user=alice"
	tag := w.want(http.StatusOK, w.get(path, w.as(identity.Backend)...)).header.Get("ETag")
	for name, code := range map[string]int{"sent": http.StatusOK, "unchanged": http.StatusNotModified} {
		b.Run(name, func(b *testing.B) {
			r, err := http.NewRequest("GET", path, http.NoBody)
			if err != nil {
				b.Fatal(err)
			}
			r.RequestURI, r.Host = path, "127.0.0.1"
			_, credential, _ := strings.Cut(w.as(identity.Backend)[0], ": ")
			r.Header.Set("Authorization", credential)
			if code == http.StatusNotModified {
				r.Header.Set("If-None-Match", tag)
			}
			h := w.server.Handler()
			b.ReportAllocs()
			for b.Loop() {
				q := quiet{header: http.Header{}}
				if h.ServeHTTP(&q, r); q.code != code {
					b.Fatalf("answered %d", q.code)
				}
			}
		})
	}
}

// BenchmarkCommands is what a batch of 1,000 messages costs until it is stored, all that
// runs in this process included: the NATS server, the fold and the emitter.
func BenchmarkCommands(b *testing.B) {
	w := newWorld(b, options{auth: `"origins": []`, gate: gate.Config{Rate: -1}})
	_, credential, _ := strings.Cut(w.as(identity.Backend)[0], ": ")
	h := w.server.Handler()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		var body strings.Builder
		for i := range 1_000 {
			fmt.Fprintf(&body, `,{"type":"user.message","user":"user%d","id":"m%d-%d","from":"peer","at":1700000000000}`, i, n, i)
		}
		r, err := http.NewRequest("POST", "/v1/commands", strings.NewReader(`{"commands":[`+body.String()[1:]+`]}`))
		if err != nil {
			b.Fatal(err)
		}
		r.RequestURI, r.Host = "/v1/commands", "127.0.0.1"
		r.Header.Set("Authorization", credential)
		r.Header.Set("Content-Type", "application/json")
		b.StartTimer()
		q := quiet{header: http.Header{}}
		if h.ServeHTTP(&q, r); q.code != http.StatusOK {
			b.Fatalf("answered %d", q.code)
		}
	}
}
