package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"reddot/events"
)

const (
	// webList is how many conversations the user has whose totals are asked.
	webList = 100
	// webBatch is how many commands are in a request, webBatches how many requests are in
	// flight, and webCommands how many commands are stored at most.
	webBatch, webBatches, webCommands = 1_000, 4, 200_000
)

// The figures of HTTP.
const (
	webEmpty     = "an empty handler of net/http"
	webTotals    = "GET /v1/totals, 100 conversations"
	webUnchanged = "the same with If-None-Match"
	webStored    = "POST /v1/commands, 1,000 a request, commands stored"
	webBeside    = "the same, beside NATS with the same reddot"
	webSingle    = "POST /v1/commands, one a request, p99 until stored"
)

func webAims() map[key]Aim {
	return map[key]Aim{
		{"http", webTotals}:    atLeast(0.4, 0.7),
		{"http", webUnchanged}: atLeast(0.6, 0.8),
		{"http", webStored}:    atLeast(0.5, 0.8),
		{"http", webBeside}:    atLeast(0.5, 0.8),
		{"http", webSingle}:    atMost(2, 1.5),
	}
}

// ChildHTTP answers every request over HTTP with nothing, until ctx ends: the least that
// net/http can do. It says where.
func ChildHTTP(ctx context.Context, out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the benchmark: %w", err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ReadHeaderTimeout: ackWait}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	fmt.Fprintln(out, "ready http="+l.Addr().String())
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// startWeb starts a reddot that answers over HTTP, and asks who comes: a key has no rate.
// One of an operator is key with another letter at its end.
func (b *bench) startWeb(ctx context.Context, name string, args ...string) (t *traffic, key string, err error) {
	key = "rdk_" + rand.Text() + rand.Text()
	file := filepath.Join(b.dir, name+".json")
	digest := func(key string) string {
		sum := sha256.Sum256([]byte(key))
		return hex.EncodeToString(sum[:])
	}
	content := fmt.Sprintf(`{"keys":[{"name":"bench","role":"backend","sha256":%q},{"name":"operator","role":"operator","sha256":%q}]}`, digest(key), digest(operatorKey(key)))
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		return nil, "", fmt.Errorf("write the keys of the benchmark: %w", err)
	}
	dir := filepath.Join(b.dir, name)
	s, err := b.startServerAs(ctx, key, dir, append([]string{"serve", "--data", dir, "--sync", b.cfg.Sync, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0",
		"--auth", file, "--log-level", "error"}, args...)...)
	return &traffic{server: s, subjects: b.subjects}, key, err
}

func operatorKey(key string) string { return key + "o" }

// web is the stage "http".
func (b *bench) web(ctx context.Context) error {
	if err := b.endLog(); err != nil {
		return err
	}
	t, key, err := b.startWeb(ctx, "http")
	if err != nil {
		return err
	}
	if _, err := t.send(ctx, listed(webList)); err != nil {
		return err
	}
	child, err := b.start(ChildCommand, "http")
	if err != nil {
		return err
	}
	empty, err := child.Line(ctx)
	if err != nil {
		return err
	}
	if err := b.webQueries(ctx, t, key, strings.TrimPrefix(empty, "ready http=")); err != nil {
		return err
	}
	if err := child.Stop(); err != nil {
		return err
	}
	if err := b.webSingles(ctx, t, key); err != nil {
		return err
	}
	if err := b.webCommands(ctx, t, key); err != nil {
		return err
	}
	return t.end()
}

