package cluster_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/cluster"
)

// tooLong is how long a test waits for what must happen.
const tooLong = time.Minute

// start starts a cluster of three that can make streams, and connects to it.
func start(t *testing.T, log server.Logger) (*cluster.Cluster, jetstream.JetStream) {
	t.Helper()
	c, err := cluster.Start(cluster.Config{Name: "test", Dir: t.TempDir(), Servers: 3, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Wait(within(t, tooLong)); err != nil {
		t.Fatal(err)
	}
	conn, err := nats.Connect(c.URLs(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return c, js
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// create makes a stream, once the cluster has the means.
func create(t *testing.T, js jetstream.JetStream, name string, replicas int) {
	t.Helper()
	var err error
	for end := time.Now().Add(tooLong); time.Now().Before(end); {
		_, err = js.CreateStream(within(t, 5*time.Second), jetstream.StreamConfig{Name: name, Subjects: []string{name}, Replicas: replicas})
		if err == nil {
			return
		}
	}
	t.Fatal(err)
}

// publish publishes until a message is acknowledged.
func publish(t *testing.T, js jetstream.JetStream, subject string) {
	t.Helper()
	var err error
	for end := time.Now().Add(tooLong); time.Now().Before(end); {
		if _, err = js.Publish(within(t, 2*time.Second), subject, nil); err == nil {
			return
		}
	}
	t.Fatalf("nothing is acknowledged on %s: %v", subject, err)
}
