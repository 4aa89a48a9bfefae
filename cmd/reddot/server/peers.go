package server

import (
	"os"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"reddot/events"
	"reddot/projector/peers"
)

// listenToPeers subscribes to the other reddots of the log.
func (s *Server) listenToPeers(conn *nats.Conn) (*peers.Peers, error) {
	host, _ := os.Hostname() // empty if it has none
	self := events.Peer{Host: host, PID: os.Getpid(), Version: s.cfg.Program}
	return peers.New(peers.Config{Conn: conn, Subjects: s.subjects, Logger: s.log, Self: func() events.Peer {
		now := s.source.peer()
		now.Host, now.PID, now.Version, now.Server = self.Host, self.PID, self.Version, conn.ConnectedServerName()
		return now
	}})
}

// peer is what this reddot notifies the others of: how far it is.
func (s *projection) peer() events.Peer {
	now := s.now.Load()
	switch {
	case now.p != nil:
		return now.p.Peer()
	case now.begins:
		return events.Peer{State: events.CatchingUp}
	}
	return events.Peer{State: events.Stopped, Applied: now.before.Applied, Emitted: now.before.Emitted, Last: now.before.Last}
}

// addPeers adds the other reddots to a status.
func (s *projection) addPeers(status *events.Status) {
	others := s.peers.Load()
	if others == nil {
		return
	}
	status.ID, status.Peers = others.ID(), others.List()
	for i := range status.Peers {
		peer := &status.Peers[i]
		if last := max(status.Last, peer.Last); last > peer.Applied {
			peer.Lag = uint64(last - peer.Applied)
		}
	}
}

// peerFigures shows the other reddots to Prometheus.
type peerFigures struct {
	source *projection
	number *prometheus.Desc
	lag    *prometheus.Desc
}

func newPeerFigures(source *projection) peerFigures {
	return peerFigures{
		source: source,
		number: prometheus.NewDesc("reddot_peers", "Other reddots of the log that were heard lately.", nil, nil),
		lag:    prometheus.NewDesc("reddot_peers_lag_commands", "Commands that the one of them has not applied that is furthest behind.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (f peerFigures) Describe(ch chan<- *prometheus.Desc) {
	ch <- f.number
	ch <- f.lag
}

// Collect implements prometheus.Collector.
func (f peerFigures) Collect(ch chan<- prometheus.Metric) {
	self := f.source.peer()
	status := events.Status{Last: self.Last}
	f.source.addPeers(&status)
	lag := uint64(0)
	for _, peer := range status.Peers {
		lag = max(lag, peer.Lag)
	}
	ch <- prometheus.MustNewConstMetric(f.number, prometheus.GaugeValue, float64(len(status.Peers)))
	ch <- prometheus.MustNewConstMetric(f.lag, prometheus.GaugeValue, float64(lag))
}