// webQueries asks for totals, and an empty handler for nothing, in turns.
func (b *bench) webQueries(ctx context.Context, t *traffic, key, empty string) error {
	path := "/v1/totals?user=" + lister(webList)
	first, err := askOnce(t.http, request("GET", t.http, path, key, nil), http.StatusOK)
	if err != nil {
		return err
	}
	all := []*webQuestion{
		{webEmpty, empty, request("GET", empty, path, key, nil), http.StatusOK, answers{}},
		{webTotals, t.http, request("GET", t.http, path, key, nil), http.StatusOK, answers{}},
		{webUnchanged, t.http, request("GET", t.http, path, key, nil, "If-None-Match: "+first.Get("ETag")), http.StatusNotModified, answers{}},
	}
	err = b.turns("http: totals", askTurns*len(all), func(step *Step) error {
		for range askTurns {
			for _, q := range all {
				a, err := q.ask(ctx, askers, b.cfg.For/4/askTurns)
				if err != nil {
					return err
				}
				q.got.add(a)
				step.done.Add(1)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	reference := all[0].got.perSecond()
	b.note(figure("http", webEmpty, PerSecond, reference).with(all[0].got.times))
	for _, q := range all[1:] {
		b.note(figure("http", q.name, PerSecond, q.got.perSecond()).compare(webEmpty, reference).with(q.got.times))
	}
	return nil
}

// webSingles stores one command after the other, over HTTP and on NATS in turns.
func (b *bench) webSingles(ctx context.Context, t *traffic, key string) error {
	c, err := dialWeb(t.http)
	if err != nil {
		return err
	}
	defer c.close()
	var web, bare sample
	n := 0
	err = b.turns("http: one command after the other", 2*askTurns, func(step *Step) error {
		for range askTurns {
			for end := time.Now().Add(b.cfg.For / 8 / askTurns); time.Now().Before(end) && ctx.Err() == nil; n++ {
				body := fmt.Appendf(nil, `{"commands":[{"type":"user.message","user":"single","id":"h%d","from":"bob"}],"wait":"stored"}`, n)
				began := time.Now()
				if _, err := c.do(request("POST", t.http, "/v1/commands", key, body), http.StatusOK); err != nil {
					return err
				}
				web = append(web, time.Since(began))
			}
			step.done.Add(1)
			subject := t.subjects.Command(events.Target{Verb: events.UserMessage, Inbox: "single"})
			for end := time.Now().Add(b.cfg.For / 8 / askTurns); time.Now().Before(end); n++ {
				began := time.Now()
				if _, err := t.js.Publish(ctx, subject, fmt.Appendf(nil, `{"id":"n%d","from":"bob"}`, n)); err != nil {
					return fmt.Errorf("publish: %w", err)
				}
				bare = append(bare, time.Since(began))
			}
			step.done.Add(1)
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	t.last += len(web) + len(bare)
	b.note(figure("http", webSingle, Seconds, web.at(0.99).Seconds()).compare("publish on NATS", bare.at(0.99).Seconds()))
	return nil
}

// webCommands stores the commands in batches, beside what publishing them alone took; and
// in turns as many more on NATS, in the same reddot, which folds and tells all of them
// meanwhile.
func (b *bench) webCommands(ctx context.Context, t *traffic, key string) error {
	script, err := b.script.open()
	if err != nil {
		return err
	}
	defer script.close()
	if b.script.joins > 0 {
		if _, _, err := t.follow(ctx, script.next, b.script.joins, new(Step)); err != nil {
			return err
		}
	}
	bodies, n, err := b.webBodies(t, key, script)
	if err != nil {
		return err
	}
	var web, bare time.Duration
	onNATS := 0 // commands
	turn := (len(bodies) + askTurns - 1) / askTurns
	err = b.turns("http: commands", 2*len(bodies), func(step *Step) error {
		for some := range slices.Chunk(bodies, turn) {
			began := time.Now()
			if err := t.post(ctx, some, step); err != nil {
				return err
			}
			web += time.Since(began)
			began = time.Now()
			as := n * len(some) / len(bodies)
			if err := t.publish(ctx, script.next, as, new(Step)); err != nil {
				return err
			}
			bare += time.Since(began)
			onNATS += as
			step.done.Add(int64(len(some)))
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.last += n + onNATS
	stored := perSecond(n, web)
	b.note(figure("http", webStored, PerSecond, stored).compare("publish", b.rates.publish))
	b.note(figure("http", webBeside, PerSecond, stored).compare("publish to that reddot", perSecond(onNATS, bare)))
	return t.emitted(ctx, events.Seq(t.last))
}

// post sends requests with commands, some at a time, in order.
func (t *traffic) post(ctx context.Context, requests [][]byte, step *Step) error {
	g, ctx := errgroup.WithContext(ctx)
	next := make(chan []byte)
	g.Go(func() error {
		defer close(next)
		for _, request := range requests {
			select {
			case next <- request:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range webBatches {
		g.Go(func() error {
			c, err := dialWeb(t.http)
			if err != nil {
				return err
			}
			defer c.close()
			for request := range next {
				if _, err := c.do(request, http.StatusOK); err != nil {
					return err
				}
				step.done.Add(1)
			}
			return nil
		})
	}
	return g.Wait()
}

// webBodies are requests with the commands of a script, in order, and how many commands
// that are.
func (b *bench) webBodies(t *traffic, key string, script *reader) (requests [][]byte, n int, err error) {
	total := min(b.sizes.all/2, webCommands) // as many go to NATS
	var decoder events.Decoder
	for n < total {
		var body bytes.Buffer
		body.WriteString(`{"commands":[`)
		for i := range min(webBatch, total-n) {
			subject, payload, err := script.next()
			if err != nil {
				return nil, 0, err
			}
			if i > 0 {
				body.WriteByte(',')
			}
			if err := typed(&body, &decoder, t.subjects, subject, payload); err != nil {
				return nil, 0, err
			}
			n++
		}
		body.WriteString(`]}`)
		requests = append(requests, request("POST", t.http, "/v1/commands", key, body.Bytes()))
	}
	return requests, n, nil
}

// typed writes a command as one of a batch.
func typed(out *bytes.Buffer, decoder *events.Decoder, subjects events.Subjects, subject string, payload []byte) error {
	target, err := subjects.ParseCommand(subject)
	if err != nil {
		return err
	}
	var c events.Command
	if err := decoder.Decode(target, payload, &c); err != nil {
		return err
	}
	object, err := events.EncodeJSON(&c)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `{"type":%q`, target.Verb.String())
	if inbox := target.Verb.Inbox(); inbox != "" {
		fmt.Fprintf(out, `,%q:%s`, inbox, strconv.Quote(target.Inbox))
	}
	if len(object) > len("{}") {
		out.WriteByte(',')
	}
	out.Write(object[1:])
	return nil
}
