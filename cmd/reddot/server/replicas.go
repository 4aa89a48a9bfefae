package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/natsconn"
)

const (
	// mostReplicas is JetStream's own limit.
	mostReplicas = 5
	// clusterReplicas is on how many servers of a cluster a stream is put: with
	// three, one may be lost.
	clusterReplicas = 3
	// settleTime is how long a cluster that is not known to have so many servers
	// may take to find together, before it is taken for a smaller one.
	settleTime = 30 * time.Second
)

// replicas says on how many servers the streams are put that have to be made. It
// is for one goroutine.
type replicas struct {
	asked  int // --replicas; 0: as many as fit the cluster
	log    *slog.Logger
	settle time.Duration

	since time.Time // when the cluster was first found to be too small
	small bool      // it is one of less than clusterReplicas servers
	alone bool      // JetStream is not one of a cluster, although its server is
}

// choose returns on how many servers a stream is put now. Where the server that is connected
// to is one of a cluster, JetStream is asked for clusterReplicas: it knows how many
// there are, and all that a client knows is which of them want to be known.
func (r *replicas) choose(conn *nats.Conn) (int, error) {
	if r.asked > 0 {
		return r.asked, nil
	}
	id := conn.ConnectedServerId()
	cluster := conn.ConnectedClusterName()
	if id == "" || id != conn.ConnectedServerId() {
		return 0, fmt.Errorf("the NATS server is %w there again", errNotYet)
	}
	if cluster == "" || r.small || r.alone {
		return 1, nil
	}
	return clusterReplicas, nil
}

// explainRefusal returns what an error of making streams means where it is about the number of
// servers; any other stays what it is. Servers that are missing may be starting: a
// stream is put on fewer only if there are fewer, and then that is said.
func (r *replicas) explainRefusal(conn *nats.Conn, err error) error {
	api, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return err
	}
	cluster, known := conn.ConnectedClusterName(), knownServers(conn)
	switch server.ErrorIdentifier(api.ErrorCode) {
	case server.JSStreamReplicasNotSupportedErr:
		if r.asked > 0 {
			return fmt.Errorf("the NATS server at %s is not one of a cluster, so --replicas %d can't be had (%w): leave it out, or name the servers of a cluster with --nats",
				natsconn.Redacted(conn.ConnectedUrl()), r.asked, err)
		}
		r.alone = true
		return fmt.Errorf("JetStream is %w asked for one replica: %w", errNotYet, err)
	case server.JSClusterNoPeersErrF:
		if strings.Contains(api.Description, noRoom) {
			return err
		}
	default:
		return err
	}
	if r.since.IsZero() {
		r.since = time.Now()
	}
	if r.asked == 0 && len(known) < clusterReplicas && !strings.Contains(api.Description, "offline") && time.Since(r.since) > r.settle {
		r.small = true
		r.log.Warn("the cluster has too few servers with JetStream for replicas: each stream is on one server, and is lost with it; say with --replicas on how many it is to be",
			"cluster", cluster, "servers", known, "error", err)
	}
	wanted := r.asked
	if wanted == 0 {
		wanted = clusterReplicas
	}
	return fmt.Errorf("the cluster %q has %w %d servers with JetStream that a stream can be put on (%w): start them, or say with --replicas on how many it is to be; known are %s",
		cluster, errNotYet, wanted, err, strings.Join(known, " "))
}

// noRoom is what JetStream says of a cluster whose servers have not the room that a
// stream reserves.
const noRoom = "insufficient storage"

// knownServers are the URLs of the servers that a connection knows: those that it
// was given, and those that their cluster announces. A server may have several.
func knownServers(conn *nats.Conn) (known []string) {
	for _, s := range conn.Servers() {
		u, err := url.Parse(s)
		if err != nil {
			continue
		}
		if u.Hostname() == "localhost" { // as they announce themselves
			u.Host = strings.Replace(u.Host, "localhost", "127.0.0.1", 1)
		}
		if at := u.Scheme + "://" + u.Host; !slices.Contains(known, at) {
			known = append(known, at)
		}
	}
	slices.Sort(known)
	return known
}
