package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/testkit/natstest"
)

// TestWatchRejected lists what was refused, whoever published it, and then what
// is; the events are msgpack, what is printed is not.
func TestWatchRejected(t *testing.T) {
	dir := t.TempDir()
	address, stop := served(t, dir, natstest.Address(t))
	url := "nats://" + address
	js, err := jetstream.New(connect(t, url))
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(subject string) {
		t.Helper()
		if _, err := js.Publish(t.Context(), subject, []byte(`{"conversation":"group_zzz"}`)); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i <= 12; i++ {
		refuse(fmt.Sprintf("unread.cmd.user.u%d.mute", i))
	}
	reddot(t, nil, "status", "--after-seq", "12", "--timeout", "30s", "--server", url).done(t)
	// Whoever may store events may store anything.
	for _, m := range []*nats.Msg{
		{Subject: "unread-out.0.rejected", Header: nats.Header{"Status": {"404"}}},
		{Subject: "unread-out.x.rejected", Data: []byte("{")},
		{Subject: "unread-out.x.rejected", Header: nats.Header{"Content-Type": {"application/json"}},
			Data: []byte(`{"seq":12,"subject":"unread.cmd.user.bob.read","reason":"because","at":1}`)},
	} {
		if _, err := js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	refuse("unread.cmd.user.u13.read")
	reddot(t, nil, "status", "--after-seq", "13", "--timeout", "30s", "--server", url).done(t)

	w := watch(t, "--rejected", "--json", "--last", "2", "--server", url)
	got := w.until(t, `"seq":13`)
	for i := range got {
		got[i] = regexp.MustCompile(`"at":\d+`).ReplaceAllString(got[i], `"at":1`)
	}
	want := []string{
		`{"type":"rejected","rejected":{"seq":12,"subject":"unread.cmd.user.u12.mute","reason":"muted is missing","at":1}}`,
		`{"type":"rejected","rejected":{"seq":13,"subject":"unread.cmd.user.u13.read","reason":"not a member of the group","at":1}}`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	w.end(t)

	all := reddot(t, nil, "watch", "--rejected", "--for", "1s", "--last", "0", "--server", url).done(t)
	if strings.Count(all, "\n") != 13 {
		t.Errorf("all are\n%s", all)
	}
	ten := reddot(t, nil, "watch", "--rejected", "--for", "1s", "--server", url).done(t)
	if d := cmp.Diff(strings.Join(strings.SplitAfter(all, "\n")[3:], ""), ten); d != "" {
		t.Error(d)
	}

	w = watch(t, "--rejected", "--since", "1h", "--server", url)
	w.until(t, "unread.cmd.user.u13.read: not a member of the group")
	refuse("unread.cmd.user.alice.mesage")
	line := regexp.MustCompile(`^\d{4}-\d\d-\d\dT[0-9:.]+\S+  seq 14, unread\.cmd\.user\.alice\.mesage: unknown verb: did you mean message\?$`)
	if got := w.until(t, "seq 14"); len(got) != 1 || !line.MatchString(got[0]) {
		t.Errorf("printed: %q", got)
	}
	// A server that goes away is waited for.
	stop()
	w.says(t, "reddot: ")
	served(t, dir, address)
	conn := connect(t, url)
	if js, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	refuse("unread.cmd.user.\x01.read")
	if got := w.until(t, "seq 15"); len(got) != 1 || strings.Contains(got[0], "\x01") {
		t.Errorf("printed: %q", got)
	}
	w.end(t)
}

func TestWatchRejectedFails(t *testing.T) {
	s := natstest.Start(t)
	reddot(t, nil, "watch", "--rejected", "--server", s.URL()).failed(t, exitFailed, "there is no stream UNREAD_EVENTS at "+s.URL(), "reddot serve")
}
