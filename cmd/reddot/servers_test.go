package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// TestServers: any of the servers that are named will do. A dead one that is named
// first is passed over by the server and by the clients, by flag, by environment
// and by context; when the server that it is connected to ends, reddot goes on with
// another.
func TestServers(t *testing.T) {
	c := startCluster(t, 3)
	together(t, c)
	const dead = "nats://127.0.0.2:1"
	urls := dead + "," + c.URL(1)
	t.Setenv("REDDOT_NATS", urls)
	s := serveOn(t)
	ready := s.isReady()
	if !strings.Contains(ready, "nats=nats://127.0.0.1:") || strings.Contains(ready, dead) {
		t.Errorf("it says %q", ready)
	}
	t.Setenv("REDDOT_NATS", "")
	command := `{"subject":"unread.cmd.user.alice.message","payload":{"id":"m1","from":"bob"}}`
	context := fileOf(t, `{"url": "`+urls+`"}`)
	send := func(args ...string) {
		t.Helper()
		reddot(t, strings.NewReader(command), append([]string{"publish", "--wait", "--timeout", "60s"}, args...)...).done(t)
	}
	send("--server", urls)
	send("--nats-context", context)
	t.Setenv("NATS_URL", urls)
	send()
	reddot(t, nil, "show", "alice").done(t)

	at := statusAt(t, c.URLs()).NATS
	lost := -1
	for i := range 3 {
		if c.Plan.Server(i) == at.Server {
			lost = i
		}
	}
	if lost < 0 || at.URL != c.URL(lost) || at.Cluster != "test" {
		t.Fatalf("it is at %+v", at)
	}
	c.Stop(lost)
	left := c.URL((lost + 1) % 3)
	soon(t, "it goes on at another server", func() bool {
		r := reddot(t, nil, "status", "--json", "--server", left)
		return r.code == exitDone && strings.Contains(r.stdout, `"state":"live"`) && !strings.Contains(r.stdout, `"server":"`+at.Server+`"`)
	})
	t.Setenv("NATS_URL", left)
	soon(t, "commands are taken and told of", func() bool {
		return reddot(t, strings.NewReader(command), "publish", "--wait").code == exitDone
	})
}

// TestServersRefuse: where one of several servers refuses the user and the others
// are dead, that is what is said, wherever it stands.
func TestServersRefuse(t *testing.T) {
	at := natstest.Start(t, natstest.With(&server.Options{Username: "u", Password: "x"})).URL()
	for _, urls := range []string{at + ",nats://127.0.0.2:1", "nats://127.0.0.2:1," + at} {
		for range 4 { // the library draws their order
			reddot(t, nil, "status", "--server", urls).failed(t, exitFailed, "the NATS server at "+at+" refuses")
		}
		_, r := servedBy(t, "--nats", urls)
		r.failed(t, exitFailed, " refuses ", at)
	}
}

// TestServersRedacted: what lets one in is in none of several URLs that are shown.
func TestServersRedacted(t *testing.T) {
	urls := "nats://reddot:secret@127.0.0.1:1,nats://token@127.0.0.1:2"
	for _, args := range [][]string{
		{"status", "--server", urls},
		{"show", "alice", "--server", urls},
	} {
		r := reddot(t, nil, args...)
		r.failed(t, exitFailed, "nats://reddot:xxxxx@127.0.0.1:1,nats://xxxxx@127.0.0.1:2")
		if strings.Contains(r.stderr, "secret") || strings.Contains(r.stderr, "token") {
			t.Error(r.stderr)
		}
	}
	s := serveOn(t, "--nats", urls)
	s.says("no NATS server at nats://reddot:xxxxx@127.0.0.1:1,nats://xxxxx@127.0.0.1:2")
	if text := s.stderr.String(); strings.Contains(text, "secret") || strings.Contains(text, "token") {
		t.Error(text)
	}
	s.stop()
}

// TestPageServers: the configuration of the servers in the page of clusters is
// one, and says what the text does.
func TestPageServers(t *testing.T) {
	text := string(testkit.Must(os.ReadFile(filepath.Join("..", "..", "api", "docs", "cluster.md")))(t))
	found := regexp.MustCompile("(?s)```\n(server_name.*?)```").FindStringSubmatch(text)
	if found == nil {
		t.Fatal("there is none")
	}
	o := testkit.Must(server.ProcessConfigFile(fileOf(t, found[1])))(t)
	if !o.SyncAlways || len(o.Routes) != 3 || o.Cluster.Name == "" || len(o.Tags) != 1 || !strings.HasPrefix(o.Tags[0], o.JetStreamUniqueTag) || o.JetStreamUniqueTag == "" {
		t.Errorf("%+v", o)
	}
	o.StoreDir, o.NoSigs = t.TempDir(), true
	if _, err := server.NewServer(o); err != nil {
		t.Error(err)
	}
}
