package log

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestCheckLeader: an answer counts if it is a leader's that hears from most
// replicas, itself among them.
func TestCheckLeader(t *testing.T) {
	replicas := func(heard ...time.Duration) (all []*jetstream.PeerInfo) {
		for _, d := range heard {
			all = append(all, &jetstream.PeerInfo{Active: d})
		}
		return all
	}
	const lately, long = 900 * time.Millisecond, 5 * time.Second
	for name, c := range map[string]struct {
		info *jetstream.ClusterInfo
		want error
	}{
		"no cluster":         {nil, nil},
		"one replica":        {&jetstream.ClusterInfo{Leader: "a"}, nil},
		"no leader":          {&jetstream.ClusterInfo{Replicas: replicas(lately, lately, lately)}, errNoLeader},
		"all":                {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(lately, lately)}, nil},
		"most":               {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(lately, long)}, nil},
		"only itself":        {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(long, long)}, errDeposed},
		"never heard":        {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(0, 0)}, errDeposed},
		"half of two":        {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(long)}, errDeposed},
		"two of five":        {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(lately, long, long, long)}, errDeposed},
		"three of five":      {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(lately, lately, long, long)}, nil},
		"exactly at the end": {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(leaderHeard, leaderHeard)}, errDeposed},
	} {
		if got := checkLeader(c.info); got != c.want {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
}
