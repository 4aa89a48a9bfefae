package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"reddot/projector/testkit"
)

// TestJudge: what each answer means. Only 429 and 503 may say when to come again, in
// seconds or with a date.
func TestJudge(t *testing.T) {
	const minute, date = "60", "Sat, 28 Nov 2026 12:01:00 GMT"
	for _, test := range []struct {
		code  int
		after string
		want  resultKind
		wait  time.Duration
	}{
		{200, "", delivered, 0}, {202, minute, delivered, 0}, {204, "", delivered, 0}, {299, "", delivered, 0},
		{301, "", failed, 0}, {307, minute, failed, 0}, {400, "", failed, 0}, {404, minute, failed, 0}, {500, minute, failed, 0},
		{410, "", gone, 0}, {410, minute, gone, 0},
		{429, minute, throttled, time.Minute}, {429, date, throttled, time.Minute}, {429, "", failed, 0}, {429, "soon", failed, 0},
		{503, minute, throttled, time.Minute}, {503, date, throttled, time.Minute}, {503, "", failed, 0}, {502, date, failed, 0},
	} {
		resp := &http.Response{StatusCode: test.code, Status: fmt.Sprint(test.code), Header: http.Header{}}
		if test.after != "" {
			resp.Header.Set("Retry-After", test.after)
		}
		if r := judge(resp, noon); r.kind != test.want || r.wait != test.wait || r.status != test.code {
			t.Errorf("%d with %q: %+v", test.code, test.after, r)
		}
	}
}

// TestHangs: who takes a connection, or a request, and says nothing is waited for as long
// as the time is; who has said 2xx and does not end is believed.
func TestHangs(t *testing.T) {
	end := make(chan struct{})
	silent := testkit.Must(net.Listen("tcp", "127.0.0.1:0"))(t) // connections are made, and nobody reads
	defer silent.Close()
	hangs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/says" {
			w.WriteHeader(http.StatusAccepted)
			w.Write([]byte("{"))
			testkit.OK(t, http.NewResponseController(w).Flush())
		}
		<-end
	}))
	defer hangs.Close()
	defer close(end)
	for url, want := range map[string]resultKind{
		hangs.URL: failed, hangs.URL + "/says": delivered, "http://" + silent.Addr().String(): failed, "https://" + silent.Addr().String(): failed,
	} {
		s := newSender(&Endpoint{URL: url}, "test")
		if s.timeout != 15*time.Second {
			t.Errorf("a request may take %v", s.timeout)
		}
		s.timeout = 200 * time.Millisecond
		if r := s.send(t.Context(), "msg_1", []byte("{}")); r.kind != want || want == failed && r.reason != "no answer within 200ms" {
			t.Errorf("%s: %+v", url, r)
		}
		s.close()
	}
}

// TestResolved: what a name resolves to is what is looked at, whatever record says it, and
// if it did resolve to something else when the file was read.
func TestResolved(t *testing.T) {
	dns := testkit.Must(net.ListenPacket("udp", "127.0.0.1:0"))(t)
	defer dns.Close()
	v4, v6 := []byte{169, 254, 169, 254}, append([]byte{0, 0x64, 0xff, 0x9b, 11: 0}, 169, 254, 169, 254) // the same through NAT64
	go func() {
		for query := make([]byte, 512); ; {
			n, from, err := dns.ReadFrom(query)
			if err != nil {
				return
			}
			dns.WriteTo(dnsAnswer(query[:n], v4, v6), from)
		}
	}()
	for _, network := range []string{"tcp4", "tcp6"} {
		s := newSender(&Endpoint{URL: "http://push.example/hook"}, "test")
		d := dialer()
		d.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "udp", dns.LocalAddr().String())
		}}
		s.http.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, address string) (net.Conn, error) {
			conn, err := d.DialContext(ctx, network, address)
			if !errors.Is(err, errAddress) {
				t.Errorf("%s: %v", network, err)
			}
			return conn, err
		}
		if r := s.send(t.Context(), "msg_1", []byte("{}")); r.kind != failed || !strings.Contains(r.reason, "nothing is sent to this address") {
			t.Errorf("%s: %+v", network, r)
		}
	}
}

// dnsAnswer answers a question with an address.
func dnsAnswer(query, v4, v6 []byte) []byte {
	end := 12
	for end < len(query) && query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5                          // the root, type and class
	address, kind := v4, query[end-3] // of the question: 1 is A, 28 AAAA
	if kind == 28 {
		address = v6
	}
	answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0}, query[12:end]...)
	answer = append(answer, 0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 1, 0, byte(len(address))) // of the name in the question, for a second
	return append(answer, address...)
}

// TestThrottled: Retry-After holds for all of an endpoint, as a date or in seconds, and is
// no failure; a test that is taken ends it.
func TestThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	date := w.receiver(nil)
	seconds := w.receiver(nil)
	for _, of := range []struct {
		*receiver
		code  int
		after func() string
	}{
		{date, http.StatusTooManyRequests, func() string { return time.Now().Add(time.Hour).UTC().Format(http.TimeFormat) }},
		{seconds, http.StatusServiceUnavailable, func() string { return "3600" }},
	} {
		of.answers(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", of.after())
			rw.WriteHeader(of.code)
		})
	}
	badges := `"types": ["badge.changed"]`
	h := w.start("[" + endpointFile("date", date.URL, badges) + "," + endpointFile("seconds", seconds.URL, badges) + "]")
	w.message("alice", 1)
	testkit.Eventually(t, "both are let alone for an hour", func() bool {
		list, err := h.List(testkit.Context(t))
		for _, s := range list.Webhooks {
			if s.Next == nil || s.Failures != 0 || time.Until(time.UnixMilli(int64(*s.Next))) < 55*time.Minute || s.Waiting == 0 {
				return false
			}
		}
		return err == nil
	})
	w.emitted(w.message("carol", 1))
	for name, r := range map[string]*receiver{"date": date, "seconds": seconds} {
		if r.tried() != 1 {
			t.Errorf("%s was asked %d times", name, r.tried())
		}
		r.answers(nil)
		if tested := testkit.Must(h.Test(testkit.Context(t), name))(t); !tested.Delivered {
			t.Errorf("the test: %+v", tested)
		}
		r.await("alice's badge", badgeIs("alice", 1))
		r.await("carol's badge", badgeIs("carol", 1))
	}
}

// TestMoved: what waits for an endpoint is told at its new URL, and signed with its new
// secrets.
func TestMoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, now := w.receiver(status(http.StatusBadGateway)), w.receiver(nil)
	file := "[" + endpointFile("push", old.URL, `"types": ["badge.changed"]`) + "]"
	h := w.start(file)
	w.message("alice", 1)
	testkit.Eventually(t, "it is tried", func() bool { return old.tried() > 0 })
	f := testkit.Must(Parse([]byte(strings.Replace(file, old.URL, now.URL, 1))))(t)
	h.mu.Lock()
	h.file = f
	h.mu.Unlock()
	h.changed <- struct{}{}
	now.await("alice's badge", badgeIs("alice", 1))
}
