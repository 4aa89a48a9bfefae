package main_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// testForgedEvents stores a message in the event stream that tells of a seq far
// ahead. Without the key it is foreign, and nothing else. With it, as an operator
// may have it, the log seems to lack billions of commands: the server asks for
// their number, and when told to fill the log up ends on SIGTERM all the same.
func testForgedEvents(t *testing.T, p program) {
	o := operate(t, p)
	nc := connect(t, o.server.nats)
	send := func(to string) events.Status {
		t.Helper()
		return settled(t, nc, publish(t, nc, "unread.cmd.user."+to+".message", `{"id":"m1","from":"bob"}`))
	}
	send("alice")
	first := forge(t, nc, "4000000000", false)
	if s := send("carol"); s.Emitted != s.Applied || s.Emitter != "emitting" || s.Foreign != 1 {
		t.Errorf("with a forged event the status is %+v", s)
	}
	matches(t, `(?s).*Foreign: +1 message in the event stream.*`, o.run("status").done(t))
	forge(t, nc, "4000000000", false)
	before := o.server
	o.stop()
	for _, words := range []string{"that no reddot has written", fmt.Sprintf("sequence=%d subject=unread-out.x.evt.bob.change", first)} {
		if !strings.Contains(before.stderr.String(), words) {
			t.Errorf("the log lacks %q:\n%s", words, before.stderr)
		}
	}
	o.start()
	nc = connect(t, o.server.nats)
	s := send("dora")
	if s.Emitted != s.Applied || s.Emitter != "emitting" {
		t.Errorf("after a restart the status is %+v", s)
	}

	forged := forge(t, nc, "4000000000", true)
	o.stop()
	missing := func() uint64 {
		t.Helper()
		r := o.refuses()
		r.failed(t, 1, fmt.Sprintf("but the newest event, %d of UNREAD_EVENTS, was made of the commands up to seq 4000000000", forged))
		n := regexp.MustCompile(`if it is true that (\d+) commands are missing, go on with what is left with "reddot serve --accept-truncation=(\d+)"`).FindStringSubmatch(r.stderr)
		if n == nil || n[1] != n[2] {
			t.Fatalf("the error does not name the number: %s", r.stderr)
		}
		all, err := strconv.ParseUint(n[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	n := missing()
	if n != 4_000_000_000-uint64(s.Applied) {
		t.Errorf("%d commands are said to be missing, after %d", n, s.Applied)
	}
	for _, few := range []string{"--accept-cut", "--accept-cut=false", fmt.Sprintf("--accept-cut=%d", n-1)} {
		o.refuses(few).failed(t, 1, fmt.Sprintf("--accept-truncation=%d", n))
	}
	c := p.start(t, o.dir, nil, append(o.args, "--log-level", "warn", fmt.Sprintf("--accept-cut=%d", n))...)
	select {
	case <-c.stderr.line: // it says that it goes on
	case <-c.exited:
		t.Fatalf("it has ended: %s", c.stderr)
	}
	c.terminate(t)
	if text := c.stderr.String(); !strings.Contains(text, "going on with a log that was cut") || !strings.Contains(text, "is not filled up yet") {
		t.Errorf("it has logged:\n%s", text)
	}
	if left := missing(); left > n {
		t.Errorf("%d commands are missing, before it was %d", left, n)
	}
}

// forge stores a message that shows a seq, sealed as an emitter's or not, and
// returns its sequence.
func forge(t *testing.T, nc *nats.Conn, at string, sealed bool) uint64 {
	t.Helper()
	js := jetStream(t, nc)
	stream, err := js.Stream(t.Context(), subjects(t).EventStream())
	if err != nil {
		t.Fatal(err)
	}
	msg := &nats.Msg{Subject: "unread-out.x.evt.bob.change", Header: nats.Header{"Reddot-At": {at}, "Reddot-Applied": {at}}, Data: []byte("{}")}
	if info := stream.CachedInfo(); sealed {
		seal(t, info.Config.Metadata, info.State.LastSeq+1, at, msg)
	}
	ack, err := js.PublishMsg(t.Context(), msg)
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

// seal is who has the key from the stream's metadata.
func seal(t *testing.T, metadata map[string]string, place uint64, at string, msg *nats.Msg) {
	t.Helper()
	secret, err := base64.RawURLEncoding.DecodeString(metadata["reddot-key"][strings.LastIndexByte(metadata["reddot-key"], ' ')+1:])
	if err != nil {
		t.Fatal(err)
	}
	derive := hmac.New(sha256.New, secret)
	derive.Write([]byte("reddot event 1\x00" + metadata["reddot-log"]))
	text := binary.BigEndian.AppendUint64(nil, place)
	for _, field := range []string{msg.Subject, "", "", at, at, "", "", ""} { // of the headers an emitter has
		text = append(binary.BigEndian.AppendUint32(text, uint32(len(field))), field...)
	}
	mac := hmac.New(sha256.New, derive.Sum(nil))
	mac.Write(append(text, msg.Data...))
	msg.Header.Set(jetstream.MsgIDHeader, base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16]))
}
